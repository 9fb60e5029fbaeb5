"""Each sabotage breaks what it names, and only there: in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
# A promise that moved to another place would be broken no more, and its control caught no more.
PROGRAM = """
import sys
from polybot.adapters.clob_gateway import ClobGateway
from polybot.runtime.outbox import JournaledOutbox
from polybot.services.trader.desk import Desk
from tests.prove.sabotaged import CONTROLS

places = {
    "post-before-journal": (Desk, "_submit"),
    "retry-on-timeout": (ClobGateway, "post"),
    "publish-before-sync": (JournaledOutbox, "commit"),
}
before = {name: vars(owner)[method] for name, (owner, method) in places.items()}
CONTROLS[sys.argv[1]]()
after = {name: vars(owner)[method] for name, (owner, method) in places.items()}
print(*(name for name in places if before[name] is not after[name]))
"""


@pytest.mark.parametrize("name", ["post-before-journal", "retry-on-timeout", "publish-before-sync"])
def test_a_sabotage_replaces_the_one_method_that_keeps_its_promise(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, name], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout.split(), done.returncode) == ([name], 0), done.stderr
