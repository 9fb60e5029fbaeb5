"""The exchange's contracts on Polygon, and which of them verifies the orders of a market."""

from dataclasses import dataclass, field
from typing import Final

from polybot.errors import InvalidValue
from polybot.exchange.eip712 import domain_separator, signing_prefix
from polybot.exchange.wire_gamma import MARKET_VERSION_CTF, MARKET_VERSION_PROTOCOL

CHAIN_ID: Final = 137
ORDER_DOMAIN_NAME: Final = "Polymarket CTF Exchange"

EXCHANGE_V2: Final = "0xE111180000d2663C0091e4f400237545B87B996B"
NEG_RISK_EXCHANGE_V2: Final = "0xe2222d279d744050d28e00520010520000310F59"
EXCHANGE_V3: Final = "0xe3333700cA9d93003F00f0F71f8515005F6c00Aa"

# What pays for shares today, and the token the ids of CTF shares are still derived from.
COLLATERAL: Final = "0xC011a7E12a19f7B1f670d46F03B03f3342E82DFB"
CTF_COLLATERAL: Final = "0x2791Bca1f2de4661ED88A30C99A7a9449Aa84174"
CONDITIONAL_TOKENS: Final = "0x4D97DCd97eC945f40cF65F87097ACe5EA0476045"

ZERO_BYTES32: Final = "0x" + "0" * 64


@dataclass(frozen=True, slots=True)
class ExchangeDomain:
    """The EIP-712 domain an order is signed for; `prefix` precedes each struct hash."""

    version: str
    verifying_contract: str
    chain_id: int = CHAIN_ID
    prefix: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        separator = domain_separator(
            ORDER_DOMAIN_NAME, self.version, self.chain_id, self.verifying_contract
        )
        object.__setattr__(self, "prefix", signing_prefix(separator))


CTF_DOMAIN: Final = ExchangeDomain("2", EXCHANGE_V2)
NEG_RISK_DOMAIN: Final = ExchangeDomain("2", NEG_RISK_EXCHANGE_V2)
PROTOCOL_DOMAIN: Final = ExchangeDomain("3", EXCHANGE_V3)

# Protocol V2 verifies every market with one contract; before it, neg-risk markets had their own.
_DOMAINS: Final = {
    (MARKET_VERSION_CTF, False): CTF_DOMAIN,
    (MARKET_VERSION_CTF, True): NEG_RISK_DOMAIN,
    (MARKET_VERSION_PROTOCOL, False): PROTOCOL_DOMAIN,
    (MARKET_VERSION_PROTOCOL, True): PROTOCOL_DOMAIN,
}


def order_domain(market_version: str, *, neg_risk: bool) -> ExchangeDomain:
    """Choose the domain by the market's Gamma `version`; InvalidValue for a version not known.

    A guess would sign an order that the exchange refuses at best, so an unknown version is refused.
    """
    domain = _DOMAINS.get((market_version, neg_risk))
    if domain is None:
        raise InvalidValue(
            f"expected market version 'v1' or 'v2', was {market_version!r}; "
            "polybot must learn a new version before it trades it"
        )
    return domain
