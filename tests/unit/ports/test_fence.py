from contextlib import nullcontext
from pathlib import Path

from polybot.adapters.fence_files import FenceFile, FenceWatch
from polybot.adapters.order_sweeper import ThreadedSweeper
from polybot.adapters.process_killer import LinuxProcessKiller
from polybot.bootstrap.journaled_orders import JournaledOrders
from polybot.ports.fence import NO_FENCE, Fence, FenceStore, OrderSweeper, ProcessKiller
from tests.fakes import FakeClock
from tests.unit.services.watchdog.fakes import FakeFenceStore, FakeKiller, FakeSweeper


def test_where_there_is_no_fence_every_order_may_leave() -> None:
    assert NO_FENCE.refusal(0) == ""
    assert not NO_FENCE.is_raised()
    assert NO_FENCE.is_cleared()


def test_adapters_and_fakes_are_what_the_ports_say(tmp_path: Path) -> None:
    fences: list[Fence] = [FenceWatch(tmp_path, FakeClock()), NO_FENCE]
    stores: list[FenceStore] = [FenceFile(tmp_path), FakeFenceStore()]
    killers: list[ProcessKiller] = [LinuxProcessKiller(tmp_path), FakeKiller(FakeFenceStore())]
    sweepers: list[OrderSweeper] = [sweeper(tmp_path), FakeSweeper()]
    assert [fence.epoch for fence in fences] == [0, 0]
    assert [store.read() for store in stores] == [None, None]
    assert [killer.lock_holder(0.0) for killer in killers] == [None, None]
    assert [each.take() for each in sweepers] == [None, None]


def sweeper(directory: Path) -> ThreadedSweeper:
    own = JournaledOrders(directory / "ledger.sqlite", directory)
    return ThreadedSweeper(nullcontext, own, lambda: None)  # type: ignore[arg-type]
