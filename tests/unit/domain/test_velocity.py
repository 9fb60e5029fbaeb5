"""Velocity looks at fresh samples only, each once."""

from polybot.domain.velocity import recent_samples, relative_change

S = 1_000_000_000


def test_samples_older_than_the_window_and_later_than_now_are_dropped() -> None:
    samples = ((4 * S, 1), (5 * S, 2), (9 * S, 3), (11 * S, 4))
    assert recent_samples(samples, now_ns=10 * S, window_ns=5 * S) == ((5 * S, 2), (9 * S, 3))


def test_a_repeated_stale_tick_counts_once() -> None:
    samples = ((9 * S, 100), (9 * S, 100), (10 * S, 99))
    assert recent_samples(samples, now_ns=10 * S, window_ns=5 * S) == ((9 * S, 100), (10 * S, 99))


def test_change_is_relative_to_the_oldest_sample() -> None:
    assert relative_change(((1, 100_000), (2, 120_000), (3, 99_900))) == -0.001


def test_less_than_two_samples_have_no_velocity() -> None:
    assert relative_change(()) == 0
    assert relative_change(((1, 5),)) == 0
    assert relative_change(((1, 0), (2, 5))) == 0
