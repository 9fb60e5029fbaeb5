"""A watchdog that may kill nobody: `python -m tests.integration.unarmed_watchdog watchdog`.

As where the trader runs in another pid namespace, or under another user. All else is as shipped.
"""

import sys

from polybot.adapters.process_killer import LinuxProcessKiller
from polybot.cli.run import main
from polybot.ports.fence import Killing, ProcessIdentity


def refuse(_killer: LinuxProcessKiller, identity: ProcessIdentity) -> Killing:
    """Refuse to kill, as where the process cannot be verified."""
    return Killing(is_over=False, detail=f"pid {identity.pid} cannot be verified")


if __name__ == "__main__":
    type.__setattr__(LinuxProcessKiller, "kill", refuse)
    sys.exit(main(sys.argv[1:]))
