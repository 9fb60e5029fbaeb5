"""A heartbeat refused for an id that nothing of ours explains proves another sender; no other."""

from polybot.exchange.error_texts import INVALID_HEARTBEAT
from polybot.exchange.heartbeat_chain import ALIVE_NS, SECOND_NS, HeartbeatChain
from polybot.exchange.wire_account import HeartbeatAnswer


class Case:
    """A chain that beats every five seconds."""

    def __init__(self) -> None:
        self.chain = HeartbeatChain()
        self.mono_ns = 1000 * SECOND_NS

    def beat(self, expected: str, *, refused: bool = False, after_s: float = 5) -> bool:
        """Send a beat and take its answer at once; return whether it proves another sender."""
        self.mono_ns += int(after_s * SECOND_NS)
        beat = self.chain.begin(self.mono_ns)
        return self.chain.answered(beat, told(expected, refused=refused), self.mono_ns)

    def settle(self) -> "Case":
        assert not any(self.beat(expected) for expected in ("a", "b", "c"))
        return self


def told(expected: str, *, refused: bool = False) -> HeartbeatAnswer:
    return HeartbeatAnswer(error_msg=INVALID_HEARTBEAT if refused else "", heartbeat_id=expected)


def test_each_beat_carries_the_id_of_the_answer_before() -> None:
    case = Case()
    sent = []
    for expected in ("a", "b", "c"):
        sent.append(case.chain.heartbeat_id)
        case.beat(expected)
    assert sent == ["", "a", "b"]


def test_an_id_nobody_told_us_proves_another_sender() -> None:
    case = Case().settle()
    assert case.beat("x", refused=True)
    assert case.chain.heartbeat_id == "x"


def test_another_sender_that_goes_on_is_proven_again() -> None:
    case = Case().settle()
    assert case.beat("x", refused=True)
    assert not case.beat("d")
    assert case.beat("y", refused=True)


def test_the_first_beats_of_a_life_prove_nothing() -> None:
    # The chain may be that of an earlier life of ours, whose last beat may still be on its way.
    case = Case()
    assert not case.beat("old", refused=True)
    assert not case.beat("a")
    assert not case.beat("late", refused=True)


def test_an_id_we_had_been_told_proves_nothing() -> None:
    case = Case().settle()
    assert not case.beat("b", refused=True)


def test_a_beat_after_a_lost_answer_proves_nothing() -> None:
    case = Case().settle()
    case.chain.begin(case.mono_ns)
    case.chain.lost()
    assert case.chain.heartbeat_id == ""
    assert not case.beat("x", refused=True)
    assert not case.beat("d")
    assert not case.beat("y", refused=True)


def test_two_beats_at_once_prove_nothing() -> None:
    case = Case().settle()
    first = case.chain.begin(case.mono_ns)
    second = case.chain.begin(case.mono_ns + 5 * SECOND_NS)
    assert not case.chain.answered(second, told("d", refused=True), case.mono_ns)
    assert not case.chain.answered(first, told("d"), case.mono_ns)


def test_a_chain_the_exchange_has_ended_proves_nothing() -> None:
    case = Case().settle()
    assert not case.beat("x", refused=True, after_s=ALIVE_NS / SECOND_NS)


def test_a_refusal_that_names_no_id_proves_nothing() -> None:
    case = Case().settle()
    assert not case.beat("", refused=True)


def test_another_refusal_proves_nothing() -> None:
    case = Case().settle()
    beat = case.chain.begin(case.mono_ns)
    answer = HeartbeatAnswer(error_msg="try again", heartbeat_id="x")
    assert not case.chain.answered(beat, answer, case.mono_ns)
