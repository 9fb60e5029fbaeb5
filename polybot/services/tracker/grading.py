"""Grades a settled window for each agent, and finds which grades are news."""

import msgspec

from polybot.domain.grading import PurposedFill, WindowFacts, WindowGrade, grade_window
from polybot.domain.market import Outcome
from polybot.domain.money import DOLLAR_USDC
from polybot.domain.order import OrderStatus
from polybot.domain.stored import GradeCase, StoredGrade
from polybot.messages.tracking import WindowGraded

NEVER_SENT = frozenset(
    {OrderStatus.INITIALIZED, OrderStatus.DENIED, OrderStatus.REJECTED, OrderStatus.NOT_PLACED}
)


class Graded(msgspec.Struct, frozen=True):
    """What a look at a window brought: `news` are new or changed grades, `waits` says for what."""

    slug: str
    news: tuple[WindowGraded, ...]
    waits: tuple[str, ...]


def grade_case(case: GradeCase) -> Graded:
    """Grade every agent that did something in a window.

    A grade that waits for an order's fate or for fills to become final is not told; what it waits
    for brings the window back here.
    """
    known = {grade.agent: grade for grade in case.grades}
    news = []
    waits = []
    for agent in _agents(case):
        grade = _grade(case, agent)
        if grade.waits_for:
            waits.append(f"{agent}: {grade.waits_for}")
            continue
        told = _told(case, agent, grade)
        if known.get(agent) != _stored(told):
            news.append(told)
    return Graded(case.market.slug, tuple(news), tuple(waits))


def in_words(graded: WindowGraded, outcome: Outcome) -> str:
    """Tell a grade in one line, with its P&L in dollars when there were trades."""
    window = f"{graded.slug} was {outcome.value}, {graded.agent} {graded.grade}"
    if not graded.trades:
        return window
    return f"{window}, P&L ${graded.pnl_usdc / DOLLAR_USDC:+.2f}, trades {graded.trades}"


def _agents(case: GradeCase) -> list[str]:
    acted = {order.agent for order in case.orders} | {fill.agent for fill in case.fills}
    return sorted(acted | {summary.agent for summary in case.summaries})


def _grade(case: GradeCase, agent: str) -> WindowGrade:
    orders = [order for order in case.orders if order.agent == agent]
    purposes = {order.venue_order_id: order.purpose for order in orders}
    holds = {summary.agent: summary.holds for summary in case.summaries}
    facts = WindowFacts(
        holds=holds.get(agent, {}),
        orders_sent=sum(order.status not in NEVER_SENT for order in orders),
        orders_open=sum(not order.is_terminal for order in orders),
    )
    fills = [
        PurposedFill(fill, purposes.get(fill.venue_order_id, ""))
        for fill in case.fills
        if fill.agent == agent
    ]
    return grade_window(facts, fills, case.outcome)


def _told(case: GradeCase, agent: str, grade: WindowGrade) -> WindowGraded:
    return WindowGraded(
        slug=case.market.slug,
        agent=agent,
        strategy=case.strategies.get(agent, ""),
        grade=grade.grade.value,
        pnl_usdc=grade.pnl_usdc,
        fees_usdc=grade.fees_usdc,
        cost_usdc=grade.cost_usdc,
        trades=grade.trades,
    )


def _stored(told: WindowGraded) -> StoredGrade:
    return StoredGrade(
        agent=told.agent,
        strategy=told.strategy,
        grade=told.grade,
        pnl_usdc=told.pnl_usdc,
        fees_usdc=told.fees_usdc,
        cost_usdc=told.cost_usdc,
        trades=told.trades,
    )
