"""Every port the trader reads within a turn has its tape, and stands still for the turn."""

from typing import Any

import pytest

from polybot.domain.arming import Arming
from polybot.errors import StorageError
from polybot.ports import CatalogAnswer
from polybot.services.trader.parts import TraderPorts
from polybot.services.trader.tape_records import (
    NUMBER,
    TAPE_ACCOUNT,
    TAPE_ARMING,
    TAPE_CATALOG,
    TAPE_CLEARED,
    TAPE_COMMAND,
    TAPE_OVERRUN,
    TAPE_PREFLIGHT,
    TAPE_REFUSAL,
    TAPE_SEQ,
    TAPE_TURN,
    Account,
    ArmingLook,
    decode_account,
    decode_arming,
    decode_begin,
    decode_catalog,
    decode_facts,
)
from polybot.services.trader.taped_ports import (
    HOW_REPLAYED,
    Batches,
    Recorder,
    TapedArming,
    TapedCatalog,
    TapedFence,
    TapedPreflight,
    TurnAccess,
)
from tests.fakes import FakeCatalog, FakeClock, FakeMarketClock, FakeOutbox
from tests.story import market_at, settled
from tests.unit.services.trader.fakes_exchange import API_KEY, FakeAccess, FakePreflight, FakeTape
from tests.unit.services.trader.whole_trader import WholeTrader

ARMING = Arming(funder="0xf", signature_type=0, versions=("v1",), armed_ns=1, expires_ns=0, by="me")


class FakeFence:
    """A fence that says what a test wants."""

    epoch = 3

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.cleared = True

    def is_raised(self) -> bool:
        return False

    def refusal(self, since_ns: int) -> str:
        return self.answers.pop(0) if self.answers else ""

    def is_cleared(self) -> bool:
        return self.cleared


class FakeArming:
    """A store that a test fills, or breaks."""

    def __init__(self) -> None:
        self.found: Arming | StorageError | None = None

    def read(self) -> Arming | None:
        if isinstance(self.found, StorageError):
            raise self.found
        return self.found


class Case:
    """Every taped port around fakes."""

    def __init__(self) -> None:
        self.tape, self.clock = FakeTape(), FakeClock()
        self.recorder = Recorder(self.tape, self.clock, FakeMarketClock())
        self.account, self.fence, self.outbox = FakeAccess(), FakeFence(), FakeOutbox()
        self.access = TurnAccess(self.account, self.recorder)
        self.taped_fence = TapedFence(self.fence, self.recorder)
        self.batches = Batches(
            self.clock, self.access, self.taped_fence, self.recorder, self.outbox
        )

    def kinds(self) -> list[int]:
        return [kind for kind, _ in self.tape.taped]

    def last(self, kind: int) -> Any:
        return [data for known, data in self.tape.taped if known == kind][-1]


def test_every_port_of_the_trader_is_accounted_for() -> None:
    assert HOW_REPLAYED.keys() == set(TraderPorts.__struct_fields__)


def test_what_catalog_and_preflight_answer_is_taped() -> None:
    case = Case()
    catalog = FakeCatalog()
    taped = TapedCatalog(catalog, case.recorder)
    taped.request("w")
    answers = taped.take()
    assert answers == [CatalogAnswer("w", None)]
    assert decode_catalog(case.last(TAPE_CATALOG)) == answers[0]
    preflight = FakePreflight()
    checks = TapedPreflight(preflight, case.recorder)
    checks.request(market_at())
    checks.refresh_balance("7")
    (facts,) = checks.take()
    assert decode_facts(case.last(TAPE_PREFLIGHT)) == facts
    assert (preflight.asked, preflight.refreshed) == ([market_at().slug], ["7"])


def test_a_look_at_the_arming_is_taped_when_it_finds_something_else() -> None:
    case, store = Case(), FakeArming()
    taped = TapedArming(store, case.recorder)
    assert [taped.read(), taped.read()] == [None, None]
    store.found = ARMING
    assert [taped.read(), taped.read()] == [ARMING, ARMING]
    store.found = StorageError("torn")
    for _ in range(2):
        with pytest.raises(StorageError, match="torn"):
            taped.read()
    assert case.kinds() == [TAPE_ARMING] * 3
    looks = [decode_arming(data) for _, data in case.tape.taped]
    assert looks[:2] == [ArmingLook(None), ArmingLook(ARMING)]
    assert str(looks[2].error) == "torn"


