"""Acts are merged into one run, and none begins before its time."""

from collections.abc import Iterator

from polybot.simulator.drivers.driver import Act, Playlist, is_played
from polybot.simulator.happenings import CloseWindow, Happening


def act(name: str, times: list[int], begun: list[str]) -> Act:
    def happenings() -> Iterator[Happening]:
        begun.append(name)
        for ts_ns in times:
            yield CloseWindow(ts_ns, name)

    return Act(times[0], happenings)


def test_overlapping_acts_come_in_order_of_time() -> None:
    begun: list[str] = []
    playlist = Playlist([act("a", [1, 5, 9], begun), act("b", [3, 5], begun)])
    taken = playlist.take_until(6)
    assert [(h.ts_ns, h.slug) for h in taken] == [(1, "a"), (3, "b"), (5, "a"), (5, "b")]  # type: ignore[union-attr]
    assert [h.ts_ns for h in playlist.take_until(100)] == [9]
    assert playlist.peek() is None


def test_an_act_is_not_begun_while_another_has_something_to_tell_before_it() -> None:
    begun: list[str] = []
    playlist = Playlist([act("a", [1, 60], begun), act("b", [50], begun)])
    assert playlist.peek() == CloseWindow(1, "a")
    assert begun == ["a"]
    playlist.take_until(1)
    assert playlist.peek() == CloseWindow(50, "b")
    assert begun == ["a", "b"]


def test_an_act_without_happenings_is_passed_over() -> None:
    playlist = Playlist([Act(1, lambda: iter(())), act("b", [2], [])])
    assert playlist.peek() == CloseWindow(2, "b")


def test_what_lies_wholly_behind_need_not_be_played_again() -> None:
    def never(slug: str) -> bool:
        return False

    assert is_played(5, "a", 6, never)
    assert not is_played(7, "a", 6, lambda _: True)
    assert is_played(6, "a", 6, lambda _: True)
    assert not is_played(6, "a", 6, never)
