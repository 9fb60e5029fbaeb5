"""Arming: a person's leave to trade a real wallet, for a time, on proof that its orders arrive."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from polybot.domain.window import SECOND_NS
from polybot.errors import InvalidValue

HOUR_NS = 3600 * SECOND_NS
DAY_NS = 24 * HOUR_NS
SHORTEST_TTL_NS = HOUR_NS
DEFAULT_TTL_NS = DAY_NS
LONGEST_TTL_NS = 30 * DAY_NS
# A clock may be set back a little; by more, nobody knows how old the arming is.
CLOCK_SLACK_NS = 300 * SECOND_NS
# A warning comes when this is left, and when this part of the whole time is.
LAST_WARNING_NS = HOUR_NS
WARNING_PART = 10

_UNITS_NS = {"m": 60 * SECOND_NS, "h": HOUR_NS, "d": DAY_NS}


class LiveOrderProof(msgspec.Struct, frozen=True, kw_only=True):
    """One real order that was found at the exchange under the id computed before it was sent.

    `version` is the market's protocol ("v1", "v2"); `order_hash` the id we computed, `order_id` the
    one the exchange answered; `placed_ns` wall time.
    """

    signature_type: int
    version: str
    funder: str
    order_id: str
    order_hash: str
    placed_ns: int

    @property
    def holds(self) -> bool:
        """Whether both ids are the same."""
        return bool(self.order_hash) and self.order_id.lower() == self.order_hash.lower()


class Arming(msgspec.Struct, frozen=True, kw_only=True):
    """Leave for one wallet to trade the protocol versions it was proven for.

    `armed_ns` and `expires_ns` are wall time; `expires_ns` 0 means until somebody disarms.
    """

    funder: str
    signature_type: int
    versions: tuple[str, ...]
    armed_ns: int
    expires_ns: int
    by: str


class ArmingState(StrEnum):
    """Whether real orders are allowed now, and why not."""

    ARMED = "armed"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    NOT_ARMED = "not_armed"
    REFUSED = "refused"


class ArmingVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What an arming is worth at a moment; `detail` says it to a person.

    `warnings` counts the warnings due by now (0 to 2): one when a tenth of the time is left, one
    an hour before the end.
    """

    state: ArmingState
    detail: str
    warnings: int = 0
    arming: Arming | None = None

    @property
    def advice(self) -> str:
        """The detail for a line that says NOT ARMED already."""
        return self.detail.removeprefix("not armed; ")

    @property
    def allows_entries(self) -> bool:
        """Whether orders that raise the worst-case loss are allowed."""
        return self.state in (ArmingState.ARMED, ArmingState.EXPIRING)


def judge(
    arming: Arming | None,
    *,
    funder: str,
    signature_type: int,
    now_ns: int,
    wallet_problem: str = "",
) -> ArmingVerdict:
    """Return what an arming is worth for a wallet at a wall time; None is no arming.

    `wallet_problem` says why the key cannot sign for that wallet: it may have been changed since.
    """
    if arming is None:
        return ArmingVerdict(state=ArmingState.NOT_ARMED, detail="not armed; run: polybot arm")
    problem = wallet_problem or _problem(arming, funder, signature_type, now_ns)
    if problem:
        return ArmingVerdict(state=ArmingState.REFUSED, detail=problem, arming=arming)
    if not arming.expires_ns:
        return ArmingVerdict(
            state=ArmingState.ARMED, detail="armed until `polybot disarm`", arming=arming
        )
    left_ns = arming.expires_ns - now_ns
    if left_ns <= 0:
        detail = "the arming has expired; run: polybot arm"
        return ArmingVerdict(state=ArmingState.EXPIRED, detail=detail, warnings=2, arming=arming)
    warnings = sum(left_ns <= threshold for threshold in warning_times_ns(arming))
    state = ArmingState.EXPIRING if warnings else ArmingState.ARMED
    detail = f"armed, {_left(left_ns)} left"
    return ArmingVerdict(state=state, detail=detail, warnings=warnings, arming=arming)


def warning_times_ns(arming: Arming) -> tuple[int, int]:
    """Return how long before the end of an arming its two warnings are due."""
    return (LAST_WARNING_NS, (arming.expires_ns - arming.armed_ns) // WARNING_PART)


def unproven(arming: Arming, versions: Iterable[str]) -> tuple[str, ...]:
    """Return the protocol versions that no order was tried in when the wallet was armed."""
    return tuple(sorted({version for version in versions if version not in arming.versions}))


def proven_versions(
    proofs: Iterable[LiveOrderProof], *, funder: str, signature_type: int
) -> tuple[str, ...]:
    """Return the protocol versions in which this wallet's orders are known under our ids."""
    return tuple(
        sorted(
            {
                proof.version
                for proof in proofs
                if proof.holds
                and proof.funder.lower() == funder.lower()
                and proof.signature_type == signature_type
            }
        )
    )


def with_proof(
    proofs: Iterable[LiveOrderProof], newest: LiveOrderProof
) -> tuple[LiveOrderProof, ...]:
    """Return the proofs with one more, which replaces an older one of the same kind."""
    kind = _kind(newest)
    return (*(proof for proof in proofs if _kind(proof) != kind), newest)


def parse_ttl_ns(text: str) -> int:
    """Read a time to live such as 24h, 90m or 7d; raises InvalidValue outside 1 h to 30 d."""
    number, unit = text.strip()[:-1], text.strip()[-1:].lower()
    if not (number.isascii() and number.isdecimal()) or unit not in _UNITS_NS:
        raise InvalidValue(f"expected a time such as 24h or 7d, was {text!r}")
    ttl_ns = int(number) * _UNITS_NS[unit]
    if not SHORTEST_TTL_NS <= ttl_ns <= LONGEST_TTL_NS:
        raise InvalidValue(f"expected between 1h and 30d, was {text!r}")
    return ttl_ns


def _problem(arming: Arming, funder: str, signature_type: int, now_ns: int) -> str:
    if arming.funder.lower() != funder.lower() or arming.signature_type != signature_type:
        return (
            f"armed for the wallet {arming.funder} (type {arming.signature_type}), not for "
            f"{funder} (type {signature_type}); run: polybot arm"
        )
    if now_ns < arming.armed_ns - CLOCK_SLACK_NS:
        return "the clock stands before the moment of arming; set the clock, then: polybot arm"
    if arming.expires_ns and arming.expires_ns - arming.armed_ns > LONGEST_TTL_NS:
        return "the arming is for longer than 30 days; run: polybot arm"
    return ""


def _kind(proof: LiveOrderProof) -> tuple[str, int, str]:
    return (proof.funder.lower(), proof.signature_type, proof.version)


def _left(left_ns: int) -> str:
    minutes = left_ns // (60 * SECOND_NS)
    if minutes < 60:  # noqa: PLR2004 - minutes of an hour
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"  # noqa: PLR2004
