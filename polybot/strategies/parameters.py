"""Parameters of strategies: how a field states its range, and how values from a config become one.

A field's annotation is made by `number`, `dollars` or `choice`, so that its meaning and range can
be shown and are checked in one place, with every problem reported at once.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, get_args, get_type_hints

import msgspec


class ParameterDoc(msgspec.Struct, frozen=True):
    """One parameter as a person sees it; values and bounds as text, "" for no bound."""

    name: str
    type: str
    default: str
    low: str
    high: str
    choices: tuple[str, ...]
    doc: str


def bounded(low: Decimal | float | str, high: Decimal | float | str, doc: str) -> msgspec.Meta:
    """Return the annotation of a number between `low` and `high`, both ends included."""
    return msgspec.Meta(description=doc, extra={"low": Decimal(low), "high": Decimal(high)})


def chosen(words: tuple[str, ...], doc: str) -> msgspec.Meta:
    """Return the annotation of a text that is one of `words`."""
    return msgspec.Meta(description=doc, extra={"choices": words})


def described(doc: str) -> msgspec.Meta:
    """Return the annotation of a value without a range."""
    return msgspec.Meta(description=doc)


def _hints(parameters_type: type[msgspec.Struct]) -> dict[str, tuple[Any, msgspec.Meta]]:
    found: dict[str, tuple[Any, msgspec.Meta]] = {}
    for name, hint in get_type_hints(parameters_type, include_extras=True).items():
        arguments = get_args(hint)
        metas = [part for part in arguments if isinstance(part, msgspec.Meta)]
        found[name] = (arguments[0], metas[0]) if metas else (hint, msgspec.Meta())
    return found


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def document(parameters_type: type[msgspec.Struct]) -> tuple[ParameterDoc, ...]:
    """Return every parameter of a strategy with its default, range and meaning."""
    defaults = {field.name: field.default for field in msgspec.structs.fields(parameters_type)}
    documented = []
    for name, (kind, meta) in _hints(parameters_type).items():
        extra = meta.extra or {}
        documented.append(
            ParameterDoc(
                name=name,
                type=kind.__name__,
                default=_text(defaults[name]),
                low=_text(extra.get("low", "")),
                high=_text(extra.get("high", "")),
                choices=extra.get("choices", ()),
                doc=meta.description or "",
            )
        )
    return tuple(documented)


def _range_problem(name: str, value: object, extra: Mapping[str, Any]) -> str:
    if "choices" in extra and value not in extra["choices"]:
        return f"{name}: expected one of {', '.join(extra['choices'])}, was {value!r}"
    if "low" in extra:
        number = Decimal(str(value))
        if not number.is_finite() or not extra["low"] <= number <= extra["high"]:
            return f"{name}: expected {extra['low']} to {extra['high']}, was {value}"
    return ""


def _convert(name: str, value: object, hint: tuple[Any, msgspec.Meta]) -> tuple[Any, str]:
    kind, meta = hint
    extra = meta.extra or {}
    try:
        converted = msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        span = f" of {extra['low']} to {extra['high']}" if "low" in extra else ""
        return None, f"{name}: expected {kind.__name__}{span}, was {value!r} ({error})"
    return converted, _range_problem(name, converted, extra)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known word most like `name`, "" when nothing is known."""
    # A start without a slip of the pen does not need it.
    import difflib  # noqa: PLC0415

    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)
    return near[0] if near else ""


def read_parameters(
    parameters_type: type[msgspec.Struct], values: Mapping[str, object]
) -> tuple[Any, list[str]]:
    """Return the parameters as their type says, and every problem found, one sentence each.

    Texts are accepted for numbers, as environments give them. With problems, the parameters
    concerned keep their defaults.
    """
    hints = _hints(parameters_type)
    accepted: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in values.items():
        if name not in hints:
            like = nearest(name, hints)
            problems.append(f"{name}: expected a known parameter, the nearest is {like}")
            continue
        converted, problem = _convert(name, value, hints[name])
        if problem:
            problems.append(problem)
        else:
            accepted[name] = converted
    return parameters_type(**accepted), problems
