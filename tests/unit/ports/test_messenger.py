from polybot.adapters.chat_messenger import ChatMessenger
from polybot.ports.messenger import ChatAnswer, Messenger
from tests.unit.ports.contract import unmet
from tests.unit.services.watchdog.fakes import FakeMessenger


def test_the_real_messenger_and_the_fake_meet_the_port() -> None:
    assert unmet(Messenger, FakeMessenger()) == []
    assert unmet(Messenger, ChatMessenger((), lambda: None, None)) == []


def test_an_answer_is_a_first_try_that_needs_no_reason() -> None:
    answer = ChatAnswer(key="k", channel="slack", delivered=True)
    assert (answer.tries, answer.detail) == (1, "")