def test_the_account_stands_still_during_a_turn() -> None:
    case = Case()
    case.account.is_ready = False
    case.batches.begin(TAPE_TURN)
    case.account.is_ready = True
    assert not case.access.ready()
    case.batches.begin(TAPE_TURN)
    case.account.is_ready = False
    assert case.access.ready()
    assert [decode_begin(d).ready for k, d in case.tape.taped if k == TAPE_TURN] == [False, True]


def test_a_renewed_login_counts_at_once_and_its_end_in_the_next_turn() -> None:
    case = Case()
    case.batches.begin(TAPE_TURN)
    case.access.renew()
    case.account.api_key = "key-2"
    assert case.account.renewed == 1
    assert not case.access.ready()
    assert case.access.api_key == API_KEY
    case.batches.begin(TAPE_TURN)
    assert case.access.api_key == "key-2"
    accounts = [decode_account(d) for k, d in case.tape.taped if k == TAPE_ACCOUNT]
    assert accounts == [Account(key, "0xsigner", "0xfunder") for key in (API_KEY, "key-2")]


def test_a_batch_begins_with_the_time_and_the_command() -> None:
    case = Case()
    case.clock.advance(5)
    case.batches.begin(TAPE_COMMAND, "HaltTrading", b"{}")
    assert case.clock.elapsed_ns() == 0
    begin = decode_begin(case.last(TAPE_COMMAND))
    assert (begin.wall_ns, begin.command, begin.body) == (case.clock.wall_ns, "HaltTrading", b"{}")


def test_a_batch_ends_with_its_newest_event_if_it_had_any() -> None:
    case = Case()
    case.batches.begin(TAPE_TURN)
    case.batches.end()
    assert TAPE_SEQ not in case.kinds()
    case.batches.begin(TAPE_TURN)
    case.outbox.record(settled())
    case.batches.end()
    assert NUMBER.unpack(case.last(TAPE_SEQ)) == (1,)
    assert case.tape.batches == 2


def test_a_turn_that_took_too_long_is_taped_with_its_length() -> None:
    case = Case()
    case.batches.begin(TAPE_TURN)
    case.clock.advance(2)
    assert case.batches.overrun_ns(2_000_000_000) == 0
    case.clock.advance(1)
    assert case.batches.overrun_ns(2_000_000_000) == 3_000_000_000
    assert NUMBER.unpack(case.last(TAPE_OVERRUN)) == (3_000_000_000,)
    assert case.kinds().count(TAPE_OVERRUN) == 1


def test_what_the_fence_holds_back_is_taped_by_the_order_it_was_asked_for() -> None:
    case = Case()
    assert case.taped_fence.epoch == 3
    assert not case.taped_fence.is_raised()
    case.fence.answers = ["", "stood still"]
    case.batches.begin(TAPE_TURN)
    assert [case.taped_fence.refusal(0) for _ in range(3)] == ["", "stood still", ""]
    assert case.last(TAPE_REFUSAL) == NUMBER.pack(1) + b"stood still"
    case.fence.answers = ["late"]
    case.batches.begin(TAPE_TURN)
    case.taped_fence.refusal(0)
    assert case.last(TAPE_REFUSAL) == NUMBER.pack(0) + b"late"


def test_whether_the_fence_is_cleared_is_taped_when_it_changes() -> None:
    case = Case()
    case.fence.cleared = False
    looks = [case.taped_fence.is_cleared(), case.taped_fence.is_cleared()]
    case.fence.cleared = True
    looks.append(case.taped_fence.is_cleared())
    assert looks == [False, False, True]
    assert [d for k, d in case.tape.taped if k == TAPE_CLEARED] == [b"0", b"1"]


def test_the_trader_reads_through_the_tape() -> None:
    ports = WholeTrader(arming=FakeArming()).service._ports  # noqa: SLF001
    assert isinstance(ports.access, TurnAccess)
    assert isinstance(ports.catalog, TapedCatalog)
    assert isinstance(ports.preflight, TapedPreflight)
    assert isinstance(ports.arming, TapedArming)
    assert isinstance(ports.fence, TapedFence)
