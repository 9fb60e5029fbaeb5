import pytest

from polybot.exchange.balance_query import balance_query
from polybot.exchange.token_ids import derive_protocol_ids
from tests.unit.exchange.listings import MARKET

OF_VERSION_2 = derive_protocol_ids(MARKET.slug).token_up


@pytest.mark.parametrize(
    ("token_id", "query"),
    [
        ("", {"asset_type": "COLLATERAL"}),
        (MARKET.token_up, {"asset_type": "CONDITIONAL", "token_id": MARKET.token_up}),
        (OF_VERSION_2, {"asset_type": "CONDITIONAL-V2", "token_id": OF_VERSION_2}),
    ],
)
def test_a_balance_is_asked_for_by_its_kind(token_id: str, query: dict[str, str]) -> None:
    assert balance_query(token_id, 2) == {**query, "signature_type": "2"}
