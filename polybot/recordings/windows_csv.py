"""One line of windows.csv, the index of a recordings directory, to a recorded window and back."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from polybot.domain.money import format_reference, parse_reference
from polybot.errors import InvalidValue, RecordingError

INDEX_NAME: Final = "windows.csv"
FILE_SUFFIX: Final = ".jsonl.gz"
COUNTED_KINDS: Final = ("book", "delta", "bbo", "trade", "price", "quote")
REQUIRED: Final = ("slug", "open_ts", "close_ts")
COLUMNS: Final = (
    *("slug", "source", "interval_sec", "open_ts", "close_ts", "price_to_beat", "close_price"),
    *("outcome", "outcome_source", "rule", "condition_id", "token_up", "token_down"),
    *("first_ts_ms", "last_ts_ms", "n_rows"),
    *(f"n_{kind}" for kind in COUNTED_KINDS),
    "file",
)

_OUTCOMES: Final = ("Up", "Down")
_NS_PER_S: Final = 1_000_000_000
_NS_PER_MS: Final = 1_000_000
_SLUG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class RecordedWindow(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded window: what is known of it, and which rows its file holds.

    Prices are in 1e-8 dollars, None where the recording does not know them. `outcome` is "Up",
    "Down" or None; `rule` names the settlement rule ("chainlink_instant", "chainlink_twap_60s");
    ids may be "". `first_ts_ns` and `last_ts_ns` are the times of the first and the last row.
    `path` is None for a window without a file, and then every `has_` is False.
    """

    slug: str
    interval_s: int
    open_ns: int
    close_ns: int
    source: str = ""
    outcome: str | None = None
    outcome_source: str = ""
    rule: str = ""
    condition_id: str = ""
    token_up: str = ""
    token_down: str = ""
    price_to_beat_e8: int | None = None
    close_price_e8: int | None = None
    first_ts_ns: int | None = None
    last_ts_ns: int | None = None
    path: Path | None = None
    has_book: bool = False
    has_bbo: bool = False
    has_trades: bool = False
    has_prices: bool = False
    has_quotes: bool = False


def _seconds(fields: Mapping[str, str], name: str) -> int:
    text = fields.get(name, "")
    if not text.isdecimal():
        raise RecordingError(f"expected {name} in whole seconds, was {text!r}")
    return int(text)


def _optional_ms(fields: Mapping[str, str], name: str) -> int | None:
    text = fields.get(name, "")
    if text and not text.isdecimal():
        raise RecordingError(f"expected {name} in whole milliseconds or nothing, was {text!r}")
    return int(text) * _NS_PER_MS if text else None


def _price(fields: Mapping[str, str], name: str) -> int | None:
    text = fields.get(name, "")
    if not text:
        return None
    try:
        return parse_reference(text)
    except InvalidValue as error:
        raise RecordingError(f"expected {name} as a price or nothing, was {text!r}") from error


def _outcome(fields: Mapping[str, str]) -> str | None:
    text = fields.get("outcome", "")
    if text and text not in _OUTCOMES:
        raise RecordingError(f"expected outcome Up, Down or nothing, was {text!r}")
    return text or None


def read_window(fields: Mapping[str, str]) -> RecordedWindow:
    """Read one line of the index; RecordingError names the field that cannot be used.

    The file and what it holds are not looked at here.
    """
    slug = fields.get("slug", "")
    if not _SLUG.fullmatch(slug):
        raise RecordingError(f"expected a slug of letters, digits and dashes, was {slug!r}")
    open_s, close_s = _seconds(fields, "open_ts"), _seconds(fields, "close_ts")
    if close_s <= open_s:
        raise RecordingError(f"expected a close after the open at {open_s}, was {close_s}")
    interval = fields.get("interval_sec", "")
    if interval and interval != str(close_s - open_s):
        raise RecordingError(
            f"expected an interval of {close_s - open_s} seconds from open to close, "
            f"was {interval!r}"
        )
    return RecordedWindow(
        slug=slug,
        interval_s=close_s - open_s,
        open_ns=open_s * _NS_PER_S,
        close_ns=close_s * _NS_PER_S,
        source=fields.get("source", ""),
        outcome=_outcome(fields),
        outcome_source=fields.get("outcome_source", ""),
        rule=fields.get("rule", ""),
        condition_id=fields.get("condition_id", ""),
        token_up=fields.get("token_up", ""),
        token_down=fields.get("token_down", ""),
        price_to_beat_e8=_price(fields, "price_to_beat"),
        close_price_e8=_price(fields, "close_price"),
        first_ts_ns=_optional_ms(fields, "first_ts_ms"),
        last_ts_ns=_optional_ms(fields, "last_ts_ms"),
    )


def _price_text(price_e8: int | None) -> str:
    return "" if price_e8 is None else format_reference(price_e8)


def _ms_text(ts_ns: int | None) -> str:
    return "" if ts_ns is None else str(ts_ns // _NS_PER_MS)


def write_window(window: RecordedWindow, counts: Mapping[str, int]) -> dict[str, str]:
    """Write a window as the fields of one line; `counts` are rows by kind."""
    return {
        "slug": window.slug,
        "source": window.source,
        "interval_sec": str(window.interval_s),
        "open_ts": str(window.open_ns // _NS_PER_S),
        "close_ts": str(window.close_ns // _NS_PER_S),
        "price_to_beat": _price_text(window.price_to_beat_e8),
        "close_price": _price_text(window.close_price_e8),
        "outcome": window.outcome or "",
        "outcome_source": window.outcome_source,
        "rule": window.rule,
        "condition_id": window.condition_id,
        "token_up": window.token_up,
        "token_down": window.token_down,
        "first_ts_ms": _ms_text(window.first_ts_ns),
        "last_ts_ms": _ms_text(window.last_ts_ns),
        "n_rows": str(sum(counts.values())),
        **{f"n_{kind}": str(counts.get(kind, 0)) for kind in COUNTED_KINDS},
        "file": f"{window.slug}{FILE_SUFFIX}" if any(counts.values()) else "",
    }
