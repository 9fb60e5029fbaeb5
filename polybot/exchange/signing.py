"""secp256k1 signatures of orders and digests, and the addresses they belong to."""

import msgspec

from polybot.errors import ConfigError, InvalidValue
from polybot.exchange.contracts import ExchangeDomain
from polybot.exchange.keccak import keccak256
from polybot.exchange.order_hash import SignatureType, UnsignedOrder, order_digest

try:
    import coincurve
except ImportError as error:
    raise ConfigError(
        ["expected the Python package coincurve, was not installed; run: pip install coincurve"]
    ) from error

_KEY_BYTES = 32
_SIGNATURE_BYTES = 65
# Ethereum writes the recovery id of a signature as 27 or 28.
_RECOVERY_OFFSET = 27
_RECOVERY_IDS = (0, 1)
_PLAIN_TYPES = (SignatureType.EOA, SignatureType.POLY_PROXY, SignatureType.GNOSIS_SAFE)


class SignedOrder(msgspec.Struct, frozen=True):
    """An order, its id at the exchange, and its signature as 0x hex."""

    order: UnsignedOrder
    order_id: str
    signature: str


def checksum_address(raw: bytes) -> str:
    """Write a 20-byte address in the mixed case of EIP-55."""
    text = raw.hex()
    digest = keccak256(text.encode()).hex()
    marked = (
        letter.upper() if int(nibble, 16) >= 8 else letter  # noqa: PLR2004
        for letter, nibble in zip(text, digest, strict=False)
    )
    return "0x" + "".join(marked)


def _address(public_key: coincurve.PublicKey) -> str:
    return checksum_address(keccak256(public_key.format(compressed=False)[1:])[-20:])


def _key_bytes(private_key: str) -> bytes:
    try:
        raw = bytes.fromhex(private_key.strip().removeprefix("0x"))
    except ValueError:
        raw = b""
    if len(raw) != _KEY_BYTES:
        # The key itself must never reach a message or a log.
        raise ConfigError(["expected the private key as 64 hex digits, was something else"])
    return raw


class OrderSigner:
    """Sign digests and orders with one private key; only its address is ever shown."""

    def __init__(self, private_key: str) -> None:
        try:
            self._key = coincurve.PrivateKey(_key_bytes(private_key))
        except ValueError as error:
            raise ConfigError(
                ["expected a private key on secp256k1, was a number outside its range"]
            ) from error
        self.address = _address(self._key.public_key)

    def __repr__(self) -> str:
        return f"OrderSigner({self.address})"

    def sign_digest(self, digest: bytes) -> str:
        """Sign 32 bytes deterministically (RFC 6979); return r, s and v as 0x hex."""
        signature = self._key.sign_recoverable(digest, hasher=None)
        return f"0x{signature[:64].hex()}{signature[64] + _RECOVERY_OFFSET:02x}"

    def sign_order(self, order: UnsignedOrder, domain: ExchangeDomain) -> SignedOrder:
        """Sign an order of a wallet of type 0, 1 or 2.

        Raises InvalidValue for type 3 (its signature needs the deposit wallet's wrapper) and for an
        order that names another signer.
        """
        if order.signature_type not in _PLAIN_TYPES:
            raise InvalidValue(
                f"expected signature type 0, 1 or 2, was {order.signature_type}; "
                "deposit wallets (type 3) cannot be signed for yet"
            )
        if order.signer != self.address:
            raise InvalidValue(f"expected an order of {self.address}, was one of {order.signer}")
        digest = order_digest(order, domain)
        return SignedOrder(order, "0x" + digest.hex(), self.sign_digest(digest))


def recover_address(digest: bytes, signature: str) -> str:
    """Return the checksummed address that signed a digest; InvalidValue when none can have."""
    try:
        raw = bytes.fromhex(signature.removeprefix("0x"))
    except ValueError:
        raw = b""
    if len(raw) != _SIGNATURE_BYTES:
        raise InvalidValue(f"expected a signature of 65 bytes as hex, was {signature!r}")
    recovery_id = raw[64] % _RECOVERY_OFFSET
    if recovery_id not in _RECOVERY_IDS:
        raise InvalidValue(f"expected recovery id 27 or 28, was {raw[64]}")
    try:
        public_key = coincurve.PublicKey.from_signature_and_message(
            raw[:64] + bytes([recovery_id]), digest, hasher=None
        )
    except ValueError as error:
        raise InvalidValue(f"expected a signature on secp256k1, was {signature!r}") from error
    return _address(public_key)
