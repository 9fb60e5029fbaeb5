"""Before an order nothing is asked, and the bench would notice if it were."""

from pathlib import Path

from polybot.adapters.http_transport import HttpTransport
from polybot.exchange.http_calls import HttpCall
from tests.bench.calls_heard import CallsHeard
from tests.bench.gateway import Plugged, calls_before_the_post
from tests.bench.tls_server import ANSWER


def test_no_call_precedes_a_post_warm_later_or_after_a_tick_change(tmp_path: Path) -> None:
    assert calls_before_the_post(tmp_path / "stand") == {
        "warm": 0,
        "301 s later": 0,
        "after a tick change": 0,
    }


class Asking(Plugged):
    """A transport that looks something up before each order."""

    def send(self, call: HttpCall, done: object) -> None:
        if call.method == "POST":
            self.inner.send(HttpCall("GET", "/tick-size"), lambda _: None)
        super().send(call, done)


def test_a_call_before_a_post_is_counted(tmp_path: Path) -> None:
    assert set(calls_before_the_post(tmp_path / "stand", Asking).values()) == {1}


def test_a_connection_that_had_to_be_opened_is_seen() -> None:
    with CallsHeard(ANSWER) as server:
        for number in (1, 2):
            transport = HttpTransport(
                "x", lambda: server.url, connections=1, timeout_s=5.0, user_agent="polybot/test"
            )
            transport.warm()
            server.wait_for(number)
            assert server.connections == number
            transport.close()
        assert server.heard == ["GET /ok"] * 2
