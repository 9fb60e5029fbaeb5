"""Whatever the daemon drives offers a process; a service also tells how it is and obeys."""

from polybot.adapters.systemd import make_notifier
from polybot.ports import Notifier, Process, Service, Vitals
from polybot.runtime.participant import Participant
from tests.fakes import FakeNotifier
from tests.unit.ports.contract import demands, unmet
from tests.unit.services.trader.whole_trader import WholeTrader


def test_notifiers_offer_the_port() -> None:
    for notifier in (make_notifier(), FakeNotifier()):
        assert unmet(Notifier, notifier) == []


def test_a_service_is_a_process_that_tells_and_obeys() -> None:
    trader = WholeTrader().service
    assert unmet(Service, trader) == []
    assert demands(Service).keys() - demands(Process).keys() == {"vitals", "handle"}


def test_a_participant_is_a_process() -> None:
    offered = {name for name in dir(Participant) if not name.startswith("_")}
    assert demands(Process).keys() <= offered


def test_two_vitals_share_nothing() -> None:
    Vitals().ages_s["market"] = 1.0
    assert Vitals().ages_s == {}
