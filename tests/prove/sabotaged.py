"""A process with one promise broken on purpose: `python -m tests.prove.sabotaged NAME trader`.

The negative controls of the proof: it must find each of them. Nothing of this is in the program.
"""

import sys
from typing import Any, Final

from polybot.adapters import clob_gateway
from polybot.errors import OutcomeUnknown
from polybot.exchange.http_calls import HttpAnswer
from polybot.ports import SignedOrder
from polybot.ports.crash_points import reach
from polybot.runtime.outbox import JournaledOutbox
from polybot.services.trader.desk import Desk
from tests.prove import child


def post_before_journal() -> None:
    """Send an order at once, and write it down after."""
    submit = Desk._submit  # noqa: SLF001 - breaking it is what this is for

    def sent_first(desk: Any, agent: Any, ready: Any, decision_id: str) -> None:
        desk.access.gateway.post(ready.signed)
        submit(desk, agent, ready, decision_id)
        desk._to_post.remove(ready.signed)  # noqa: SLF001

    type.__setattr__(Desk, "_submit", sent_first)


def retry_on_timeout() -> None:
    """Send an order again when its answer is lost."""

    def insisting(gateway: Any, order: SignedOrder) -> None:
        call = gateway._call("POST", "/order", body=order.body)  # noqa: SLF001

        def first(answer: HttpAnswer) -> None:
            if isinstance(answer.error, OutcomeUnknown):
                gateway.orders.send(call, second)
            else:
                second(answer)

        def second(answer: HttpAnswer) -> None:
            gateway._put(posted(order.venue_order_id, answer))  # noqa: SLF001

        gateway.orders.send(call, first)

    posted = clob_gateway._posted  # noqa: SLF001
    type.__setattr__(clob_gateway.ClobGateway, "post", insisting)


def publish_before_sync() -> None:
    """Tell everybody of events, and make them durable after."""

    def commit(outbox: Any) -> None:
        if not outbox._unpublished:  # noqa: SLF001
            return
        ready, outbox._unpublished = outbox._unpublished, []  # noqa: SLF001
        for topic, payload in ready:
            outbox._sender.send(topic, payload)  # noqa: SLF001
            reach("outbox.publishing")
        reach("journal.unsynced")
        outbox._journal.sync()  # noqa: SLF001
        reach("journal.synced")
        reach("outbox.published")

    type.__setattr__(JournaledOutbox, "commit", commit)


CONTROLS: Final = {
    "post-before-journal": post_before_journal,
    "retry-on-timeout": retry_on_timeout,
    "publish-before-sync": publish_before_sync,
}


def main(arguments: list[str]) -> int:
    """Break one promise, then run the process named by the command line."""
    CONTROLS[arguments[0]]()
    return child.main(arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
