from polybot.messages.codec import decode_body, decode_request
from polybot.messages.commands import ResumeTrading, StopEntries
from polybot.runtime.command_sender import BusCommandSender


class FakeAsker:
    """Keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes]] = []

    def ask(self, process: str, payload: bytes) -> None:
        self.asked.append((process, payload))


def test_a_command_travels_as_a_request_with_an_id_of_its_own() -> None:
    asker = FakeAsker()
    sender = BusCommandSender("watchdog", "s7", asker)

    sender.send("trader", StopEntries(source="watchdog", reason="disk"))
    sender.send("trader", ResumeTrading(source="watchdog", reason="over"))

    processes = [process for process, _ in asker.asked]
    requests = [decode_request(payload) for _, payload in asker.asked]
    assert processes == ["trader", "trader"]
    assert [request.id for request in requests] == ["watchdog-s7-1", "watchdog-s7-2"]
    assert requests[0].sender == "watchdog"
    assert decode_body(requests[0].type, requests[0].body) == StopEntries(
        source="watchdog", reason="disk"
    )
