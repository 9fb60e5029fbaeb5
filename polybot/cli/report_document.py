"""A report as JSON values: null is what nobody knows, amounts are decimal strings in dollars."""

import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from polybot import __version__
from polybot.cli.glance import Glance
from polybot.domain.health import DayFigures, Health, ProcessLife, StoredAlert, attention
from polybot.domain.money import format_usdc

if TYPE_CHECKING:
    from polybot.extras.chat import Delivery


def as_document(
    glance: Glance, health: Health, deliveries: "Sequence[Delivery] | None"
) -> dict[str, Any]:
    """Return the report with what became of its text at each chat, None when it was not sent."""
    return {
        "mode": glance.mode,
        "host": socket.gethostname(),
        "program": __version__,
        "wall_ns": health.wall_ns,
        "market_ns": glance.market.now_ns,
        "attention": list(attention(health)),
        "running": health.running,
        "trading_state": health.trading_state,
        "processes": _each(_life, health.lives),
        "days": _each(_day, health.days),
        **_holdings(glance, health),
        "audit": _audit(health),
        "alerts": _each(_alert, health.alerts),
        "disk_free_bytes": health.storage.free_bytes,
        "state_bytes": health.storage.state_bytes,
        "backup_ns": health.backup_ns,
        **_arming(glance),
        "deliveries": _each(_delivery, deliveries),
    }


def _each(document: Any, found: Sequence[Any] | None) -> list[dict[str, Any]] | None:
    return None if found is None else [document(each) for each in found]


def _life(life: ProcessLife) -> dict[str, Any]:
    return {
        "name": life.process,
        "version": life.version,
        "started_ns": life.started_ns,
        "stopped_ns": life.stopped_ns or None,
        "restarts": life.restarts,
        "crashes": life.crashes,
    }


def _day(figures: DayFigures) -> dict[str, Any]:
    metrics = figures.metrics
    return {
        "day": figures.day,
        "windows": figures.windows,
        "windows_traded": figures.traded,
        "windows_unsettled": figures.unsettled,
        "trades": metrics.trades,
        "wins": metrics.wins,
        "losses": metrics.losses,
        "exits": metrics.exits,
        "win_rate": metrics.win_rate,
        "pnl_usdc": format_usdc(metrics.pnl_usdc),
        "fees_usdc": format_usdc(metrics.fees_usdc),
        "max_drawdown_usdc": format_usdc(metrics.max_drawdown_usdc),
    }


def _holdings(glance: Glance, health: Health) -> dict[str, Any]:
    books = glance.books
    if books.problem:
        return dict.fromkeys(
            ("open_positions", "free_cash_usdc", "unredeemed_usdc", "unredeemed_overdue")
        )
    known = books.funds.cash_usdc is not None
    return {
        "open_positions": len(books.positions),
        "free_cash_usdc": format_usdc(books.funds.free_usdc) if known else None,
        "unredeemed_usdc": format_usdc(books.funds.unredeemed_usdc),
        "unredeemed_overdue": health.overdue_payouts,
    }


def _audit(health: Health) -> dict[str, Any] | None:
    audit = health.audit
    if audit is None:
        return None
    return {
        "agrees": audit.agrees,
        "differences": list(audit.differences),
        "audited_ns": audit.audited_ns,
    }


def _alert(alert: StoredAlert) -> dict[str, Any]:
    return {
        "severity": alert.severity,
        "text": alert.text,
        "raised_ns": alert.raised_ns,
        "cleared_ns": alert.cleared_ns or None,
    }


def _arming(glance: Glance) -> dict[str, Any]:
    leave = glance.leave
    arming = leave.arming if leave else None
    return {
        "arming": leave.state.value if leave else None,
        "arming_expires_ns": (arming.expires_ns or None) if arming else None,
    }


def _delivery(delivery: "Delivery") -> dict[str, Any]:
    return {
        "channel": delivery.channel,
        "delivered": delivery.delivered,
        "tries": delivery.tries,
        "detail": delivery.detail or None,
    }
