from polybot.runtime.banner import Banner, StandingStop

BANNER = {
    "name": "polybot trader",
    "version": "0.1.0",
    "codename": "First Floor",
    "date": "2026-11-21",
    "changes": "the floor trades recorded windows",
    "mode": "synthetic",
    "config_hash": "5f1c0ffe",
    "wallet": "0x1234567890abcdef1234567890abcdef12345678",
    "logs": "journalctl -u polybot-trader",
    "state_dir": "/var/lib/polybot/trader",
    "restored": "continues after event 551",
}


def test_a_start_says_what_runs_how_and_where() -> None:
    text = "\n".join(Banner(**BANNER).lines())
    for value in (*list(BANNER.values())[:7], "0x12345678...345678", *list(BANNER.values())[8:]):
        assert value in text
    assert BANNER["wallet"] not in text


def test_a_process_without_a_wallet_does_not_speak_of_one() -> None:
    assert "wallet" not in "\n".join(Banner(**BANNER | {"wallet": ""}).lines())


def test_what_still_stands_comes_first_with_its_original_time() -> None:
    halt = StandingStop(what="halt", reason="operator: odd fills", since_ns=1_800_000_000 * 10**9)
    pause = StandingStop(
        what="cool-down of agent alpha",
        reason="5 losses in a row",
        since_ns=1_800_000_600 * 10**9,
        until_ns=1_800_004_200 * 10**9,
    )
    own = StandingStop(what="x", reason="y", since_ns=0, ends="until the watchdog takes it back")
    lines = Banner(**BANNER, standing=(halt, pause, own)).lines()
    assert lines[0] == (
        "STILL IN FORCE: halt since 2027-01-15 08:00:00 UTC, until `polybot resume`: "
        "operator: odd fills"
    )
    assert lines[1] == (
        "STILL IN FORCE: cool-down of agent alpha since 2027-01-15 08:10:00 UTC, "
        "until 2027-01-15 09:10:00 UTC: 5 losses in a row"
    )
    assert "until the watchdog takes it back" in lines[2]
    assert lines[3].startswith("polybot trader 0.1.0")
