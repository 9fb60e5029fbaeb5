"""From the body of POST /order to an order the engine takes: version, owner, signer, signature."""

from polybot.domain.order import OrderType, Side
from polybot.errors import InvalidValue
from polybot.exchange import error_texts as texts
from polybot.exchange.contracts import ExchangeDomain, order_domain
from polybot.exchange.order_hash import SignatureType, UnsignedOrder, order_id
from polybot.exchange.signing import recover_order_signer
from polybot.exchange.wallet_addresses import owns_wallet
from polybot.exchange.wire_orders import OrderBody, PostOrderBody, unsigned_order
from polybot.simulator.api.desk import BAD_REQUEST, Desk, Refused
from polybot.simulator.books.accounts import AccountRow
from polybot.simulator.books.records import FunderLinked
from polybot.simulator.engine.orders import NewOrder

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
    if desk.deposit_wallets_only and body.signature_type != SignatureType.POLY_1271:
        raise Refused(BAD_REQUEST, texts.MAKER_NOT_ALLOWED)
    domain = order_domain(window.market.version, neg_risk=window.market.neg_risk)
    try:
        order = unsigned_order(body)
        identity = order_id(order, domain)
        expiration_s = int(body.expiration)
    except (InvalidValue, ValueError) as error:
        raise Refused(BAD_REQUEST, texts.INVALID_ORDER_PAYLOAD) from error
    _check_signature(account, order, domain, body.signature)
    _link_funder(desk, account, body.maker, now_ns)
    return NewOrder(
        order_id=identity,
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
    """Refuse a wallet that is not the account's own, in the words production was seen to use.

    A deposit wallet signs for itself, so the exchange compares it with the wallet the API key's
    address owns; in the other types the signer is that address itself.
    """
    if body.signature_type not in _KNOWN_TYPES:
        raise Refused(BAD_REQUEST, texts.INVALID_ORDER_PAYLOAD)
    is_deposit = body.signature_type == SignatureType.POLY_1271
    signer_type = SignatureType.POLY_1271 if is_deposit else SignatureType.EOA
    if not owns_wallet(account.address, signer_type, body.signer):
        raise Refused(BAD_REQUEST, texts.WRONG_SIGNER)
    if not owns_wallet(account.address, body.signature_type, body.maker):
        raise Refused(BAD_REQUEST, texts.MAKER_NOT_ALLOWED)
    if is_deposit and body.maker.lower() != body.signer.lower():
        raise Refused(BAD_REQUEST, texts.MAKER_NOT_ALLOWED)


def _check_signature(
    account: AccountRow, order: UnsignedOrder, domain: ExchangeDomain, signature: str
) -> None:
    try:
        signed_by = recover_order_signer(order, domain, signature)
    except InvalidValue as error:
        raise Refused(BAD_REQUEST, texts.INVALID_SIGNATURE) from error
    if signed_by.lower() != account.address.lower():
        raise Refused(BAD_REQUEST, texts.INVALID_SIGNATURE)


def _link_funder(desk: Desk, account: AccountRow, maker: str, now_ns: int) -> None:
    """Remember a wallet that an account trades with, so that it is found by that address too."""
    if desk.ledger.account(maker) is None:
        desk.exchange.core.emit(FunderLinked(ts_ns=now_ns, address=account.address, funder=maker))
