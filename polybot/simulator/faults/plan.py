"""The file of faults: which ones the simulated exchange shows, where, and how often."""

import enum
import json
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from polybot.errors import ConfigError
from polybot.exchange.wire_orders import DELAYED, EARLY_STATUSES


class Fault(enum.Enum):
    """What can go wrong at an exchange; the names are those of the faults file."""

    WITHHELD_AFTER = "withheld_after"
    WITHHELD_BEFORE = "withheld_before"
    RESET_DURING = "reset_during"
    RESET_BEFORE = "reset_before"
    ERROR_500_AFTER = "error_500_after"
    ERROR_500_BEFORE = "error_500_before"
    HTML_403_AFTER = "html_403_after"
    HTML_403_BEFORE = "html_403_before"
    HTML_502_AFTER = "html_502_after"
    HTML_502_BEFORE = "html_502_before"
    SUCCESS_FALSE = "success_false"
    TOO_MANY_REQUESTS = "too_many_requests"
    TOO_EARLY = "too_early"
    DELIVERED_TWICE = "delivered_twice"
    DELIVERED_LATE = "delivered_late"
    SLOW_ANSWER = "slow_answer"
    BOOK_MISSING = "book_missing"
    EVENTS_FIRST = "events_first"
    EARLY_ANSWER = "early_answer"
    LONG_STATUSES = "long_statuses"
    EMPTY_FIELDS = "empty_fields"
    FREEZE = "freeze"
    DISCONNECT = "disconnect"
    DUPLICATE = "duplicate"
    DELAY = "delay"
    MALFORMED = "malformed"
    SHUFFLE = "shuffle"
    DROP = "drop"
    LONG_EVENT_STATUSES = "long_event_statuses"
    RESTART = "restart"
    CANCEL_ONLY = "cancel_only"
    DISABLED = "disabled"
    CLOCK_SKEW = "clock_skew"
    CLOSED_ONLY = "closed_only"
    GEOBLOCKED = "geoblocked"
    FAILED_SETTLEMENT = "failed_settlement"
    RETRYING_SETTLEMENT = "retrying_settlement"
    MISSING_RESOLUTION = "missing_resolution"
    DATA_LAG = "data_lag"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    MANUAL_TRADE = "manual_trade"
    REBATE = "rebate"
    REWARD = "reward"


class Kind(enum.Enum):
    """When a fault is decided: per answer, per frame, in market time, per trade or per window."""

    ANSWER = "answer"
    FRAME = "frame"
    SPELL = "spell"
    SHARE = "share"
    LAG = "lag"
    FLOW = "flow"


class Trait(NamedTuple):
    """What a fault is by nature: its kind, where it strikes unless told, and for how long."""

    kind: Kind
    where: str = "*"
    seconds: float = 0.0


_ORDERS: Final = "POST /order*"
_ROWS: Final = "GET /data/*"

