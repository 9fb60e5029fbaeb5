import msgspec
import pytest

from polybot.errors import ProtocolError
from polybot.messages.codec import decode_body, encode_body
from polybot.messages.tracking import AuditCompleted, WindowGraded, WindowSettled
from tests.story import graded, settled
from tests.unit.messages.samples import travelled


def test_an_outcome_may_come_without_a_provisional_one() -> None:
    fields = msgspec.json.decode(encode_body(settled()))
    del fields["provisional"]
    told: WindowSettled = decode_body("WindowSettled", msgspec.Raw(msgspec.json.encode(fields)))

    assert (told.outcome, told.provisional) == ("Up", "")


def test_a_loss_keeps_its_sign_and_its_last_micro_dollar() -> None:
    told: WindowGraded = travelled(graded(pnl_usdc=-23_833_121, grade="LOSS"))

    assert (told.pnl_usdc, told.fees_usdc, told.cost_usdc) == (-23_833_121, 83_120, 23_750_000)


@pytest.mark.parametrize("amount", ["1166880.5", '"1166880"', "null"])
def test_money_that_is_no_whole_number_of_micro_dollars_is_refused(amount: str) -> None:
    body = bytes(encode_body(graded())).replace(
        b'"pnl_usdc":1166880', f'"pnl_usdc":{amount}'.encode()
    )

    with pytest.raises(ProtocolError, match="expected a WindowGraded"):
        decode_body("WindowGraded", msgspec.Raw(body))


def test_an_audit_lists_each_difference() -> None:
    audit = AuditCompleted(
        agrees=False, differences=("order 0x1 is unknown", "cash"), orders=3, fills=2, windows=1
    )

    assert travelled(audit).differences == ("order 0x1 is unknown", "cash")
