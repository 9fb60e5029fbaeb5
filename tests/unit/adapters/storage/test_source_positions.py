from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.source_positions import read_positions, read_witnesses
from polybot.messages.commands import Witness
from tests.story import bought, opening, records


def test_nothing_stored_is_no_position(ledger: Ledger) -> None:
    assert read_positions(ledger.database) == {}
    assert read_witnesses(ledger.database) == {}


def test_each_source_is_known_by_its_last_stored_event(ledger: Ledger) -> None:
    trader, tracker = records(bought()), records([opening()], source="tracker")
    ledger.store([*trader, *tracker])
    assert read_positions(ledger.database) == {"trader": len(trader), "tracker": 1}
    assert read_witnesses(ledger.database) == {
        "trader": Witness(seq=len(trader), hash=trader[-1][2]),
        "tracker": Witness(seq=1, hash=tracker[0][2]),
    }
