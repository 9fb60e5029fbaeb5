"""Tells a person what is due: one text a condition at a time, written down with its delivery."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from polybot.domain.alerting import AGAIN_NS, COLLAPSE_NS, Alerting, Due
from polybot.messages.safety import AlertDelivered, AlertTold
from polybot.ports import Clock
from polybot.ports.messenger import ChatAnswer, Messenger

logger = logging.getLogger(__name__)

_SECOND_NS = 1_000_000_000


class _Underway(msgspec.Struct):
    due: Due
    waits_for: set[str]
    delivered: bool = False


class AlertDesk(msgspec.Struct):
    """Sends what is due and records what became of it; a crash at any moment sends it again.

    `alerting` is a fold over our own durable events, which `record` writes and applies.
    """

    alerting: Alerting
    messenger: Messenger
    clock: Clock
    record: Callable[[msgspec.Struct], None]
    signature: str
    _underway: dict[str, _Underway] = msgspec.field(default_factory=dict)
    _again_ns: dict[str, int] = msgspec.field(default_factory=dict)

    def turn(self) -> None:
        """Take the answers, then send what is due and not on its way."""
        for answer in self.messenger.take():
            self._answered(answer)
        now = self.clock.now_ns()
        self.alerting.forget_before(now - COLLAPSE_NS)
        if not self.messenger.channels:
            return
        mono = self.clock.monotonic_ns()
        for key, due in self.alerting.ready(now).items():
            if key in self._underway or mono < self._again_ns.get(key, mono):
                continue
            self._underway[key] = _Underway(due, set(self.messenger.channels))
            self.messenger.send(key, self._worded(key, due))

    def _answered(self, answer: ChatAnswer) -> None:
        underway = self._underway.get(answer.key)
        if underway is None:
            return
        underway.waits_for.discard(answer.channel)
        self.record(
            AlertDelivered(
                key=answer.key,
                channel=answer.channel,
                delivered=answer.delivered,
                tries=answer.tries,
                detail=answer.detail,
            )
        )
        if not answer.delivered:
            logger.warning("%s did not take the alert: %s", answer.channel, answer.detail)
        elif not underway.delivered:
            # The first chat that took it is enough; the others are written down all the same.
            underway.delivered = True
            due = underway.due
            self.record(
                AlertTold(
                    key=answer.key, told_ns=self.clock.now_ns(), times=due.times, over=due.gone
                )
            )
        if underway.waits_for:
            return
        del self._underway[answer.key]
        if underway.delivered:
            self._again_ns.pop(answer.key, None)
        else:
            self._again_ns[answer.key] = self.clock.monotonic_ns() + AGAIN_NS

    def _worded(self, key: str, due: Due) -> str:
        if due.times == 0:
            return f"{self.signature}: over: {due.text}"
        told = self.alerting.told.get(key)
        often = ""
        if due.times > 1 and told is not None:
            since = datetime.fromtimestamp(told.ts_ns / _SECOND_NS, UTC)
            often = f" ({due.times} times since {since:%H:%M} UTC)"
        elif due.times > 1:
            often = f" ({due.times} times)"
        return f"{self.signature}: {due.text}{often}{', over by now' if due.gone else ''}"
