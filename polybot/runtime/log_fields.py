"""What a log line is about: the window and the order it names, for machines that search logs."""

import re

WINDOW = "window"
ORDER = "order"
# A slug ends with the second its window opens in; ids are shown by their first characters or whole.
_WINDOW = re.compile(r"\b[a-z0-9]+-updown-\d+[mh]-\d{10}\b")
_ORDER = re.compile(r"\border (0x[0-9a-f]{8,64})\b")
# What the log shows of an order's id.
ID_CHARACTERS = 12


def fields_of(text: str) -> dict[str, tuple[str, ...]]:
    """Return the windows and orders a text names, each once; orders by their id's beginning."""
    found: dict[str, tuple[str, ...]] = {}
    if windows := dict.fromkeys(_WINDOW.findall(text)):
        found[WINDOW] = tuple(windows)
    if orders := dict.fromkeys(each[:ID_CHARACTERS] for each in _ORDER.findall(text)):
        found[ORDER] = tuple(orders)
    return found
