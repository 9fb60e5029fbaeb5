import base64
from io import StringIO

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from py_clob_client.signing.hmac import build_hmac_signature
from rich.console import Console

from polybot.errors import ConfigError
from polybot.exchange.error_texts import UNAUTHORIZED
from polybot.exchange.l2_auth import (
    ApiCredentials,
    RequestSigner,
    SignedRequest,
    derive_credentials,
)
from tests.unit.exchange.examples import ADDRESS, CREDENTIALS, OTHER_ADDRESS, vectors

NOW_S = 1_795_000_000
REQUESTS = RequestSigner(ADDRESS, CREDENTIALS)


def credentials_with(secret: str) -> ApiCredentials:
    return msgspec.structs.replace(CREDENTIALS, secret=secret)


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "/order", b'{"a":1}', "OLGMeAojBOVMCf8XB4nVdRfJUBcvwZhoejd6dzZ4CLU="),
        ("GET", "/data/orders", b"", "E6zlqWdhaAd7dy_XEc_cz9BwfWNMVRcUhUj-gHJplOs="),
    ],
)
def test_a_request_is_signed_as_the_official_client_signs_it(
    method: str, path: str, body: bytes, expected: str
) -> None:
    assert REQUESTS.signature("1795000000", method, path, body) == expected


def test_the_headers_name_the_account_in_the_order_of_the_official_client() -> None:
    headers = REQUESTS.headers(NOW_S, "GET", "/data/orders")
    assert list(headers) == [
        "POLY_ADDRESS",
        "POLY_SIGNATURE",
        "POLY_TIMESTAMP",
        "POLY_API_KEY",
        "POLY_PASSPHRASE",
    ]
    assert headers["POLY_ADDRESS"] == ADDRESS
    assert headers["POLY_API_KEY"] == CREDENTIALS.api_key
    assert headers["POLY_PASSPHRASE"] == "pp"


@given(
    secret=st.binary(min_size=1, max_size=100),
    timestamp=st.integers(0, 2**33),
    path=st.text(max_size=20),
    body=st.text(max_size=200),
)
def test_any_request_is_signed_as_py_clob_client_signs_it(
    secret: bytes, timestamp: int, path: str, body: str
) -> None:
    text = base64.urlsafe_b64encode(secret).decode()
    ours = RequestSigner(ADDRESS, credentials_with(text))
    reference = build_hmac_signature(text, str(timestamp), "POST", path, body)
    assert ours.signature(str(timestamp), "POST", path, body.encode()) == reference


def test_single_quotes_of_a_body_are_signed_as_double_quotes() -> None:
    single = REQUESTS.signature("1", "POST", "/order", b"{'a': 'b'}")
    assert single == REQUESTS.signature("1", "POST", "/order", b'{"a": "b"}')


def signed(path: str = "/order", body: bytes = b'{"a":1}', **change: str) -> SignedRequest:
    headers = {**REQUESTS.headers(NOW_S, "POST", "/order", b'{"a":1}'), **change}
    return SignedRequest("POST", path, headers, body)


def test_a_request_of_the_account_is_accepted() -> None:
    assert REQUESTS.refusal(signed(), now_s=NOW_S + 5) == ""
    assert REQUESTS.refusal(signed(POLY_ADDRESS=ADDRESS.lower()), now_s=NOW_S) == ""


@pytest.mark.parametrize(
    "request_",
    [
        signed(path="/orders"),
        signed(body=b'{"a":2}'),
        signed(POLY_ADDRESS=OTHER_ADDRESS),
        signed(POLY_API_KEY="another"),
        signed(POLY_PASSPHRASE=""),
        signed(POLY_SIGNATURE="ä"),
        signed(POLY_TIMESTAMP="1795000001"),
        signed(POLY_TIMESTAMP="now"),
        SignedRequest("POST", "/order", {}, b'{"a":1}'),
    ],
)
def test_a_changed_request_is_refused_in_the_words_of_the_exchange(request_: SignedRequest) -> None:
    assert REQUESTS.refusal(request_, now_s=NOW_S) == UNAUTHORIZED


def test_a_clock_that_is_off_is_refused() -> None:
    assert REQUESTS.refusal(signed(), now_s=NOW_S + 31) == UNAUTHORIZED
    assert REQUESTS.refusal(signed(), now_s=NOW_S - 31) == UNAUTHORIZED
    assert REQUESTS.refusal(signed(), now_s=NOW_S + 31, tolerance_s=60) == ""


def test_a_secret_that_is_not_base64_is_refused_without_being_shown() -> None:
    with pytest.raises(ConfigError, match="urlsafe base64") as refusal:
        RequestSigner(ADDRESS, credentials_with("abcde"))
    assert "abcde" not in str(refusal.value)


def test_credentials_show_only_their_key() -> None:
    console = Console(file=StringIO(), width=200)
    console.print(CREDENTIALS)
    shown = f"{CREDENTIALS!r} {CREDENTIALS} {console.file.getvalue()}"  # type: ignore[attr-defined]
    assert CREDENTIALS.api_key in shown
    assert CREDENTIALS.secret not in shown
    assert "pp'" not in shown


def test_credentials_travel_under_the_names_of_the_exchange() -> None:
    assert msgspec.json.decode(msgspec.json.encode(CREDENTIALS)) == {
        "apiKey": CREDENTIALS.api_key,
        "secret": CREDENTIALS.secret,
        "passphrase": CREDENTIALS.passphrase,
    }


def test_the_same_wallet_and_nonce_get_the_same_credentials_again() -> None:
    first = derive_credentials(b"server", ADDRESS, 0)
    assert derive_credentials(b"server", ADDRESS.lower(), 0) == first
    others = [
        derive_credentials(b"server", ADDRESS, 1),
        derive_credentials(b"server", OTHER_ADDRESS, 0),
        derive_credentials(b"another server", ADDRESS, 0),
    ]
    parts = {(each.api_key, each.secret, each.passphrase) for each in [first, *others]}
    assert len(parts) == 4
    assert len({each.secret for each in [first, *others]}) == 4
    assert RequestSigner(ADDRESS, first).headers(NOW_S, "GET", "/")


@pytest.mark.recordings
def test_the_published_vectors_are_reproduced() -> None:
    for vector in vectors("l2_hmac.json")["vectors"]:
        ours = RequestSigner(ADDRESS, credentials_with(vector["secret_b64url"]))
        body = (vector["body"] or "").encode()
        signature = ours.signature(str(vector["timestamp"]), vector["method"], vector["path"], body)
        assert signature == vector["signature"]
