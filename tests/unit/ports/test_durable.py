"""Checkpoints and tapes are what services take them for."""

from pathlib import Path

from polybot.ports import CheckpointStore, Tape
from polybot.runtime import checkpoint
from polybot.runtime.tape import NullTape, TapeWriter
from tests.fakes import FakeCheckpoints, FakeClock
from tests.unit.ports.contract import unmet
from tests.unit.services.trader.fakes_exchange import FakeTape


def test_checkpoint_stores_offer_the_port(tmp_path: Path) -> None:
    for store in (checkpoint.CheckpointStore(tmp_path, clock=FakeClock()), FakeCheckpoints()):
        assert unmet(CheckpointStore, store) == []


def test_tapes_offer_the_port(tmp_path: Path) -> None:
    writer = TapeWriter(tmp_path, "s")
    for tape in (writer, NullTape(), FakeTape()):
        assert unmet(Tape, tape) == []
    writer.close()
