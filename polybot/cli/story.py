"""Durable events as sentences, with the numbers: what `polybot why` tells."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from polybot.cli.output import dollars, exact_dollars, plural
from polybot.domain.money import format_price, format_reference, format_shares
from polybot.messages import safety, tracking, trading
from polybot.messages.codec import EVENT_TYPES

# An id this long is recognized; the whole one is in --json.
_ID_CHARACTERS = 12

Figures = Mapping[str, str | int | float | bool | None]


def sentence(event_type: str, body: Mapping[str, Any]) -> str:
    """Tell an event in one sentence; one of an unknown type or shape is told by its fields."""
    tell = _SENTENCES.get(event_type)
    if tell is None:
        return f"{event_type}: {figures(_plain(body))}"
    try:
        message = msgspec.convert(body, EVENT_TYPES[event_type])
    except msgspec.ValidationError:
        # Written by another version.
        return f"{event_type}: {figures(_plain(body))}"
    return tell(message)


def figures(values: Figures) -> str:
    """Write figures by their names: the suffix says the unit, so 9500 of ask_bps is ask 0.95."""
    return ", ".join(_figure(name, value) for name, value in values.items() if value is not None)


def short_id(identifier: str) -> str:
    """Cut a long id to its beginning."""
    return identifier if len(identifier) <= _ID_CHARACTERS else f"{identifier[:_ID_CHARACTERS]}..."


def _figure(name: str, value: str | float) -> str:
    if isinstance(value, bool):
        return f"{_words(name)} {'yes' if value else 'no'}"
    for suffix, (write, unit) in _UNITS.items():
        if name.endswith(suffix) and isinstance(value, int):
            return f"{_words(name.removesuffix(suffix))} {write(value)}{unit}"
    if name == "shares" and isinstance(value, int):
        return f"{format_shares(value)} shares"
    if name.endswith("_s") and isinstance(value, (int, float)):
        return f"{_words(name.removesuffix('_s'))} {value:g} s"
    return f"{_words(name)} {value:g}" if isinstance(value, float) else f"{_words(name)} {value}"


def _words(name: str) -> str:
    return name.replace("_", " ")


_UNITS: dict[str, tuple[Callable[[int], str], str]] = {
    "_bps": (format_price, ""),
    "_usdc": (exact_dollars, ""),
    "_shares": (format_shares, " shares"),
    "_e8": (format_reference, ""),
}


def _plain(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value if isinstance(value, (str, int, float, bool)) else str(value)
        for name, value in body.items()
    }


def _discovered(event: trading.WindowDiscovered) -> str:
    market = event.market
    return (
        f"the exchange lists the window: tick {format_price(market.tick_bps)}, fee rate "
        f"{format_price(market.fee.rate_bps)}, settled by {market.rule.value}"
    )


def _refused(event: trading.WindowRefused) -> str:
    return f"not traded ({_words(event.code)}): {event.reason}"


def _preflight(event: trading.PreflightFinished) -> str:
    verdict = "it may be entered" if event.may_enter else "no entries"
    because = f" because of {'; '.join(event.reasons)}" if event.reasons else ""
    return f"the exchange was asked before the window: {verdict}{because}; {figures(event.figures)}"


def _decided(event: trading.DecisionMade) -> str:
    # Unweighted and idle parts of a score fill lines without telling anything; --json has them.
    numbers = figures(
        {
            name: value
            for name, value in event.inputs.items()
            if not name.endswith("_raw") and not (name.startswith("danger_") and not value)
        }
    )
    because = f"{event.agent} ({event.strategy}) {_ACTIONS.get(event.action, event.action)}"
    return f"{because}: {_words(event.reason)}" + (f"; {numbers}" if numbers else "")


def _approved(event: trading.IntentApproved) -> str:
    return f"risk let the {_words(event.purpose)} of {event.agent} pass; {figures(event.checks)}"


def _denied(event: trading.IntentDenied) -> str:
    return (
        f"risk denied the {_words(event.purpose)} of {event.agent}: {_words(event.reason)}; "
        f"{figures(event.checks)}"
    )


def _submitted(event: trading.OrderSubmitted) -> str:
    order = event.order
    if order.budget_usdc:
        size = f"for {exact_dollars(order.budget_usdc)}"
    else:
        size = f"{format_shares(order.size_shares)} shares"
    return (
        f"{order.agent} sends {order.side.value} {order.outcome.value} {size} at "
        f"{format_price(order.price_bps)} ({order.order_type.value}, {_words(order.purpose)}), "
        f"order {short_id(order.venue_order_id)}"
    )


def _status_changed(event: trading.OrderStatusChanged) -> str:
    words = f": {event.detail}" if event.detail else ""
    code = f" ({event.code})" if event.code else ""
    return f"order {short_id(event.venue_order_id)} is now {event.status.value}{code}{words}"


def _cancel_requested(event: trading.CancelRequested) -> str:
    return (
        f"{event.agent} asks to cancel order {short_id(event.venue_order_id)}: "
        f"{_words(event.reason)}"
    )


def _matched(event: trading.FillMatched) -> str:
    fill = event.fill
    verb = "bought" if fill.side.value == "BUY" else "sold"
    role = "maker" if fill.is_maker else "taker"
    return (
        f"{fill.agent} {verb} {format_shares(fill.size_shares)} {fill.outcome.value} at "
        f"{format_price(fill.price_bps)} for {exact_dollars(fill.notional_usdc)}, fee "
        f"{exact_dollars(fill.fee_usdc)} ({role}, trade {short_id(fill.trade_id)})"
    )


def _fill_changed(event: trading.FillStatusChanged) -> str:
    meaning = {
        "CONFIRMED": "is confirmed: final",
        "FAILED": "FAILED: position and money are put back",
        "MINED": "is on the chain",
        "RETRYING": "is being retried by the exchange",
    }
    state = meaning.get(event.status.value, event.status.value)
    return f"trade {short_id(event.trade_id)} {state}"


def _summarized(event: trading.WindowSummarized) -> str:
    most = sorted(event.holds.items(), key=lambda item: -item[1])
    holds = ", ".join(f"{_words(reason)} {count}x" for reason, count in most)
    entered = "entered" if event.entered else "did not enter"
    return f"{event.agent} looked {event.looks} times and {entered}" + (
        f"; held because of {holds}" if holds else ""
    )


def _settled_position(event: trading.PositionSettled) -> str:
    if not event.size_shares:
        return f"{event.agent} held nothing any more when the window was settled"
    how = "won" if event.won else "lost"
    return (
        f"{event.agent} {how}: {format_shares(event.size_shares)} shares became "
        f"{exact_dollars(event.payout_usdc)}"
    )


def _result(event: trading.AgentResult) -> str:
    return (
        f"the trader books {exact_dollars(event.pnl_usdc)} for {event.agent} on the trading day "
        f"{event.day}"
    )


def _corrected(event: trading.AgentResultCorrected) -> str:
    return (
        f"a trade came or failed late: {event.agent} made {exact_dollars(event.pnl_usdc)}, which "
        f"changes the trading day {event.day} by {exact_dollars(event.change_usdc)}"
    )


def _settled(event: tracking.WindowSettled) -> str:
    own = f"; our own reckoning said {event.provisional}" if event.provisional else ""
    return f"the official outcome is {event.outcome} (told by {event.source}){own}"


def _graded(event: tracking.WindowGraded) -> str:
    return (
        f"{event.agent} is graded {event.grade}: P&L {exact_dollars(event.pnl_usdc)} from "
        f"{plural(event.trades, 'trade')}, fees {exact_dollars(event.fees_usdc)}, cost "
        f"{exact_dollars(event.cost_usdc)}"
    )


def _redeemed(event: tracking.WindowRedeemed) -> str:
    return f"the exchange paid {exact_dollars(event.amount_usdc)} out"


def _flow_seen(event: tracking.ExternalFlowSeen) -> str:
    return f"not ours: {event.kind} of {exact_dollars(event.stated_usdc)}"


def _drift(event: trading.DriftFound) -> str:
    return f"drift: {_words(event.kind)} of {short_id(event.subject)}: {event.detail}"


def _foreign_taken(event: trading.ForeignOrdersTaken) -> str:
    orders = ", ".join(map(short_id, event.order_ids)) or "none"
    return f"taken as external by {event.source}: {orders} ({event.reason})"


def _external(event: trading.ExternalFlowBooked) -> str:
    # Shares that moved name their number in the detail.
    amount = "" if event.size_shares else f" {dollars(event.amount_usdc)}"
    return f"booked as external: {_words(event.kind)}{amount} {event.detail}"


def _state_changed(event: safety.TradingStateChanged) -> str:
    claims = "; ".join(f"{claim.source}: {claim.reason}" for claim in event.claims)
    return f"trading went from {event.was} to {event.state}" + (f" ({claims})" if claims else "")


_ACTIONS = {
    "enter": "enters",
    "exit": "exits",
    "cancel": "cancels",
    "hold": "holds",
}

_SENTENCES: dict[str, Callable[[Any], str]] = {
    "WindowDiscovered": _discovered,
    "WindowRefused": _refused,
    "PreflightFinished": _preflight,
    "DecisionMade": _decided,
    "IntentApproved": _approved,
    "IntentDenied": _denied,
    "OrderSubmitted": _submitted,
    "OrderStatusChanged": _status_changed,
    "CancelRequested": _cancel_requested,
    "FillMatched": _matched,
    "FillStatusChanged": _fill_changed,
    "WindowSummarized": _summarized,
    "PositionSettled": _settled_position,
    "AgentResult": _result,
    "AgentResultCorrected": _corrected,
    "WindowSettled": _settled,
    "WindowRedeemed": _redeemed,
    "ExternalFlowSeen": _flow_seen,
    "WindowGraded": _graded,
    "DriftFound": _drift,
    "ForeignOrdersTaken": _foreign_taken,
    "ExternalFlowBooked": _external,
    "TradingStateChanged": _state_changed,
}
