import msgspec
import pytest

from polybot.domain.trading_state import Claim, TradingState
from polybot.errors import ProtocolError
from polybot.messages.codec import decode_body, encode_body
from polybot.messages.safety import AlertCleared, AlertRaised, TradingStateChanged, VerdictChanged
from tests.unit.messages.samples import BIG, travelled

CLAIMS = (
    Claim(source="watchdog", state=TradingState.REDUCING, reason="disk", since_ns=BIG),
    Claim(source="operator", state=TradingState.HALTED, reason="lunch", since_ns=BIG + 7),
)
CHANGED = TradingStateChanged(state="HALTED", was="REDUCING", claims=CLAIMS)


def test_claims_keep_their_order_and_the_moments_they_were_made() -> None:
    told = travelled(CHANGED)

    assert told.claims == CLAIMS
    assert [claim.since_ns for claim in told.claims] == [BIG, BIG + 7]
    assert [claim.state for claim in told.claims] == [TradingState.REDUCING, TradingState.HALTED]


def test_a_claim_of_a_state_nobody_knows_is_refused() -> None:
    body = bytes(encode_body(CHANGED)).replace(b'"state":"REDUCING"', b'"state":"NAPPING"')

    with pytest.raises(ProtocolError, match="expected a TradingStateChanged"):
        decode_body("TradingStateChanged", msgspec.Raw(body))


def test_what_is_cleared_is_what_was_raised() -> None:
    raised = AlertRaised(key="disk:tracker", severity="critical", text="1 % left")

    assert travelled(AlertCleared(key=raised.key, text="")).key == travelled(raised).key


def test_a_verdict_says_what_it_was_before() -> None:
    told = travelled(VerdictChanged(process="trader", verdict="dead", was="late", reason="silent"))

    assert (told.was, told.verdict) == ("late", "dead")
