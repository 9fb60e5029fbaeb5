"""What the account commands look at: the trader's word, our books, and the exchange's own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import msgspec

from polybot.adapters.clock import SystemClock
from polybot.adapters.storage.reader import LedgerReader
from polybot.bootstrap.account import NoCredentials
from polybot.cli.conversation import Conversation, conversation
from polybot.cli.exits import CommandError, Late, NotRunning
from polybot.cli.glance import simulated_time
from polybot.cli.processes import floor_processes, how_to_start
from polybot.config.load import LoadedConfig
from polybot.config.schema import SIMULATED_MODES
from polybot.domain.order import Order
from polybot.domain.redemption import Funds
from polybot.errors import OutcomeUnknown, PolybotError, ProtocolError, StorageError, Unavailable
from polybot.messages.codec import decode_body, decode_envelope
from polybot.messages.commands import GetHoldings, Holdings
from polybot.messages.trading import OrderSubmitted
from polybot.runtime.journal_reader import JournalReader

ANSWER_S = 2.0
_BATCH = 500
_NO_ANSWER = "no_answer"


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """Whose order it is, as our books know it."""

    agent: str
    slug: str
    outcome: str

    @property
    def series(self) -> str:
        """The series of its window."""
        return self.slug.rpartition("-")[0]


@dataclass(slots=True)
class AccountView:
    """Our side of the account; `holdings` is None while the trader does not answer."""

    loaded: LoadedConfig
    talk: Conversation
    reader: LedgerReader | None
    holdings: Holdings | None

    def now_ns(self) -> int:
        """Return market time now, the newest known when nobody tells it."""
        if self.loaded.config.mode not in SIMULATED_MODES:
            return SystemClock().now_ns()
        told = simulated_time(self.loaded.locations.simulator_path)
        if told is not None:
            return told.now_ns
        return self.reader.newest_event_ns() if self.reader else 0

    def funds(self) -> Funds | None:
        """Return the wallet's dollars by our books, None without a database."""
        return self.reader.funds(now_ns=self.now_ns()) if self.reader else None

    def owners(self, order_ids: Sequence[str]) -> dict[str, Owner]:
        """Return whose these orders are; those that nobody here signed are left out.

        Asks the trader's memory, the database, and what the trader journaled that the database does
        not have yet: an order of ours must never pass for somebody else's.
        """
        found: dict[str, Owner] = {}
        if self.holdings is not None:
            found |= {
                held.order_id: Owner(agent=held.agent, slug=held.slug, outcome=held.outcome)
                for held in self.holdings.orders
            }
        if self.reader is not None:
            found |= {key: _owner(o) for key, o in self.reader.orders(order_ids).items()}
        if any(order_id not in found for order_id in order_ids):
            found |= self._journaled()
        return {order_id: found[order_id] for order_id in order_ids if order_id in found}

    def _journaled(self) -> dict[str, Owner]:
        directory = self.loaded.locations.process_dir("trader")
        if not directory.is_dir():
            return {}
        journal = JournalReader(directory)
        stored = self.reader.positions().get("trader", 0) if self.reader else 0
        seq = max(stored + 1, journal.first_seq)
        found: dict[str, Owner] = {}
        while records := journal.read_from(seq, _BATCH):
            for record in records:
                order = _submitted(record.payload)
                if order is not None:
                    found[order.venue_order_id] = _owner(order)
            seq = records[-1].seq + 1
        return found


@contextmanager
def open_view(loaded: LoadedConfig) -> Iterator[AccountView]:
    """Open our side of the account; what is not there is left out, not an error."""
    reader = None
    with suppress(StorageError):
        # No floor has run here yet, or it has only just been started.
        reader = LedgerReader.open(loaded.locations.ledger_path)
    try:
        with conversation(loaded.locations.runtime_dir) as talk, exchange_errors(loaded):
            yield AccountView(loaded, talk, reader, ask_holdings(talk))
    finally:
        if reader is not None:
            reader.close()


def ask_holdings(talk: Conversation) -> Holdings | None:
    """Return what the trader holds, None when it does not run or does not answer."""
    try:
        answer = talk.ask("trader", GetHoldings(), timeout_s=ANSWER_S)
    except CommandError:
        return None
    return answer if isinstance(answer, Holdings) else None


@contextmanager
def exchange_errors(loaded: LoadedConfig) -> Iterator[None]:
    """Let an exchange that is away end a command with its own code and with what to do."""
    try:
        yield
    except (CommandError, StorageError):
        raise
    except PolybotError as error:
        simulated = loaded.config.mode in SIMULATED_MODES
        away = isinstance(error, Unavailable | NoCredentials | OutcomeUnknown) or (
            type(error) is PolybotError
        )
        if simulated and away and not floor_processes(loaded.locations.runtime_dir):
            message = f"{error} (no floor runs here; start it: {how_to_start()})"
            raise NotRunning(message) from error
        if isinstance(error, OutcomeUnknown) and error.code == _NO_ANSWER:
            raise Late(f"the exchange did not answer: {error}") from error
        raise


def _owner(order: Order) -> Owner:
    return Owner(agent=order.agent, slug=order.slug, outcome=order.outcome.value)


def _submitted(payload: bytes) -> Order | None:
    try:
        envelope = decode_envelope(payload)
        if envelope.type != OrderSubmitted.__name__:
            return None
        body = decode_body(envelope.type, envelope.body)
    except ProtocolError:
        # Another version's record: what it cannot say here, the database says.
        return None
    return body.order if isinstance(body, OrderSubmitted) else None