TRAITS: Final[Mapping[Fault, Trait]] = {
    # Longer than the client's patience: the official clients wait 5 s and 10 s.
    Fault.WITHHELD_AFTER: Trait(Kind.ANSWER, _ORDERS, 12.0),
    Fault.WITHHELD_BEFORE: Trait(Kind.ANSWER, _ORDERS, 12.0),
    Fault.RESET_DURING: Trait(Kind.ANSWER, _ORDERS),
    Fault.RESET_BEFORE: Trait(Kind.ANSWER, _ORDERS),
    Fault.ERROR_500_AFTER: Trait(Kind.ANSWER, _ORDERS),
    Fault.ERROR_500_BEFORE: Trait(Kind.ANSWER, _ORDERS),
    Fault.HTML_403_AFTER: Trait(Kind.ANSWER, _ORDERS),
    Fault.HTML_403_BEFORE: Trait(Kind.ANSWER, _ORDERS),
    Fault.HTML_502_AFTER: Trait(Kind.ANSWER, _ORDERS),
    Fault.HTML_502_BEFORE: Trait(Kind.ANSWER, _ORDERS),
    Fault.SUCCESS_FALSE: Trait(Kind.ANSWER, "POST /order"),
    Fault.TOO_MANY_REQUESTS: Trait(Kind.ANSWER, "* /order*", 1.0),
    Fault.TOO_EARLY: Trait(Kind.ANSWER, _ORDERS),
    Fault.DELIVERED_TWICE: Trait(Kind.ANSWER, _ORDERS),
    Fault.DELIVERED_LATE: Trait(Kind.ANSWER, _ORDERS, 3.0),
    Fault.SLOW_ANSWER: Trait(Kind.ANSWER, "*", 1.5),
    Fault.BOOK_MISSING: Trait(Kind.ANSWER, "GET /book"),
    Fault.EVENTS_FIRST: Trait(Kind.ANSWER, _ORDERS, 0.05),
    Fault.EARLY_ANSWER: Trait(Kind.ANSWER, _ORDERS),
    Fault.LONG_STATUSES: Trait(Kind.ANSWER, _ROWS),
    Fault.EMPTY_FIELDS: Trait(Kind.ANSWER, _ROWS),
    Fault.FREEZE: Trait(Kind.FRAME),
    Fault.DISCONNECT: Trait(Kind.FRAME),
    Fault.DUPLICATE: Trait(Kind.FRAME),
    Fault.DELAY: Trait(Kind.FRAME, "*", 0.5),
    Fault.MALFORMED: Trait(Kind.FRAME),
    Fault.SHUFFLE: Trait(Kind.FRAME, "user"),
    Fault.DROP: Trait(Kind.FRAME, "price"),
    Fault.LONG_EVENT_STATUSES: Trait(Kind.FRAME, "user"),
    Fault.RESTART: Trait(Kind.SPELL, "", 90.0),
    Fault.CANCEL_ONLY: Trait(Kind.SPELL, "", 60.0),
    Fault.DISABLED: Trait(Kind.SPELL, "", 60.0),
    Fault.CLOCK_SKEW: Trait(Kind.SPELL, "", 60.0),
    Fault.CLOSED_ONLY: Trait(Kind.SPELL, "", 60.0),
    Fault.GEOBLOCKED: Trait(Kind.SPELL, "", 60.0),
    Fault.FAILED_SETTLEMENT: Trait(Kind.SHARE, ""),
    Fault.RETRYING_SETTLEMENT: Trait(Kind.SHARE, ""),
    Fault.MISSING_RESOLUTION: Trait(Kind.SHARE, ""),
    Fault.DATA_LAG: Trait(Kind.LAG, "", 60.0),
    Fault.DEPOSIT: Trait(Kind.FLOW, ""),
    Fault.WITHDRAWAL: Trait(Kind.FLOW, ""),
    Fault.MANUAL_TRADE: Trait(Kind.FLOW, ""),
    Fault.REBATE: Trait(Kind.FLOW, ""),
    Fault.REWARD: Trait(Kind.FLOW, ""),
}

# How a rule of each kind may say when; a spell or flow that says nothing happens once, at after_s.
_TRIGGERS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.ANSWER: ("nth", "every", "probability"),
    Kind.FRAME: ("nth", "every", "probability", "per_hour"),
    Kind.SPELL: ("per_hour", ""),
    Kind.SHARE: ("probability",),
    Kind.LAG: ("",),
    Kind.FLOW: ("per_hour", ""),
}
_PER_HOUR_FRAMES: Final = (Fault.FREEZE, Fault.DISCONNECT)


class FaultRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fault, where it strikes and when; 0 and "" mean "not said".

    `endpoint` is a pattern such as "POST /order*", or several; `stream` the name of a websocket.
    Calls and frames are counted from 1 by rule. `probability` is per call, frame, trade or window;
    `per_hour` per hour of market time. `after_s` and `until_s` are seconds of market time since
    the rules came into force. `seconds` is wall time for an answer or a frame, and market time for
    a spell and for the lag of the Data API. `amount_usdc` is in dollars. `says` is the status an
    early answer gives an order.
    """

    fault: Fault
    endpoint: str | tuple[str, ...] = ""
    stream: str = ""
    nth: int = 0
    every: int = 0
    probability: float = 0.0
    per_hour: float = 0.0
    times: int = 0
    after_s: float = 0.0
    until_s: float = 0.0
    seconds: float = 0.0
    skew_s: int = 60
    amount_usdc: Decimal = Decimal(10)
    says: str = DELAYED

    @property
    def kind(self) -> Kind:
        """When this fault is decided."""
        return TRAITS[self.fault].kind

    @property
    def lasts_s(self) -> float:
        """How long it lasts, as told or by its nature."""
        return self.seconds or TRAITS[self.fault].seconds

    @property
    def places(self) -> tuple[str, ...]:
        """Patterns of the endpoints or streams it strikes."""
        told = self.stream if self.kind is Kind.FRAME else self.endpoint
        told = told or TRAITS[self.fault].where
        return (told,) if isinstance(told, str) else told


class FaultPlan(msgspec.Struct, frozen=True, kw_only=True):
    """All rules and the seed of their draws."""

    seed: int = 0
    rules: tuple[FaultRule, ...] = ()


def read_plan(path: Path) -> FaultPlan:
    """Read a faults file (TOML, or JSON by its name); ConfigError names everything wrong in it."""
    try:
        text = path.read_text("utf-8")
        told = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise ConfigError(
            [f"simulator.faults: expected a readable file of faults, was {str(path)!r}: {error}"]
        ) from error
    return make_plan(told, name=str(path))


def make_plan(told: object, *, name: str = "faults") -> FaultPlan:
    """Check rules as a file or a request tells them; ConfigError names everything wrong in them."""
    if not isinstance(told, dict):
        raise ConfigError([f"{name}: expected a table with seed and rules, was {told!r}"])
    problems = [
        f"{name}: expected seed and rules, was {key!r}" for key in told.keys() - {"seed", "rules"}
    ]
    seed, rows = told.get("seed", 0), told.get("rules", [])
    if not isinstance(seed, int) or isinstance(seed, bool):
        problems.append(f"{name}: expected seed as a whole number, was {seed!r}")
    rules: list[FaultRule] = []
    for number, row in enumerate(rows if isinstance(rows, list) else [rows], start=1):
        rule, problem = _read_rule(row)
        if rule is not None:
            rules.append(rule)
        if problem:
            problems.append(f"{name}: rule {number}: {problem}")
    if problems:
        raise ConfigError(problems)
    return FaultPlan(seed=seed, rules=tuple(rules))


def _read_rule(row: Any) -> tuple[FaultRule | None, str]:
    known = [fault.value for fault in Fault]
    if isinstance(row, dict) and row.get("fault") not in known:
        return None, f"expected fault as one of {', '.join(known)}, was {row.get('fault')!r}"
    try:
        rule = msgspec.convert(row, FaultRule)
    except msgspec.ValidationError as error:
        keys = ", ".join(FaultRule.__struct_fields__)
        return None, f"{error}; the keys are {keys}"
    return rule, _problem(rule)


def _problem(rule: FaultRule) -> str:
    triggers = ("nth", "every", "probability", "per_hour")
    said = [name for name in triggers if getattr(rule, name)] or [""]
    allowed = _TRIGGERS[rule.kind]
    is_wrong_rate = said == ["per_hour"] and rule.kind is Kind.FRAME
    if len(said) > 1 or said[0] not in allowed:
        wanted = " or ".join(name or "nothing" for name in allowed)
        was = " and ".join(name or "nothing" for name in said)
        return f"expected {rule.fault.value} to say {wanted}, was {was}"
    if is_wrong_rate and rule.fault not in _PER_HOUR_FRAMES:
        return f"expected {rule.fault.value} to say nth, every or probability, was per_hour"
    return _number_problem(rule) or _place_problem(rule)


def _number_problem(rule: FaultRule) -> str:
    if not 0.0 <= rule.probability <= 1.0:
        return f"expected probability from 0 to 1, was {rule.probability}"
    for name in ("nth", "every", "per_hour", "times", "after_s", "until_s", "seconds"):
        if getattr(rule, name) < 0:
            return f"expected {name} from 0 on, was {getattr(rule, name)}"
    if rule.until_s and rule.until_s <= rule.after_s:
        return f"expected until_s after after_s {rule.after_s}, was {rule.until_s}"
    if rule.says not in EARLY_STATUSES:
        return f"expected says as one of {', '.join(EARLY_STATUSES)}, was {rule.says!r}"
    if rule.amount_usdc <= 0:
        return f"expected amount_usdc above 0, was {rule.amount_usdc}"
    return ""


def _place_problem(rule: FaultRule) -> str:
    if rule.endpoint and rule.kind is not Kind.ANSWER:
        return f"expected no endpoint for {rule.fault.value}, was {rule.endpoint!r}"
    if rule.stream and rule.kind is not Kind.FRAME:
        return f"expected no stream for {rule.fault.value}, was {rule.stream!r}"
    if rule.stream not in ("", *STREAMS):
        return f"expected stream as one of {', '.join(STREAMS)}, was {rule.stream!r}"
    return ""


STREAMS: Final = ("market", "user", "price", "rtds", "binance", "coinbase")
