import pytest

from polybot.errors import InvalidValue
from polybot.exchange.contracts import (
    CHAIN_ID,
    COLLATERAL,
    CONDITIONAL_TOKENS,
    CTF_DOMAIN,
    EXCHANGE_V2,
    EXCHANGE_V3,
    NEG_RISK_EXCHANGE_V2,
    ExchangeDomain,
    order_domain,
)
from tests.unit.exchange.examples import vectors


@pytest.mark.parametrize(
    ("market_version", "neg_risk", "version", "contract"),
    [
        ("v1", False, "2", EXCHANGE_V2),
        ("v1", True, "2", NEG_RISK_EXCHANGE_V2),
        ("v2", False, "3", EXCHANGE_V3),
        ("v2", True, "3", EXCHANGE_V3),
    ],
)
def test_the_market_version_chooses_domain_and_contract(
    market_version: str, neg_risk: bool, version: str, contract: str
) -> None:
    domain = order_domain(market_version, neg_risk=neg_risk)
    assert (domain.version, domain.verifying_contract, domain.chain_id) == (version, contract, 137)


@pytest.mark.parametrize("market_version", ["", "v3", "V1", "2"])
def test_an_unknown_market_version_is_refused_by_name(market_version: str) -> None:
    with pytest.raises(InvalidValue, match=f"was '{market_version}'"):
        order_domain(market_version, neg_risk=False)


def test_domains_compare_by_what_they_name() -> None:
    assert ExchangeDomain("2", EXCHANGE_V2) == CTF_DOMAIN
    assert ExchangeDomain("3", EXCHANGE_V2).prefix != CTF_DOMAIN.prefix


@pytest.mark.recordings
def test_the_addresses_are_those_of_the_official_client() -> None:
    official = vectors("contracts.json")[str(CHAIN_ID)]
    assert official["exchange_v2"] == EXCHANGE_V2
    assert official["neg_risk_exchange_v2"] == NEG_RISK_EXCHANGE_V2
    assert official["exchange_v3"] == EXCHANGE_V3
    assert official["collateral"] == COLLATERAL
    assert official["conditional_tokens"] == CONDITIONAL_TOKENS
