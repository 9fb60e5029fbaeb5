"""Stands in for a process of a floor: passes one crash point for ever, or ends at once."""

import os
import sys
import time

from polybot.bootstrap.crash_stop import stand_still_as_told
from polybot.ports.crash_points import reach


def main() -> int:
    """Pass a point until killed; as the tracker, end with an exit code of its own."""
    if sys.argv[1] == "tracker":
        return 7
    stand_still_as_told(os.environ, mode="synthetic")
    while True:
        reach("order.unsent")
        time.sleep(0.005)


if __name__ == "__main__":
    sys.exit(main())
