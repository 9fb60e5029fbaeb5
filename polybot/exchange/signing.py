"""secp256k1 signatures of orders and digests, and the addresses they belong to."""

from functools import lru_cache

from polybot.errors import ConfigError, InvalidValue
from polybot.exchange.contracts import ExchangeDomain
from polybot.exchange.keccak import keccak256
from polybot.exchange.nested_signature import nested_digest, unwrap_signature, wrap_signature
from polybot.exchange.order_hash import (
    SignatureType,
    SignedOrder,
    UnsignedOrder,
    struct_hash,
)

try:
    import coincurve
except ImportError:
    # Commands that neither sign nor check a signature work without it.
    _HAS_COINCURVE = False
else:
    _HAS_COINCURVE = True

_KEY_BYTES = 32
_SIGNATURE_BYTES = 65
# Ethereum writes the recovery id of a signature as 27 or 28.
_RECOVERY_OFFSET = 27
_RECOVERY_IDS = (0, 1)
_PLAIN_TYPES = (SignatureType.EOA, SignatureType.POLY_PROXY, SignatureType.GNOSIS_SAFE)


def require_coincurve() -> None:
    """Raise ConfigError, naming the package, where nothing can be signed or checked.

    There are slower libraries; falling back to one would be noticed when an order came too late.
    """
    if not _HAS_COINCURVE:
        raise ConfigError(
            ["expected the Python package coincurve, was not installed; run: pip install coincurve"]
        )


@lru_cache(maxsize=256)
def checksum_address(raw: bytes) -> str:
    """Write a 20-byte address in the mixed case of EIP-55."""
    text = raw.hex()
    digest = keccak256(text.encode()).hex()
    marked = (
        letter.upper() if int(nibble, 16) >= 8 else letter  # noqa: PLR2004
        for letter, nibble in zip(text, digest, strict=False)
    )
    return "0x" + "".join(marked)


def _address(public_key: bytes) -> str:
    """Return the address of an uncompressed public key of 65 bytes."""
    return checksum_address(keccak256(public_key[1:])[-20:])


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
        require_coincurve()
        try:
            self._key = coincurve.PrivateKey(_key_bytes(private_key))
        except ValueError as error:
            raise ConfigError(
                ["expected a private key on secp256k1, was a number outside its range"]
            ) from error
        self.address = _address(self._key.public_key.format(compressed=False))

    def __repr__(self) -> str:
        return f"OrderSigner({self.address})"

    def sign_digest(self, digest: bytes) -> str:
        """Sign 32 bytes deterministically (RFC 6979); return r, s and v as 0x hex."""
        signature = self._key.sign_recoverable(digest, hasher=None)
        return f"0x{signature[:64].hex()}{signature[64] + _RECOVERY_OFFSET:02x}"

    def sign_order(self, order: UnsignedOrder, domain: ExchangeDomain) -> SignedOrder:
        """Sign an order of any wallet this key owns.

        A deposit wallet (type 3) is maker and signer itself and gets a nested signature; in the
        other types this key's address is the signer. Raises InvalidValue for another combination,
        an unknown type, or a field that does not fit its type.
        """
        contents = struct_hash(order)
        digest = keccak256(domain.prefix + contents)
        check_signable(order, self.address)
        if order.signature_type == SignatureType.POLY_1271:
            inner = self.sign_digest(nested_digest(contents, order.signer, domain))
            return SignedOrder(order, "0x" + digest.hex(), wrap_signature(inner, contents, domain))
        return SignedOrder(order, "0x" + digest.hex(), self.sign_digest(digest))


def check_signable(order: UnsignedOrder, address: str) -> None:
    """Raise InvalidValue for an order that the key of an address cannot sign for its wallet."""
    if order.signature_type == SignatureType.POLY_1271:
        _check_deposit_order(order, address)
        return
    if order.signature_type not in _PLAIN_TYPES:
        raise InvalidValue(
            f"expected signature type 0, 1, 2 or 3, was {order.signature_type}; "
            "polybot must learn a new kind of wallet before it signs for it"
        )
    if order.signer != address:
        raise InvalidValue(f"expected an order of {address}, was one of {order.signer}")


def _check_deposit_order(order: UnsignedOrder, owner: str) -> None:
    if order.maker != order.signer:
        raise InvalidValue(
            f"expected the deposit wallet {order.maker} as signer too, was {order.signer}"
        )
    if order.signer.lower() == owner.lower():
        raise InvalidValue(
            f"expected a deposit wallet as the signer of a type 3 order, was its owner {owner}; "
            "set wallet.funder to the deposit wallet"
        )


def recover_order_signer(order: UnsignedOrder, domain: ExchangeDomain, signature: str) -> str:
    """Return the address whose key signed an order, whatever the kind of its wallet.

    Raises InvalidValue when the signature can be nobody's, or wraps another order (type 3).
    """
    contents = struct_hash(order)
    if order.signature_type != SignatureType.POLY_1271:
        return recover_address(keccak256(domain.prefix + contents), signature)
    inner = unwrap_signature(signature, contents, domain)
    return recover_address(nested_digest(contents, order.signer, domain), inner)


def recover_address(digest: bytes, signature: str) -> str:
    """Return the checksummed address that signed a digest; InvalidValue when none can have."""
    require_coincurve()
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
    return _address(public_key.format(compressed=False))
