"""Velocity of the reference price: its relative change over the last seconds."""

NO_VELOCITY = 0.0
_ENOUGH_SAMPLES = 2


def recent_samples(
    samples: tuple[tuple[int, int], ...], *, now_ns: int, window_ns: int
) -> tuple[tuple[int, int], ...]:
    """Return the samples (time ns, price e8) not older than `window_ns`, each time once.

    A stale feed repeats its last tick; the repetition is not a second sample.
    """
    kept: list[tuple[int, int]] = []
    for sample in samples:
        fresh = now_ns - window_ns <= sample[0] <= now_ns
        if fresh and (not kept or sample[0] > kept[-1][0]):
            kept.append(sample)
    return tuple(kept)


def relative_change(samples: tuple[tuple[int, int], ...]) -> float:
    """Return (newest - oldest) / oldest of samples in time order, 0 when fewer than two."""
    if len(samples) < _ENOUGH_SAMPLES:
        return NO_VELOCITY
    oldest, newest = samples[0][1], samples[-1][1]
    return (newest - oldest) / oldest if oldest else NO_VELOCITY
