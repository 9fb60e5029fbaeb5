"""A row of activity is kept once, whoever tells it how often."""

from polybot.adapters.storage.activity_projections import external_flow_seen, window_redeemed
from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.statements import execute
from polybot.messages.tracking import ExternalFlowSeen, WindowRedeemed
from tests.fakes import make_envelope

ROWS = "SELECT key, kind, slug, amount_usdc, stated_usdc, set_shares, at_ns FROM activity"


def test_a_payout_is_kept_once(ledger: Ledger) -> None:
    event = WindowRedeemed(
        key="k", slug="s", condition_id="0xc", amount_usdc=25, redeemed_ns=9, token_id="7"
    )
    for _ in range(2):
        window_redeemed(ledger.database, make_envelope(event), event)
    assert execute(ledger.database, ROWS) == [("k", "REDEEM", "s", 25, 25, 0, 9)]


def test_a_flow_is_kept_once_with_its_effects(ledger: Ledger) -> None:
    event = ExternalFlowSeen(
        key="k", kind="SPLIT", amount_usdc=-5, stated_usdc=5, set_shares=5, at_ns=9
    )
    for _ in range(2):
        external_flow_seen(ledger.database, make_envelope(event), event)
    assert execute(ledger.database, ROWS) == [("k", "SPLIT", "", -5, 5, 5, 9)]
