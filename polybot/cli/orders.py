"""`polybot orders`: the open orders at the exchange, ours and others'."""

from typing import Any

import msgspec

from polybot.bootstrap.account import open_account
from polybot.cli.account_view import AccountView, Owner, open_view
from polybot.cli.options import Json
from polybot.cli.output import plural, say, show_json, span, warn
from polybot.cli.story import short_id
from polybot.config.load import load
from polybot.domain.money import format_price, format_shares, parse_price, parse_shares
from polybot.exchange.wire_account import OpenOrder

EXAMPLES = ("polybot orders", "polybot orders --json")
_NS = 1_000_000_000


class ListedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An open order as the exchange lists it, with its owner; `owner` is None for a foreign one."""

    wire: OpenOrder
    owner: Owner | None
    age_s: int | None

    @property
    def left_shares(self) -> int:
        """Shares that are still open."""
        return parse_shares(self.wire.original_size or "0") - parse_shares(
            self.wire.size_matched or "0"
        )


def orders(as_json: Json = False) -> None:
    """List the open orders at the exchange: whose they are, their price, size and age.

    Works whether or not the floor runs. An order that no process of this floor signed is foreign.
    """
    loaded = load(join_floor=True, keyless=True)
    with open_view(loaded) as view:
        found = listed(view)
        unknown = _unknown(view)
    if as_json:
        show_json([as_document(order) for order in found])
    else:
        _say(found)
    for order_id in unknown:
        warn(f"polybot: nobody knows yet whether {order_id} reached the exchange")


def listed(view: AccountView) -> list[ListedOrder]:
    """Return every open order at the exchange, oldest first."""
    with open_account(view.loaded) as account:
        rows = account.open_orders()
    owners = view.owners([row.id for row in rows])
    now_ns = view.now_ns()
    found = [
        ListedOrder(wire=row, owner=owners.get(row.id), age_s=_age_s(row, now_ns)) for row in rows
    ]
    return sorted(found, key=lambda order: -(order.age_s or 0))


def as_document(order: ListedOrder) -> dict[str, Any]:
    """Return an open order as JSON values; amounts are decimal strings in dollars and shares."""
    wire, owner = order.wire, order.owner
    return {
        "order_id": wire.id,
        "ours": owner is not None,
        "agent": owner.agent if owner else None,
        "slug": owner.slug if owner else None,
        "outcome": wire.outcome or (owner.outcome if owner else None),
        "side": wire.side,
        "price": format_price(parse_price(wire.price)),
        "size": format_shares(parse_shares(wire.original_size or "0")),
        "size_matched": format_shares(parse_shares(wire.size_matched or "0")),
        "order_type": wire.order_type or None,
        "status": wire.status,
        "age_s": order.age_s,
        "condition_id": wire.market or None,
        "token_id": wire.asset_id,
    }


def _age_s(row: OpenOrder, now_ns: int) -> int | None:
    made = str(row.created_at)
    if not made.isdecimal() or not now_ns:
        return None
    return max(now_ns // _NS - int(made), 0)


def _unknown(view: AccountView) -> list[str]:
    held = view.holdings.orders if view.holdings else ()
    return [order.order_id for order in held if order.status == "UNKNOWN"]


def _say(found: list[ListedOrder]) -> None:
    for order in found:
        wire, owner = order.wire, order.owner
        whose = f"{owner.agent}, {owner.slug}" if owner else "foreign: not signed by this floor"
        age = "" if order.age_s is None else f", {span(order.age_s)} old"
        say(f"{short_id(wire.id)}  {whose}")
        say(
            f"  {wire.side} {format_shares(order.left_shares)} {wire.outcome} "
            f"at {wire.price} {wire.order_type}{age}"
        )
    foreign = sum(order.owner is None for order in found)
    tail = f", {foreign} foreign" if foreign else ""
    say(f"{plural(len(found), 'open order')}{tail}")
