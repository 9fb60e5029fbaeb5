"""The reflector's durable events."""

import msgspec


class ReflectionRecorded(msgspec.Struct, frozen=True, kw_only=True):
    """A look back at settled trades; it changes nothing by itself.

    `trigger` is 3_losses, 10_trades or end_of_day; `mark` identifies the occurrence, so that no
    restart repeats or misses one; `digest` holds the figures, `insights` sentences (the analyst's,
    empty when no analyst is configured).
    """

    trigger: str
    mark: str
    trades: int
    digest: dict[str, str | int | float | None]
    insights: tuple[str, ...] = ()
    analyst: str = ""
