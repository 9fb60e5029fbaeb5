"""Work in a process of its own, which may give up its rights for good."""

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")

# Nobody of this machine: the service and its group, one of the group, one who is not.
SERVICE, GROUP, MEMBER, STRANGER = 64_001, 64_001, 64_002, 64_003


def in_fork(work: Callable[[], Any]) -> Any:
    """Return what a function returns in a process of its own; anything JSON can say."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.write(writer, json.dumps(work()).encode())
            code = 0
        finally:
            if code:
                traceback.print_exc(file=sys.stderr)
            # Nothing of the parent's may run at this end: neither its tests nor its exits.
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, "it failed in its own process; see the error stream"
    return json.loads(told)


def open_way_to(directory: Path) -> None:
    """Let everybody enter a directory of a test, and those above it up to the temporary one."""
    temporary = Path(tempfile.gettempdir())
    for path in (directory, *directory.parents):
        if temporary not in path.parents:
            break
        path.chmod(0o755)


def become(user: int, *groups: int) -> None:
    """Become a user for good, a member of these groups besides his own."""
    os.setgroups(groups)
    os.setgid(user)
    os.setuid(user)
