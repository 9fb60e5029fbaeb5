"""The bond to a runner: when it is gone, whatever killed it, its processes end as if asked to."""

import os
import signal

# prctl(2): the signal this process gets when the thread that started it ends.
_PR_SET_PDEATHSIG = 1


def end_with_parent(parent_pid: int) -> bool:
    """Ask the kernel for SIGTERM at the parent's end; returns whether that parent still lives."""
    # Under systemd nobody asks for this.
    import ctypes  # noqa: PLC0415

    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    # It may have ended before the kernel was asked.
    return os.getppid() == parent_pid
