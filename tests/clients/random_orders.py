"""Random orders of every kind, signed by the trader's own signer, for comparison with others."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import msgspec

from polybot.adapters.order_signer import WalletOrderSigner
from polybot.domain.market import Market, Outcome
from polybot.domain.order import Order, OrderType, Side
from polybot.exchange.contracts import CHAIN_ID, ZERO_BYTES32, ExchangeDomain, order_domain
from polybot.exchange.l2_auth import ApiCredentials, RequestSigner
from polybot.exchange.order_hash import SignatureType
from polybot.exchange.signing import OrderSigner
from polybot.exchange.token_ids import is_protocol_id
from polybot.exchange.wallet_addresses import WalletCandidate, derived_wallets
from polybot.exchange.wire_codec import decode, encode
from polybot.exchange.wire_orders import PostOrderBody, order_body, unsigned_order

TICKS_BPS = (1000, 100, 50, 25, 10, 1)
CREDENTIALS = ApiCredentials(
    api_key="00000000-0000-0000-0000-000000000001",
    secret="c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U=",
    passphrase="pp",
)
MARKETS = (("v1", False), ("v1", True), ("v2", False), ("v2", True))
KEYS = 12


@dataclass(frozen=True, slots=True)
class SignedCase:
    """What an official client is given, and what our signer made of the same."""

    given: dict[str, Any]
    signature: str
    order_id: str
    body: str
    hmac: str


class RandomOrders:
    """Makes orders of every wallet kind, protocol, side, lifetime and tick, the same for a seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        keys = [f"0x{self._random.getrandbits(256) >> 1 | 1:064x}" for _ in range(KEYS)]
        self._wallets = [
            (key, OrderSigner(key), wallet)
            for key in keys
            for wallet in derived_wallets(OrderSigner(key).address)
        ]

    def take(self, count: int) -> Iterator[SignedCase]:
        """Yield signed orders; wallets and markets take turns, everything else is drawn."""
        for number in range(count):
            key, signer, wallet = self._wallets[number % len(self._wallets)]
            version, neg_risk = self._random.choice(MARKETS)
            market = self._market(version, neg_risk=neg_risk)
            yield self._signed(key, signer, wallet, market)

    def _market(self, version: str, *, neg_risk: bool) -> Market:
        tokens = [self._token(version) for _ in range(2)]
        return Market(
            slug="btc-updown-15m-1795000500",
            condition_id=f"0x{self._random.getrandbits(256):064x}",
            token_up=tokens[0],
            token_down=tokens[1],
            asset="btc",
            open_ns=1,
            close_ns=2,
            tick_bps=self._random.choice(TICKS_BPS),
            version=version,
            neg_risk=neg_risk,
        )

    def _token(self, version: str) -> str:
        wide = self._random.getrandbits(256)
        if version == "v2":
            wide &= ~(((1 << 64) - 1) << 40)
        assert is_protocol_id(wide) is (version == "v2")
        return str(wide)

    def _order(self, market: Market) -> Order:
        random = self._random
        side, kind = random.choice(list(Side)), random.choice(list(OrderType))
        outcome = random.choice(list(Outcome))
        spends = side is Side.BUY and not kind.rests
        return Order(
            intent_id="i1",
            venue_order_id="",
            agent="a",
            slug=market.slug,
            token_id=market.token(outcome),
            outcome=outcome,
            side=side,
            order_type=kind,
            price_bps=market.tick_bps * random.randrange(1, 10_000 // market.tick_bps),
            size_shares=random.randrange(500, 1_000_000) * 10_000,
            budget_usdc=random.randrange(100, 1_000_000) * 10_000 if spends else 0,
            expires_ns=random.randrange(2_000_000_000) * 10**9 if kind is OrderType.GTD else 0,
            created_ns=0,
            purpose="entry",
        )

    def _signed(
        self, key: str, signer: OrderSigner, wallet: WalletCandidate, market: Market
    ) -> SignedCase:
        random = self._random
        order = self._order(market)
        trader = WalletOrderSigner(
            signer,
            funder=wallet.address,
            signature_type=int(wallet.signature_type),
            owner=CREDENTIALS.api_key,
        )
        signed = trader.sign(
            order,
            market,
            salt=random.getrandbits(53),
            timestamp_ms=random.randrange(2_000_000_000_000),
            post_only=order.order_type.rests and random.random() < 0.5,
        )
        domain = order_domain(market.version, neg_risk=market.neg_risk)
        body, order_id = signed.body, signed.venue_order_id
        if random.random() < 0.2:
            body, order_id = self._attributed(signer, body, domain)
        return _case(key, market, body, order_id)

    def _attributed(
        self, signer: OrderSigner, body: bytes, domain: ExchangeDomain
    ) -> tuple[bytes, str]:
        """Sign the order of a body again, with metadata and a builder's code in it."""
        posted = decode(body, PostOrderBody)
        noted = msgspec.structs.replace(
            unsigned_order(posted.order),
            metadata=f"0x{self._random.getrandbits(256):064x}",
            builder=self._random.choice([ZERO_BYTES32, f"0x{self._random.getrandbits(256):064x}"]),
        )
        signed = signer.sign_order(noted, domain)
        wire = order_body(signed, expiration_s=int(posted.order.expiration))
        return encode(msgspec.structs.replace(posted, order=wire)), signed.order_id


def _case(key: str, market: Market, body: bytes, order_id: str) -> SignedCase:
    posted = decode(body, PostOrderBody)
    domain = order_domain(market.version, neg_risk=market.neg_risk)
    timestamp_s = int(posted.order.timestamp or 0) // 1000
    headers = RequestSigner("0x", CREDENTIALS).headers(timestamp_s, "POST", "/order", body)
    order = msgspec.to_builtins(posted.order)
    given = {
        "key": key,
        "chain_id": CHAIN_ID,
        "contract": domain.verifying_contract,
        "version": domain.version,
        "neg_risk": market.neg_risk,
        "owner": posted.owner,
        "order_type": posted.order_type,
        "post_only": posted.post_only,
        "secret": CREDENTIALS.secret,
        "l2_timestamp": str(timestamp_s),
        "body": body.decode(),
        **{_snake(name): value for name, value in order.items() if name != "signature"},
    }
    return SignedCase(
        given, posted.order.signature, order_id, body.decode(), headers["POLY_SIGNATURE"]
    )


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def kind_of(case: SignedCase) -> tuple[str, bool, SignatureType]:
    """Return protocol, kind of market and wallet of a case: what coverage is counted by."""
    given = case.given
    return given["version"], given["neg_risk"], SignatureType(given["signature_type"])
