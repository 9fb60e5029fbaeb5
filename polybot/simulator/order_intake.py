"""From the body of POST /order to an order the engine takes: version, owner, signer, signature."""

from polybot.domain.order import OrderType, Side
from polybot.errors import InvalidValue
from polybot.exchange import error_texts as texts
from polybot.exchange.contracts import order_domain
from polybot.exchange.order_hash import SignatureType, order_digest
from polybot.exchange.signing import recover_address
from polybot.exchange.wire_orders import OrderBody, PostOrderBody, unsigned_order
from polybot.simulator.accounts import AccountRow
from polybot.simulator.desk import BAD_REQUEST, Desk, Refused
from polybot.simulator.orders import NewOrder
from polybot.simulator.records import FunderLinked

_FUNDED_TYPES = (SignatureType.POLY_PROXY, SignatureType.GNOSIS_SAFE)
_KNOWN_TYPES = tuple(SignatureType)


def read_order(desk: Desk, account: AccountRow, posted: PostOrderBody, now_ns: int) -> NewOrder:
    """Check who an order is from and return it; raise Refused in the exchange's words."""
    body = posted.order
    if body.is_version_one:
        raise Refused(BAD_REQUEST, texts.ORDER_VERSION_MISMATCH)
    if posted.owner not in desk.keys.keys_of(account):
        raise Refused(BAD_REQUEST, texts.WRONG_OWNER)
    window = desk.ledger.window_of_token(body.token_id)
    if window is None:
        raise Refused(BAD_REQUEST, texts.NO_ORDERBOOK)
    _check_addresses(account, body)
    try:
        order = unsigned_order(body)
        domain = order_domain(window.market.version, neg_risk=window.market.neg_risk)
        digest = order_digest(order, domain)
        signer = recover_address(digest, body.signature)
        expiration_s = int(body.expiration)
    except (InvalidValue, ValueError) as error:
        raise Refused(BAD_REQUEST, texts.INVALID_ORDER_PAYLOAD) from error
    if signer.lower() != account.address.lower():
        raise Refused(BAD_REQUEST, texts.INVALID_SIGNATURE)
    _link_funder(desk, account, body.maker, now_ns)
    return NewOrder(
        order_id="0x" + digest.hex(),
        account=account,
        owner=posted.owner,
        maker=body.maker,
        signature_type=body.signature_type,
        token_id=body.token_id,
        side=Side(body.side),
        order_type=OrderType(posted.order_type),
        maker_amount=order.maker_amount,
        taker_amount=order.taker_amount,
        post_only=posted.post_only,
        expiration_s=expiration_s,
    )


def _check_addresses(account: AccountRow, body: OrderBody) -> None:
    if body.signer.lower() != account.address.lower():
        raise Refused(BAD_REQUEST, texts.WRONG_SIGNER)
    if body.signature_type not in _KNOWN_TYPES:
        raise Refused(BAD_REQUEST, texts.INVALID_ORDER_PAYLOAD)
    is_own = body.maker.lower() == body.signer.lower()
    if not is_own and body.signature_type not in _FUNDED_TYPES:
        raise Refused(BAD_REQUEST, texts.MAKER_NOT_ALLOWED)


def _link_funder(desk: Desk, account: AccountRow, maker: str, now_ns: int) -> None:
    """Remember which address an account trades for; one address belongs to one account."""
    owner = desk.ledger.account(maker)
    if owner is None:
        desk.exchange.core.emit(FunderLinked(ts_ns=now_ns, address=account.address, funder=maker))
    elif owner is not account:
        raise Refused(BAD_REQUEST, texts.MAKER_NOT_ALLOWED)
