"""The generated part of the reference pages; `make reference` rewrites it, a test compares it.

What is above the marker in a page is written by hand.
"""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

import polybot.messages
from polybot.config import schema
from polybot.config.fields import Doc, EnvName, OneOf, Range, Secret
from polybot.exchange import meanings

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference"
MARKER = "<!-- below: written by `make reference` -->\n"

KINDS = {str: "text", int: "integer", float: "number", bool: "true, false", dict: "table"}


def table(*rows: tuple[str, ...]) -> str:
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def first_line(docstring: str | None) -> str:
    return (docstring or "").partition("\n")[0]


def one_line(docstring: str | None) -> str:
    return " ".join(inspect.cleandoc(docstring or "").split())


def source_map() -> Iterator[str]:
    """Yield a section for each package: its modules and what each is."""
    packages = [ROOT / "polybot", *sorted((ROOT / "polybot").rglob("*/"))]
    for package in packages:
        modules = sorted(package.glob("*.py"))
        if modules:
            yield f"## `{package.relative_to(ROOT).as_posix()}/`"
            yield table(("module", "what it is"), *(_module_row(path) for path in modules))


def _module_row(path: Path) -> tuple[str, str]:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    return f"`{path.relative_to(ROOT).as_posix()}`", first_line(docstring)


def configuration() -> Iterator[str]:
    """Yield a section for each table of the configuration file: its keys and what each may be."""
    yield from _config_section(schema.Config, "")


def _config_section(section: type[msgspec.Struct], prefix: str) -> Iterator[str]:
    annotations = get_type_hints(section, include_extras=True)
    rows, inner_sections = [], []
    for field in msgspec.structs.fields(section):
        annotation = annotations[field.name]
        inner = _section_in(annotation)
        if inner is None:
            rows.append(_config_row(prefix + field.name, field, annotation))
        else:
            suffix = "[]." if get_origin(annotation) is tuple else "."
            inner_sections.append((inner, prefix + field.name + suffix))
    yield f"## {_config_heading(prefix)}"
    yield one_line(section.__doc__)
    yield table(("key", "default", "allowed", "meaning", "older environment names"), *rows)
    for inner, inner_prefix in inner_sections:
        yield from _config_section(inner, inner_prefix)


def _config_heading(prefix: str) -> str:
    if not prefix:
        return "Top level"
    name = prefix.rstrip(".")
    return f"`[[{name[:-2]}]]`" if name.endswith("[]") else f"`[{name}]`"


def _section_in(annotation: Any) -> type[msgspec.Struct] | None:
    for candidate in (annotation, *get_args(annotation)):
        if inspect.isclass(candidate) and issubclass(candidate, msgspec.Struct):
            return candidate
    return None


def _config_row(key: str, field: msgspec.structs.FieldInfo, annotation: Any) -> tuple[str, ...]:
    notes = {type(note): note for note in getattr(annotation, "__metadata__", ())}
    names = notes[EnvName].names if EnvName in notes else ()
    return (
        f"`{key}`",
        _default(field, secret=Secret in notes),
        _allowed(annotation, notes),
        notes[Doc].text if Doc in notes else "",
        ", ".join(f"`{name}`" for name in names),
    )


def _default(field: msgspec.structs.FieldInfo, *, secret: bool) -> str:
    if field.default_factory is not msgspec.NODEFAULT:
        return f"`{_toml(field.default_factory())}`"
    if field.default is msgspec.NODEFAULT:
        return "required"
    return "none; a secret" if secret else f"`{_toml(field.default)}`"


def _toml(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case tuple() | list():
            return "[" + ", ".join(_toml(part) for part in value) + "]"
        case _:
            return str(value)


def _allowed(annotation: Any, notes: dict[type, Any]) -> str:
    if Range in notes:
        return f"{notes[Range].low} to {notes[Range].high}"
    if OneOf in notes:
        return ", ".join(notes[OneOf].words)
    bare = get_args(annotation)[0] if hasattr(annotation, "__metadata__") else annotation
    kind = get_origin(bare) or bare
    if kind is tuple:
        return f"list of {KINDS.get(get_args(bare)[0], 'values')}s"
    return KINDS.get(kind, getattr(kind, "__name__", str(kind)))


def messages() -> Iterator[str]:
    """Yield a section for each module of messages: its messages, their fields and their meaning."""
    for found in pkgutil.iter_modules(polybot.messages.__path__):
        module = importlib.import_module(f"{polybot.messages.__name__}.{found.name}")
        structs = [value for value in vars(module).values() if _is_message_of(module, value)]
        if structs:
            yield f"## {found.name.capitalize()}"
            yield first_line(module.__doc__)
            yield table(("message", "meaning", "fields"), *(_message_row(s) for s in structs))


def _is_message_of(module: ModuleType, value: Any) -> bool:
    return (
        inspect.isclass(value)
        and issubclass(value, msgspec.Struct)
        and value.__module__ == module.__name__
    )


def _message_row(message: type[msgspec.Struct]) -> tuple[str, str, str]:
    fields = ", ".join(f"`{field.name}`" for field in msgspec.structs.fields(message))
    return f"`{message.__name__}`", one_line(message.__doc__), fields or "none"


def exchange_errors() -> Iterator[str]:
    """Yield the table of refusals, and what a person can do where nothing else helps."""
    head = ("HTTP", "words", "error", "code", "action")
    yield "## Refusals"
    yield table(
        head,
        *(_meaning_row(str(status), row) for status, row in meanings.BY_STATUS.items()),
        *(_meaning_row("400, 404", row) for row in meanings.MEANINGS),
        *(_meaning_row("503", row) for row in meanings.PAUSES),
        _meaning_row("403", meanings.FORBIDDEN),
        _meaning_row("404", meanings.NOT_FOUND),
        _meaning_row("other 4xx", meanings.REFUSED),
        _meaning_row("5xx", meanings.SERVER),
        ("any", "nothing readable", *_meaning_row("", meanings.UNREADABLE)[2:]),
    )
    yield "## Advice"
    yield table(("code", "what to do"), *((f"`{c}`", text) for c, text in meanings.ADVICE.items()))


def _meaning_row(status: str, row: meanings.Meaning) -> tuple[str, ...]:
    words = f"`{row.fragment}`" if row.fragment else "any"
    return status, words, row.error.__name__, f"`{row.code}`", f"`{row.action.value}`"


PAGES = {
    "exchange-errors.md": exchange_errors,
    "source-map.md": source_map,
    "configuration.md": configuration,
    "messages.md": messages,
}


def generated(page: str) -> str:
    """Return what belongs below the marker of a page."""
    return "\n" + "\n\n".join(PAGES[page]()) + "\n"


def written(page: str) -> tuple[str, str]:
    """Return what is above and below the marker of a page now."""
    above, _, below = (REFERENCE / page).read_text(encoding="utf-8").partition(MARKER)
    return above, below


def main() -> None:
    """Rewrite the generated part of every page."""
    for page in PAGES:
        above, _ = written(page)
        (REFERENCE / page).write_text(above + MARKER + generated(page), encoding="utf-8")


if __name__ == "__main__":
    main()
