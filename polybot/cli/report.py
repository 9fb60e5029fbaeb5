"""`polybot report`: how the floor is and how it did, for a phone; also sent to one's chats."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from polybot.adapters.clock import SystemClock
from polybot.cli.conversation import conversation
from polybot.cli.exits import Exit
from polybot.cli.glance import take_glance
from polybot.cli.health import reported_days, take_health
from polybot.cli.options import Json
from polybot.cli.output import say, show_json, warn
from polybot.cli.report_document import as_document
from polybot.cli.report_text import lines
from polybot.config.alerts import chats_of
from polybot.config.load import LoadedConfig, load

if TYPE_CHECKING:
    from polybot.extras.chat import Delivery

EXAMPLES = (
    "polybot report",
    "polybot report --day 2026-11-20",
    "polybot report --send",
    "polybot report --json",
)

Day = Annotated[
    str,
    typer.Option(
        "--day", help="A trading day; default the last whole one and today.", metavar="YYYY-MM-DD"
    ),
]
Send = Annotated[bool, typer.Option("--send", help="Send it to the chats of `[alerts]` too.")]


def report(*, day: Day = "", send: Send = False, as_json: Json = False) -> None:
    """Tell how the floor is and how it did: for a look on the phone, or a message each morning.

    Begins with what needs a person. What nobody knows is said to be unknown. Works whether or not
    the floor runs. With --send exit code 1 when no chat took it; 0 where no chat is configured.
    """
    loaded = load(join_floor=True, keyless=True)
    with conversation(loaded.locations.runtime_dir) as talk:
        glance = take_glance(loaded, talk, SystemClock())
    zone = ZoneInfo(loaded.config.trading_zone)
    health = take_health(loaded, glance, reported_days(day, glance, zone))
    text = "\n".join(lines(glance, health))
    deliveries = send_to_chats(loaded, text) if send else None
    if as_json:
        show_json(as_document(glance, health, deliveries))
    else:
        say(text)
    if deliveries is not None:
        _tell(deliveries)
    if deliveries and not any(delivery.delivered for delivery in deliveries):
        raise typer.Exit(Exit.ERROR)


def send_to_chats(loaded: LoadedConfig, text: str) -> "list[Delivery]":
    """Send a text to every chat that is set up, at the same time; raises InvalidValue."""
    chats = chats_of(loaded.config.alerts)
    if not chats:
        return []
    from polybot.extras.chat import deliver  # noqa: PLC0415

    with ThreadPoolExecutor(max_workers=len(chats)) as pool:
        return list(pool.map(lambda chat: deliver(chat, text), chats))


def _tell(deliveries: "Sequence[Delivery]") -> None:
    """Say of each chat what became of it; a service's log keeps these lines."""
    if not deliveries:
        warn("no chat is configured: see [alerts]; nothing was sent")
    for delivery in deliveries:
        what = "took it" if delivery.delivered else f"did not take it: {delivery.detail}"
        warn(f"{delivery.channel} {what} (attempts: {delivery.tries}, {delivery.took_s:.1f} s)")
