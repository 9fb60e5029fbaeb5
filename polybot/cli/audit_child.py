"""The tracker's regular audit as a short-lived process: prints one AuditResult as JSON."""

import sys

import msgspec

from polybot.bootstrap.audit import audit_account
from polybot.config.load import load
from polybot.errors import ConfigError

CONFIG_EXIT = 4


def main(arguments: list[str]) -> int:
    """Audit at most `arguments[0]` orders since the last audit that agreed, or all without it.

    The result is the whole output.
    """
    most = int(arguments[0]) if arguments else None
    try:
        loaded = load(keyless=True)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return CONFIG_EXIT
    result = audit_account(loaded, complete=most is None, most_orders=most)
    sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
