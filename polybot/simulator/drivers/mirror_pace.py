"""How a mirror's market time keeps up with the market time of the exchange it follows."""

import logging
from dataclasses import dataclass

from polybot.ports import MarketMoment, UpstreamTime
from polybot.simulator.market_clock import SegmentedClock

logger = logging.getLogger(__name__)

NS_PER_S = 1_000_000_000
# Why the clock is held: the other exchange's time is unknown, stands still, or is behind ours.
FOLLOWING = "following"
# A difference worth less wall time than this is the network's noise.
TOLERANCE_NS = 50_000_000
# A moment older than this (wall time) says nothing about now; a wall clock is always fresh.
LEASE_NS = 3 * NS_PER_S
SAY_EVERY_NS = 60 * NS_PER_S
# Behind by more than this is told: somebody has to wait for it.
WORTH_SAYING_NS = 60 * NS_PER_S


@dataclass(slots=True)
class MirrorPace:
    """Moves a market clock, which never goes back, to another exchange's time.

    Behind it, the clock jumps; ahead of it, it waits. While nothing is known of the other's time
    the market stands still, which is safe: nothing expires, nothing fills.
    """

    time: UpstreamTime
    known: bool = False
    _said_ns: int | None = None

    def follow(self, clock: SegmentedClock, mono_ns: int) -> bool:
        """Correct the clock; return whether clients should be told of it."""
        moment = self.time.moment()
        if moment is None or mono_ns - moment.mono_ns > LEASE_NS or moment.speed <= 0:
            return self._hold(clock)
        self.known = True
        changed = moment.speed != clock.speed
        if changed:
            clock.set_speed(moment.speed)
        return self._correct(clock, moment, mono_ns) or changed

    def _correct(self, clock: SegmentedClock, moment: MarketMoment, mono_ns: int) -> bool:
        target_ns = moment.at(mono_ns)
        ahead_ns = clock.now_ns() - target_ns
        tolerance_ns = int(TOLERANCE_NS * moment.speed)
        if ahead_ns > (0 if clock.is_held_for(FOLLOWING) else tolerance_ns):
            self._say_waiting(ahead_ns, mono_ns)
            return self._hold(clock)
        held = clock.is_held_for(FOLLOWING)
        if -ahead_ns > tolerance_ns or held:
            clock.jump_to(max(target_ns, clock.now_ns()))
            clock.resume(FOLLOWING)
            return True
        return False

    def _hold(self, clock: SegmentedClock) -> bool:
        if clock.is_held_for(FOLLOWING):
            return False
        clock.pause(FOLLOWING)
        return True

    def _say_waiting(self, ahead_ns: int, mono_ns: int) -> None:
        said = self._said_ns
        if ahead_ns < WORTH_SAYING_NS or (said is not None and mono_ns - said < SAY_EVERY_NS):
            return
        self._said_ns = mono_ns
        logger.warning(
            "the mirrored exchange's market time is %d s behind what was played here: waiting "
            "for it; after a change of the feed use another state directory",
            ahead_ns // NS_PER_S,
        )
