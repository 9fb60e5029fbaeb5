"""L2 authentication: API credentials and the HMAC headers every trading request carries."""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from polybot.errors import ConfigError
from polybot.exchange.error_texts import UNAUTHORIZED

TOLERANCE_S = 30


class ApiCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """What the exchange answers to an L1 request; only the key may be shown."""

    api_key: str = msgspec.field(name="apiKey")
    secret: str
    passphrase: str

    def __repr__(self) -> str:
        return f"ApiCredentials({self.api_key!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("api_key", self.api_key)]


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as it arrived: path without its query, body as the exact bytes."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)


class RequestSigner:
    """Make and check the L2 headers of one account; the key's hash states are computed once."""

    def __init__(self, address: str, credentials: ApiCredentials) -> None:
        self.address = address
        self.credentials = credentials
        key = _secret_bytes(credentials.secret)
        # HMAC by its definition (RFC 2104): copying two states costs half of hmac.copy().
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))

    def signature(self, timestamp: str, method: str, path: str, body: bytes = b"") -> str:
        """Return the urlsafe base64 HMAC-SHA256 of timestamp, method, path and body.

        `path` has no query string. The official clients sign the body with each `'` replaced by
        `"`, so the exchange expects that (the exchange's documentation: authentication).
        """
        inner = self._inner.copy()
        inner.update(f"{timestamp}{method}{path}".encode())
        inner.update(body.replace(b"'", b'"'))
        outer = self._outer.copy()
        outer.update(inner.digest())
        return urlsafe_b64encode(outer.digest()).decode()

    def headers(
        self, timestamp_s: int, method: str, path: str, body: bytes = b""
    ) -> dict[str, str]:
        """Return the headers of a request whose body is sent exactly as given here."""
        timestamp = str(timestamp_s)
        return {
            "POLY_ADDRESS": self.address,
            "POLY_SIGNATURE": self.signature(timestamp, method, path, body),
            "POLY_TIMESTAMP": timestamp,
            "POLY_API_KEY": self.credentials.api_key,
            "POLY_PASSPHRASE": self.credentials.passphrase,
        }

    def refusal(self, request: SignedRequest, *, now_s: int, tolerance_s: int = TOLERANCE_S) -> str:
        """Return the exchange's refusal of a request, or "" when this account signed it."""
        given = request.headers
        timestamp = given.get("POLY_TIMESTAMP", "")
        if not timestamp.isdecimal() or abs(int(timestamp) - now_s) > tolerance_s:
            return UNAUTHORIZED
        expected = self.headers(int(timestamp), request.method, request.path, request.body)
        expected["POLY_ADDRESS"] = expected["POLY_ADDRESS"].lower()
        for name, value in expected.items():
            shown = given.get(name, "")
            shown = shown.lower() if name == "POLY_ADDRESS" else shown
            if not hmac.compare_digest(shown.encode(), value.encode()):
                return UNAUTHORIZED
        return ""


def _secret_bytes(secret: str) -> bytes:
    try:
        key = urlsafe_b64decode(secret)
    except (Base64Error, ValueError) as error:
        raise ConfigError(
            ["expected the API secret as urlsafe base64, was something else; derive it again"]
        ) from error
    block = hashlib.sha256().block_size
    if len(key) > block:
        key = hashlib.sha256(key).digest()
    return key.ljust(block, b"\0")


def derive_credentials(server_secret: bytes, address: str, nonce: int) -> ApiCredentials:
    """Derive the credentials the simulated exchange gives a wallet: always the same ones.

    They follow from the server's secret, so a simulator that was killed knows them again.
    """

    def part(label: str) -> bytes:
        message = f"{label}|{address.lower()}|{nonce}"
        return hmac.digest(server_secret, message.encode(), "sha256")

    return ApiCredentials(
        api_key=str(UUID(bytes=part("api key")[:16], version=4)),
        secret=urlsafe_b64encode(part("secret")).decode(),
        passphrase=part("passphrase").hex(),
    )
