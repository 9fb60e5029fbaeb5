import json
from pathlib import Path

import msgspec
import pytest
from py_clob_client.utilities import generate_orderbook_summary_hash, parse_raw_orderbook_summary

from polybot.exchange.book_hash import book_hash
from polybot.exchange.wire_codec import decode, encode
from polybot.exchange.wire_market import BookAnswer, BookLevel
from tests.unit.exchange.examples import recorded_lines, vectors

BOOK = BookAnswer(
    market="0xab",
    asset_id="12",
    timestamp="1795000000000",
    bids=[BookLevel("0.47", "10"), BookLevel("0.48", "500")],
    asks=[BookLevel("0.5", "3.25")],
    min_order_size="5",
    tick_size="0.01",
    neg_risk=False,
    last_trade_price="",
)


def test_a_book_hashes_as_py_clob_client_hashes_it() -> None:
    raw = msgspec.json.decode(encode(BOOK))
    assert book_hash(BOOK) == generate_orderbook_summary_hash(parse_raw_orderbook_summary(raw))


def test_the_hash_ignores_the_hash_and_nothing_else() -> None:
    assert book_hash(msgspec.structs.replace(BOOK, hash="another")) == book_hash(BOOK)
    assert book_hash(msgspec.structs.replace(BOOK, neg_risk=True)) != book_hash(BOOK)
    assert book_hash(msgspec.structs.replace(BOOK, asks=[])) != book_hash(BOOK)


@pytest.mark.recordings
def test_the_published_vector_is_reproduced() -> None:
    vector = vectors("orderbook_hash.json")
    assert book_hash(decode(encode(vector["input"]), BookAnswer)) == vector["hash"]


@pytest.mark.recordings
def test_recorded_books_have_the_hash_the_exchange_gave_them(recordings: Path) -> None:
    lines = recorded_lines(recordings / "messages/clob_rest/book.jsonl.gz")
    for line in lines:
        recorded = decode(encode(json.loads(line)["payload"]), BookAnswer)
        assert book_hash(recorded) == recorded.hash
    assert len(lines) == 60
