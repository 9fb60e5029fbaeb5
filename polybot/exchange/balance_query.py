"""How the exchange's balance routes are asked for a token or for the collateral."""

from polybot.exchange.token_ids import is_protocol_id
from polybot.exchange.wire_account import COLLATERAL, CONDITIONAL, CONDITIONAL_PROTOCOL


def balance_query(token_id: str, signature_type: int) -> dict[str, str]:
    """Return the query of the balance routes for a token, "" for the collateral."""
    query = {"asset_type": COLLATERAL, "signature_type": str(signature_type)}
    if token_id:
        kind = CONDITIONAL_PROTOCOL if is_protocol_id(int(token_id)) else CONDITIONAL
        query |= {"asset_type": kind, "token_id": token_id}
    return query
