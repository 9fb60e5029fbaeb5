"""What is in the wallet and not ours is a fold over events, and survives a checkpoint."""

import msgspec

from polybot.messages.trading import DriftFound, ExternalFlowBooked, ForeignOrdersTaken
from polybot.services.trader.not_ours import ORDERS_REMEMBERED, NotOurs


def found(order_id: str, kind: str = "foreign_order") -> DriftFound:
    return DriftFound(kind=kind, subject=order_id, detail="")


def taken(*order_ids: str) -> ForeignOrdersTaken:
    return ForeignOrdersTaken(command_id="", source="operator", reason="", order_ids=order_ids)


def shares(size: int, token_id: str = "1000") -> ExternalFlowBooked:
    return ExternalFlowBooked(kind="shares", amount_usdc=0, token_id=token_id, size_shares=size)


def test_a_foreign_order_waits_until_somebody_decides() -> None:
    not_ours = NotOurs()
    for order_id in ("0x2", "0x1"):
        not_ours.drift_found(found(order_id))
    assert not_ours.pending() == ("0x2", "0x1")
    not_ours.orders_taken(taken("0x2"))
    assert not_ours.pending() == ("0x1",)


def test_an_order_decided_about_does_not_wait_again_when_it_is_seen_again() -> None:
    not_ours = NotOurs()
    not_ours.drift_found(found("0x1"))
    not_ours.orders_taken(taken("0x1"))
    not_ours.drift_found(found("0x1"))
    assert not_ours.pending() == ()


def test_other_drift_is_no_foreign_order() -> None:
    not_ours = NotOurs()
    for kind in ("foreign_fill", "foreign_order_event", "undead_order", "holdings"):
        not_ours.drift_found(found("0x1", kind))
    assert not_ours.orders == {}


def test_only_the_oldest_decisions_are_forgotten() -> None:
    not_ours = NotOurs()
    not_ours.drift_found(found("0xwaits"))
    for number in range(ORDERS_REMEMBERED + 5):
        not_ours.orders_taken(taken(f"0x{number}"))
    assert len(not_ours.orders) == ORDERS_REMEMBERED + 1
    assert "0x4" not in not_ours.orders
    assert not_ours.orders["0x5"]
    assert not_ours.pending() == ("0xwaits",)


def test_external_shares_add_up_and_are_forgotten_when_they_are_gone() -> None:
    not_ours = NotOurs()
    for size in (5, 2, -9):
        not_ours.flow_booked(shares(size))
    assert not_ours.shares == {"1000": -2}
    not_ours.flow_booked(shares(2))
    assert not_ours.shares == {}
    not_ours.flow_booked(shares(1))
    not_ours.forget_token("1000")
    assert not_ours.shares == {}


def test_money_is_no_shares() -> None:
    not_ours = NotOurs()
    not_ours.flow_booked(ExternalFlowBooked(kind="unexplained", amount_usdc=5))
    assert not_ours.shares == {}


def test_a_copy_travels_and_goes_its_own_way() -> None:
    not_ours = NotOurs()
    not_ours.drift_found(found("0x1"))
    not_ours.flow_booked(shares(5))
    copied = msgspec.json.decode(msgspec.json.encode(not_ours.copy()), type=NotOurs)
    assert copied == not_ours
    copied = not_ours.copy()
    copied.orders_taken(taken("0x1"))
    copied.flow_booked(shares(1))
    assert (not_ours.pending(), not_ours.shares) == (("0x1",), {"1000": 5})
