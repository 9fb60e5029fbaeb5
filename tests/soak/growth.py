"""What a soak takes of memory and disk over its hours, and whether that stays within bounds."""

from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

MEBIBYTE: Final = 1 << 20
# What a process keeps for good (an hour of prices, a day's windows) is there after this long.
SETTLED_H: Final = 4.0
SPAN_H: Final = 1.0
MOST_GROWTH: Final = 0.05
# A cap holds for whole files: what is over it when a segment begins, and the spare beside it.
JOURNAL_SLACK_MB: Final = 16
TAPE_SLACK_MB: Final = 17


@dataclass(slots=True)
class Growth:
    """Samples of each process's resident memory in MiB, by market hour."""

    samples: list[tuple[float, dict[str, int]]] = field(default_factory=list)

    def add(self, hour: float, memory: dict[str, int]) -> None:
        """Take a sample; one without every process is left out, because a sum would lie."""
        if memory and all(memory.values()):
            self.samples.append((hour, memory))

    def problems(self) -> list[str]:
        """Return what grew by more than a twentieth between hour four and the last hour.

        A run of less than six hours says nothing, and is told to.
        """
        last_h = self.samples[-1][0] if self.samples else 0.0
        if last_h < SETTLED_H + 2 * SPAN_H:
            return []
        before = self._medians(SETTLED_H, SETTLED_H + SPAN_H)
        after = self._medians(last_h - SPAN_H, last_h)
        total_before, total_after = sum(before.values()), sum(after.values())
        if not total_before or not total_after:
            return ["memory: expected samples of every process, were none"]
        growth = total_after / total_before - 1
        return [f"memory grew by {growth:.1%} since hour four"] if growth > MOST_GROWTH else []

    def describe(self) -> str:
        """Say what each process took in hour four and takes now."""
        if not self.samples:
            return "memory: no samples"
        last_h = self.samples[-1][0]
        after = self._medians(last_h - SPAN_H, last_h)
        before = self._medians(SETTLED_H, SETTLED_H + SPAN_H)
        each = ", ".join(
            f"{name} {before[name]:.0f} -> {now:.0f}" if name in before else f"{name} {now:.0f}"
            for name, now in after.items()
        )
        if not before:
            return f"memory in MiB: {each} (a run of less than four hours: not judged)"
        total, then = sum(after.values()), sum(before.values())
        growth = f"{then:.0f} -> {total:.0f} ({total / then - 1:+.1%})"
        return f"memory in MiB, hour four -> last hour: {each}; all {growth}"

    def _medians(self, from_h: float, until_h: float) -> dict[str, float]:
        chosen = [memory for hour, memory in self.samples if from_h <= hour <= until_h]
        names = chosen[0].keys() if chosen else ()
        return {name: median(memory.get(name, 0) for memory in chosen) for name in names}


def rss_mb(pid: int | None) -> int:
    """Return a process's resident memory in MiB, 0 when it is not there."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS")), 0)


def disk_mb(state_dir: Path) -> dict[str, float]:
    """Return what a floor's state takes on disk in MiB, by what it is."""
    return {
        "trader journal": _size_mb(state_dir / "trader", "journal-*.log"),
        "tape": _size_mb(state_dir / "trader" / "tape", "tape-*.zst"),
        "tracker journal": _size_mb(state_dir / "tracker", "journal-*.log"),
        "database": _size_mb(state_dir / "tracker", "ledger.sqlite*"),
        "exchange journal": _size_mb(state_dir / "simulator" / "exchange", "journal-*.log"),
        "requests": _size_mb(state_dir / "simulator", "requests*.jsonl"),
    }


def disk_problems(state_dir: Path, *, journal_cap_mb: int, tape_cap_mb: int) -> list[str]:
    """Return what is larger on disk than its cap, give or take the files being written."""
    taken = disk_mb(state_dir)
    most = {
        "trader journal": journal_cap_mb + JOURNAL_SLACK_MB,
        "tape": tape_cap_mb + TAPE_SLACK_MB,
    }
    return [
        f"{name}: expected at most {cap} MiB on disk, was {taken[name]:.0f}"
        for name, cap in most.items()
        if taken[name] > cap
    ]


def _size_mb(directory: Path, pattern: str) -> float:
    sizes = []
    for path in directory.glob(pattern):
        try:
            sizes.append(path.stat().st_size)
        except FileNotFoundError:
            continue  # Trimmed since the listing.
    return sum(sizes) / MEBIBYTE
