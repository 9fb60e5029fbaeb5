import msgspec
import pytest

from polybot.errors import (
    ExchangeError,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
)
from polybot.exchange import error_texts as texts
from polybot.exchange.classify import classify, should_retry

HTML = b"<html><body>error code: 502</body></html>"


def said(text: str) -> bytes:
    return msgspec.json.encode({"error": text})


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        (texts.NOT_ENOUGH_BALANCE, Rejected, "not_enough_balance"),
        (texts.balance_too_low(0, 1), Rejected, "not_enough_balance"),
        (texts.breaks_tick("0xab", "0.995", "0.01"), Rejected, "tick_size"),
        (texts.below_minimum_size("0xab", "4", "5"), Rejected, "min_size"),
        (texts.below_minimum_notional("0.5"), Rejected, "min_notional"),
        (texts.too_many_decimals("buy", 4, 2), Rejected, "invalid_amounts"),
        (texts.PRICE_OUT_OF_RANGE, Rejected, "invalid_price"),
        (texts.FOK_NOT_FILLED, Rejected, "fok_not_filled"),
        (texts.FAK_NO_MATCH, Rejected, "fak_no_match"),
        (texts.POST_ONLY_CROSSES, Rejected, "post_only_crosses"),
        (texts.INVALID_EXPIRATION, Rejected, "invalid_expiration"),
        (texts.MARKET_NOT_READY, Rejected, "market_not_ready"),
        (texts.ORDER_VERSION_MISMATCH, Rejected, "order_version"),
        (texts.INVALID_ORDER_VERSION, Rejected, "order_version"),
        (texts.INVALID_ORDER_PAYLOAD, Rejected, "invalid_payload"),
        (texts.INVALID_ORDER_ID, Rejected, "invalid_order_id"),
        (texts.too_many_orders(16, 15), Rejected, "too_many_orders"),
        (texts.closed_only("0x1"), Rejected, "closed_only"),
        (texts.address_banned("0x1"), Unauthorized, "banned"),
        (texts.INVALID_SIGNATURE, Unauthorized, "invalid_signature"),
        (texts.WRONG_OWNER, Unauthorized, "wrong_owner"),
        (texts.WRONG_SIGNER, Unauthorized, "wrong_signer"),
        (texts.MAKER_NOT_ALLOWED, Unauthorized, "maker_not_allowed"),
        ("something new", Rejected, "rejected"),
    ],
)
def test_a_worded_refusal_is_a_definite_no_of_its_kind(
    text: str, kind: type[ExchangeError], code: str
) -> None:
    error = classify(400, said(text))
    assert type(error) is kind
    assert (error.status, error.code, str(error)) == (400, code, text)
    assert not should_retry(error)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (texts.duplicated("0xab"), "duplicated"),
        (texts.MATCH_DELAYED, "match_delayed"),
        (texts.COULD_NOT_INSERT, "not_inserted"),
    ],
)
def test_a_refusal_behind_which_an_order_may_stand_settles_nothing(text: str, code: str) -> None:
    error = classify(400, said(text))
    assert isinstance(error, OutcomeUnknown)
    assert error.code == code


@pytest.mark.parametrize(
    "body",
    [
        b'{"success":false,"orderID":"","errorMsg":"not enough balance / allowance"}',
        b'{"success":true,"orderID":"","errorMsg":"not enough balance / allowance"}',
    ],
)
def test_a_refusal_with_status_200_is_a_refusal(body: bytes) -> None:
    error = classify(200, body)
    assert isinstance(error, Rejected)
    assert error.code == "not_enough_balance"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (None, b""),
        (500, said(texts.INTERNAL_ERROR)),
        (500, said(texts.NOT_ENOUGH_BALANCE)),
        (502, HTML),
        (503, HTML),
        (503, said("something new")),
        (504, b""),
        (403, HTML),
        (400, HTML),
        (400, b'{"error":"no'),
        (400, b'{"error":5}'),
        (400, b"\xff\xfe"),
        (400, b"[]"),
        (200, b""),
        (200, HTML),
        (200, b'{"success":true,"orderID":""}'),
        (302, b""),
        (302, said("moved")),
    ],
)
def test_no_answer_a_server_error_and_an_unreadable_one_are_unknown(
    status: int | None, body: bytes
) -> None:
    error = classify(status, body)
    assert isinstance(error, OutcomeUnknown)
    assert error.status == status
    assert error.code
    assert not should_retry(error)
    assert should_retry(error, idempotent=True)


@pytest.mark.parametrize("body", [said("Unauthorized/Invalid api key"), HTML, b""])
def test_401_is_unauthorized_whatever_its_body(body: bytes) -> None:
    assert isinstance(classify(401, body), Unauthorized)


def test_403_in_words_is_unauthorized() -> None:
    assert isinstance(classify(403, said("Trading restricted in your region")), Unauthorized)


@pytest.mark.parametrize(
    ("status", "text", "code"),
    [
        (425, texts.ENGINE_RESTARTING, "restarting"),
        (503, texts.POST_ONLY_MODE, "post_only"),
        (503, texts.CANCEL_ONLY, "cancel_only"),
        (503, texts.TRADING_DISABLED, "disabled"),
    ],
)
def test_a_pause_of_the_exchange_did_nothing_and_may_be_retried(
    status: int, text: str, code: str
) -> None:
    error = classify(status, said(text))
    assert isinstance(error, Unavailable)
    assert error.code == code
    assert should_retry(error)


@pytest.mark.parametrize(("retry_after", "seconds"), [("7", 7.0), ("", 0.0), ("soon", 0.0)])
def test_429_says_when_to_ask_again(retry_after: str, seconds: float) -> None:
    error = classify(429, said(texts.TOO_MANY_REQUESTS), retry_after=retry_after)
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == seconds
    assert should_retry(error)


def test_404_is_not_found_and_not_retried() -> None:
    error = classify(404, said(texts.NO_ORDERBOOK))
    assert isinstance(error, NotFound)
    assert not should_retry(error, idempotent=True)


def test_the_message_of_an_unreadable_answer_shows_its_beginning() -> None:
    assert str(classify(502, HTML * 50)).startswith("HTTP 502: <html>")
    assert len(str(classify(502, HTML * 50))) < 250


def test_the_wrong_heartbeat_id_is_named() -> None:
    body = b'{"error_msg":"Invalid Heartbeat ID","heartbeat_id":"h1"}'
    assert classify(400, body).code == "heartbeat_id"
