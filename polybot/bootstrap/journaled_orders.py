"""Which of the exchange's open orders this floor journaled, by the database and the journal."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from polybot.adapters.storage.reader import LedgerReader
from polybot.errors import ProtocolError
from polybot.messages.codec import decode_body, decode_envelope
from polybot.messages.trading import OrderSubmitted
from polybot.runtime.journal_reader import JournalReader

TRADER = "trader"
_BATCH = 500


class JournaledOrders:
    """Reads what the trader wrote, also while it writes; a thread may use it, one at a time.

    Both methods raise StorageError when neither can be read, so that ours cannot be told.
    """

    def __init__(self, ledger_path: Path, trader_dir: Path) -> None:
        self._ledger_path = ledger_path
        self._trader_dir = trader_dir

    def newest_seq(self) -> int:
        """Return the number of the trader's newest durable event, 0 before there is any."""
        if not self._trader_dir.is_dir():
            return 0
        journal = JournalReader(self._trader_dir)
        seq = journal.segments[-1].first_seq if journal.segments else 1
        while records := journal.read_from(seq, _BATCH):
            seq = records[-1].seq + 1
        return seq - 1

    def of(self, order_ids: Sequence[str], up_to_seq: int) -> frozenset[str]:
        """Return those that the trader journaled up to an event, 0: ever."""
        stored, known = self._stored(order_ids)
        # What a trader that started since has sent is not to be swept away.
        begin = min(stored, up_to_seq) if up_to_seq else stored
        ours = set(known)
        for seq, order_id in self._journaled(begin + 1):
            if up_to_seq and seq > up_to_seq:
                ours.discard(order_id)
            elif order_id in order_ids:
                ours.add(order_id)
        return frozenset(ours)

    def _stored(self, order_ids: Sequence[str]) -> tuple[int, set[str]]:
        """Return how far the database knows the trader's events, and which orders it has."""
        if not self._ledger_path.exists():
            return 0, set()
        with closing(LedgerReader.open(self._ledger_path)) as reader:
            # The position first: what is stored in between is then read twice, not never.
            return reader.positions().get(TRADER, 0), set(reader.orders(order_ids))

    def _journaled(self, seq: int) -> Iterator[tuple[int, str]]:
        """Yield number and id of each order in the journal, from an event on."""
        if not self._trader_dir.is_dir():
            return
        journal = JournalReader(self._trader_dir)
        seq = max(seq, journal.first_seq)
        while records := journal.read_from(seq, _BATCH):
            for record in records:
                order_id = _submitted(record.payload)
                if order_id:
                    yield record.seq, order_id
            seq = records[-1].seq + 1


def _submitted(payload: bytes) -> str:
    # Most records are something else: looking into the bytes is quicker than decoding them.
    if b"OrderSubmitted" not in payload:
        return ""
    try:
        envelope = decode_envelope(payload)
        if envelope.type != OrderSubmitted.__name__:
            return ""
        body = decode_body(envelope.type, envelope.body)
    except ProtocolError:
        # Another version's record: what it cannot say here, the database says.
        return ""
    return body.order.venue_order_id if isinstance(body, OrderSubmitted) else ""
