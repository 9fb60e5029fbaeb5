"""A bucket lets its burst through at once, then its rate, and never forgets an overdraft."""

from polybot.domain.token_bucket import TokenBucket

S = 1_000_000_000


def test_a_fresh_bucket_is_full_and_fills_at_its_rate_up_to_the_burst() -> None:
    bucket = TokenBucket(per_second=10, burst=15)
    assert bucket.available(0) == 15
    bucket.take(15, 0)
    assert bucket.available(0) == 0
    assert bucket.available(S // 10 - 1) == 0
    assert bucket.available(S // 10) == 1
    assert bucket.available(100 * S) == 15


def test_many_small_looks_fill_it_as_one_long_one_does() -> None:
    watched, left = TokenBucket(per_second=3, burst=30), TokenBucket(per_second=3, burst=30)
    for bucket in (watched, left):
        bucket.take(30, 0)
    for moment in range(0, 5 * S, 7_000_001):
        watched.available(moment)
    assert watched.available(5 * S) == left.available(5 * S) == 15


def test_what_was_sent_beyond_it_is_waited_for() -> None:
    bucket = TokenBucket(per_second=10, burst=5)
    bucket.take(10, 0)
    assert bucket.available(0) == -5
    assert bucket.wait_s(0) == 0.6
    assert bucket.available(6 * S // 10) == 1
    assert bucket.wait_s(6 * S // 10) == 0.0


def test_it_fills_at_half_the_rate_while_slowed_down() -> None:
    bucket = TokenBucket(per_second=10, burst=20)
    bucket.take(20, 0)
    bucket.slow_down(S)
    assert bucket.is_slow(0)
    assert bucket.available(S - 1) == 4
    assert not bucket.is_slow(S)
    assert bucket.available(2 * S) == 15


def test_the_exchange_s_own_count_lowers_it_and_never_raises_it() -> None:
    bucket = TokenBucket(per_second=10, burst=20)
    bucket.at_most(3, 0)
    assert bucket.available(0) == 3
    bucket.at_most(50, 0)
    assert bucket.available(0) == 3


def test_time_that_goes_back_takes_nothing_and_gives_nothing() -> None:
    bucket = TokenBucket(per_second=10, burst=5)
    bucket.take(5, S)
    assert bucket.available(0) == 0
    assert bucket.available(S) == 0
