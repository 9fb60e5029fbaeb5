"""`polybot adopt`: a person's decision about orders of the wallet that nobody here signed."""

from typing import Annotated
from uuid import uuid4

import typer

from polybot.cli.conversation import OPERATOR, conversation
from polybot.cli.exits import CommandError, Unknown, Usage
from polybot.cli.options import Json
from polybot.cli.output import plural, say, show_json, warn
from polybot.config.load import load
from polybot.messages.commands import AdoptOrders, OrdersAdopted

EXAMPLES = (
    "polybot adopt 0x3f1c2a9b",
    'polybot adopt --all --reason "placed by hand on the website"',
)
ANSWER_S = 5.0

OrderIds = Annotated[
    list[str] | None,
    typer.Argument(help="Foreign orders, each by its id or the beginning of it."),
]
All = Annotated[bool, typer.Option("--all", help="Every foreign order that waits for a decision.")]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; it is kept in the journal.")]


def adopt(
    order_ids: OrderIds = None,
    every: All = False,
    reason: Reason = "adopted by the operator",
    as_json: Json = False,
) -> None:
    """Take orders that nobody here signed into the books as external, and end the halt they made.

    They stay where they are and are nobody's profit or loss. The same order halts trading no more;
    a new one does. `polybot cancel-all --all-wallet` cancels them instead.
    """
    if every == bool(order_ids):
        raise Usage("expected the id of a foreign order or --all, was neither or both")
    # The decision must work whatever the configuration looks like now.
    loaded = load(join_floor=True, lenient=True, keyless=True)
    for warning in loaded.warnings:
        warn(f"warning: {warning}")
    command = AdoptOrders(
        command_id=uuid4().hex, source=OPERATOR, reason=reason, order_ids=tuple(order_ids or ())
    )
    with conversation(loaded.locations.runtime_dir) as talk:
        answer = talk.ask("trader", command, timeout_s=ANSWER_S)
    if not isinstance(answer, OrdersAdopted):
        raise CommandError(f"expected the orders adopted, was {type(answer).__name__}")
    if answer.unknown:
        raise Unknown(
            f"expected a foreign order that was seen, was {', '.join(answer.unknown)}; "
            f"{answer.detail}"
        )
    if as_json:
        show_json({"adopted": list(answer.order_ids), "detail": answer.detail})
        return
    for order_id in answer.order_ids:
        say(f"external  {order_id}")
    say(f"{plural(len(answer.order_ids), 'order')} adopted; {answer.detail}")
