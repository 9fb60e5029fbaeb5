from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.projections import PROJECTIONS, project
from polybot.adapters.storage.statements import execute
from polybot.messages.codec import EVENT_TYPES, VOLATILE_TYPES
from tests.fakes import make_envelope
from tests.story import opening

# `polybot why` reads them from the event table; nothing else asks for them.
NEEDS_NO_TABLE = {
    "AgentResult",
    "AgentResultCorrected",
    "AlertDelivered",
    "AlertHeard",
    "AlertTold",
    "ArmingChanged",
    "BookDistrusted",
    "CancelOrdersTaken",
    "CancelRequested",
    "DatabaseRebuilt",
    "DriftFound",
    "FeedGap",
    "FenceCleared",
    "FenceRaised",
    "FencedOrdersCanceled",
    "FencedTraderEnded",
    "FlattenFinished",
    "FlattenStarted",
    "ForeignOrdersTaken",
    "PreflightFinished",
    "PriceSourceChanged",
    "ReconcileFinished",
    "SeriesResumed",
    "SeriesStopped",
    "TradingStateChanged",
    "WindowRefused",
    "WindowSplit",
}


def test_every_durable_event_has_a_table_or_is_known_to_need_none() -> None:
    durable = set(EVENT_TYPES) - VOLATILE_TYPES

    assert durable - set(PROJECTIONS) == NEEDS_NO_TABLE
    assert set(PROJECTIONS) <= durable


def test_an_event_changes_its_table(ledger: Ledger) -> None:
    project(ledger.database, make_envelope(opening()), opening())

    assert execute(ledger.database, "SELECT kind FROM flow") == [("opening_balance",)]
