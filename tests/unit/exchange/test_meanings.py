"""Every refusal of the exchange's documentation has a row, and every row asks for something."""

import pytest

from polybot.errors import Action, OutcomeUnknown
from polybot.exchange import error_texts as texts
from polybot.exchange.classify import classify
from polybot.exchange.meanings import ADVICE, BY_STATUS, MEANINGS, PAUSES

A = Action
# As documented: status, text, what to do.
DOCUMENTED = [
    (400, texts.NOT_ENOUGH_BALANCE, A.REFRESH_BALANCE),
    (400, texts.balance_too_low(0, 10_000_000), A.REFRESH_BALANCE),
    (400, texts.breaks_tick("0xab", "0.995", "0.01"), A.REFRESH_MARKET),
    (400, texts.below_minimum_size("0xab", "4", "5"), A.REFRESH_MARKET),
    (400, texts.duplicated("0xab"), A.LOOK_UP),
    (400, texts.below_minimum_notional("0.5"), A.DROP),
    (400, texts.too_many_decimals("market buy", 2, 4), A.REFRESH_MARKET),
    (400, texts.too_many_decimals("buy", 4, 2), A.REFRESH_MARKET),
    (400, "invalid amounts, the taker amount for a $5 order of size 7 should be '4'",
     A.REFRESH_MARKET),
    (400, texts.FOK_NOT_FILLED, A.DROP),
    (400, texts.FAK_NO_MATCH, A.DROP),
    (400, texts.POST_ONLY_CROSSES, A.DROP),
    (400, texts.INVALID_EXPIRATION, A.DROP),
    (400, texts.MARKET_NOT_READY, A.RETRY_LATER),
    (400, texts.MATCH_DELAYED, A.LOOK_UP),
    (400, texts.ORDER_VERSION_MISMATCH, A.STOP),
    (400, texts.INVALID_ORDER_VERSION, A.STOP),
    (400, texts.INVALID_SIGNATURE, A.STOP),
    (400, texts.INVALID_ORDER_PAYLOAD, A.STOP),
    (400, texts.WRONG_OWNER, A.STOP),
    (400, texts.WRONG_SIGNER, A.STOP),
    (400, texts.MAKER_NOT_ALLOWED, A.STOP),
    (400, texts.address_banned("0x1"), A.STOP),
    (400, texts.closed_only("0x1"), A.EXITS_ONLY),
    (400, texts.too_many_orders(16, 15), A.STOP),
    (400, texts.INVALID_ORDER_ID, A.STOP),
    (401, texts.UNAUTHORIZED, A.REFRESH_LOGIN),
    (401, texts.INVALID_L1_HEADERS, A.REFRESH_LOGIN),
    (403, texts.REGION_RESTRICTED, A.STOP),
    (404, texts.MARKET_NOT_FOUND, A.REFRESH_MARKET),
    (404, texts.NO_ORDERBOOK, A.REFRESH_MARKET),
    (404, texts.ORDER_NOT_FOUND, A.DROP),
    (425, texts.ENGINE_RESTARTING, A.RETRY_LATER),
    (429, texts.TOO_MANY_REQUESTS, A.RETRY_LATER),
    (500, texts.COULD_NOT_INSERT, A.LOOK_UP),
    (500, texts.INTERNAL_ERROR, A.LOOK_UP),
    (503, texts.POST_ONLY_MODE, A.RETRY_LATER),
    (503, texts.CANCEL_ONLY, A.RETRY_LATER),
    (503, texts.TRADING_DISABLED, A.RETRY_LATER),
]  # fmt: skip
ROWS = [*MEANINGS, *PAUSES, *BY_STATUS.values()]


@pytest.mark.parametrize(("status", "text", "action"), DOCUMENTED)
def test_each_documented_refusal_asks_for_its_action(
    status: int, text: str, action: Action
) -> None:
    error = classify(status, b'{"error":"%s"}' % text.encode())
    assert error.action is action
    assert (error.action is A.LOOK_UP) is isinstance(error, OutcomeUnknown)


def test_every_text_we_know_is_in_the_documented_list() -> None:
    known = {value for value in vars(texts).values() if isinstance(value, str) and " " in value}
    known -= {texts.__doc__}
    listed = {text for _, text, _ in DOCUMENTED}
    # Not answers to an order: of a cancel, a login, a heartbeat, a price.
    elsewhere = {
        texts.ALREADY_CANCELED_OR_MATCHED,
        texts.COULD_NOT_CREATE_KEY,
        texts.COULD_NOT_DERIVE_KEY,
        texts.INVALID_HEARTBEAT,
        texts.PRICE_OUT_OF_RANGE,
    }
    assert {text for text in known if text not in listed | elsewhere} == set()


def test_no_row_hides_a_later_one() -> None:
    for index, row in enumerate(MEANINGS):
        earlier = [other for other in MEANINGS[:index] if other.fragment in row.fragment]
        assert earlier == [], row


def test_what_needs_a_person_comes_with_advice() -> None:
    lasting = {row.code for row in ROWS if row.action in (A.STOP, A.EXITS_ONLY)}
    assert lasting | {"forbidden"} == set(ADVICE)


@pytest.mark.parametrize(
    ("header", "body", "seconds"),
    [
        ("7", b'{"error":"x","retry_after_seconds":79}', 7.0),
        ("", b'{"error":"x","retry_after_seconds":79}', 79.0),
        ("", b'{"error":"x"}', 0.0),
        ("soon", b"<html>", 0.0),
        ("99999999", b"", 600.0),
        ("", b'{"error":"x","retry_after_seconds":-5}', 0.0),
    ],
)
@pytest.mark.parametrize("status", [425, 429])
def test_a_pause_says_how_long_by_header_or_body(
    status: int, header: str, body: bytes, seconds: float
) -> None:
    assert classify(status, body, retry_after=header).retry_after_s == seconds


def test_post_only_mode_says_how_long_in_its_body() -> None:
    body = (
        b'{"error":"post-only mode: only post-only orders and cancels are allowed",'
        b'"code":"post_only_mode","retry_after_seconds":79}'
    )
    error = classify(503, body)
    assert (error.code, error.retry_after_s) == ("post_only", 79.0)
