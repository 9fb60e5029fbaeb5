from pathlib import Path

from tests.soak.growth import MEBIBYTE, Growth, disk_mb, disk_problems


def grown(first: int, last: int, hours: int = 12) -> Growth:
    growth = Growth()
    for half in range(2 * hours + 1):
        share = first if half < 2 * (hours - 1) else last
        growth.add(half / 2, {"trader": share, "tracker": 40})
    return growth


def test_growth_of_more_than_a_twentieth_since_hour_four_is_a_problem() -> None:
    assert grown(60, 60).problems() == []
    assert grown(60, 64).problems() == []
    assert grown(60, 66).problems() == ["memory grew by 6.0% since hour four"]


def test_what_grew_before_hour_four_is_no_problem() -> None:
    growth = Growth()
    for half in range(25):
        growth.add(half / 2, {"trader": min(30 + half * 4, 62)})
    assert growth.problems() == []


def test_a_short_run_is_not_judged_and_says_so() -> None:
    assert grown(60, 90, hours=3).problems() == []
    assert "not judged" in grown(60, 90, hours=3).describe()


def test_a_sample_without_one_process_is_left_out() -> None:
    growth = Growth()
    growth.add(1.0, {"trader": 50, "tracker": 0})
    growth.add(1.0, {})
    assert growth.samples == []


def test_a_journal_or_a_tape_above_its_cap_is_a_problem(tmp_path: Path) -> None:
    tape = tmp_path / "trader" / "tape"
    tape.mkdir(parents=True)
    (tape / "tape-00000001-abc.zst").write_bytes(b"x" * (30 * MEBIBYTE))
    (tmp_path / "trader" / "journal-0000000000000001.log").write_bytes(b"x" * (4 * MEBIBYTE))
    assert disk_mb(tmp_path)["tape"] == 30
    assert disk_problems(tmp_path, journal_cap_mb=8, tape_cap_mb=16) == []
    assert disk_problems(tmp_path, journal_cap_mb=8, tape_cap_mb=8) == [
        "tape: expected at most 25 MiB on disk, was 30"
    ]
