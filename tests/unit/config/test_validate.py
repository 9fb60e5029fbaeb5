"""Tests of what single values cannot show."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from polybot.config.locations import Locations
from polybot.config.schema import AgentConfig, Config
from polybot.config.validate import Checked, contradictions

LOCATIONS = Locations(
    root=Path("/r"),
    config_path=Path("/r/polybot.toml"),
    state_dir=Path("/r/state"),
    runtime_dir=Path("/r/run"),
    is_clone=True,
    floor="synthetic",
)
KEY = "0x" + "1" * 64
ADDRESS = "0x" + "a" * 40
LIVE_URLS = {
    "clob_url": "https://clob.example.org",
    "gamma_url": "https://gamma.example.org",
    "data_url": "https://data.example.org",
    "ws_market_url": "wss://market.example.org",
    "ws_user_url": "wss://user.example.org",
    "ws_price_url": "wss://price.example.org",
}
FEED_URLS = {name: LIVE_URLS[name] for name in ("clob_url", "gamma_url", "ws_market_url")}


def changed(config: Config, **sections: Any) -> Config:
    """Return a configuration with keys of sections replaced, given as dictionaries."""
    for name, value in sections.items():
        old = getattr(config, name)
        new = msgspec.structs.replace(old, **value) if isinstance(value, dict) else value
        config = msgspec.structs.replace(config, **{name: new})
    return config


def found(
    config: Config, environ: dict[str, str] | None = None, locations: Locations = LOCATIONS
) -> dict[str, str]:
    checked = Checked(config, locations, environ or {})
    return {each.path: each.problem for each in contradictions(checked)}


def test_the_defaults_contradict_nothing() -> None:
    assert found(Config()) == {}


CASES: list[tuple[Callable[[], Config], str, str]] = [
    (
        lambda: changed(Config(), risk={"min_buy_price": Decimal("0.99")}),
        "risk.min_buy_price",
        "expected less than risk.max_buy_price (0.99), was 0.99",
    ),
    (
        lambda: changed(Config(), watchdog={"late_s": 20.0}),
        "watchdog.late_s",
        "expected less than watchdog.dead_s (10.0), was 20.0",
    ),
    (
        lambda: changed(Config(), tracker={"settle_retry_s": 31.0}),
        "tracker.settle_retry_s",
        "expected at most tracker.settle_slow_s (30.0), was 31.0",
    ),
    (
        lambda: changed(Config(), trading_zone="Mars/Olympus"),
        "trading_zone",
        "expected a time zone",
    ),
    (
        lambda: changed(Config(), trading_zone="../etc/passwd"),
        "trading_zone",
        "expected a time zone",
    ),
    (
        lambda: changed(Config(), trader={"series": ("btc-5m",)}),
        "trader.series",
        "expected a series such as btc-updown-5m, was 'btc-5m'",
    ),
    (lambda: changed(Config(), trader={"series": ()}), "trader.series", "expected at least one"),
    (
        lambda: changed(Config(), simulator={"series": ("btc-updown-7m",)}),
        "simulator.series",
        "expected a series",
    ),
    (
        lambda: changed(Config(), agents=(AgentConfig(name="a", series=("eth-updown-5m",)),)),
        "agents.0.series",
        "expected series of trader.series (btc-updown-5m, btc-updown-15m), was eth-updown-5m",
    ),
    (
        lambda: changed(Config(), agents=(AgentConfig(name="a"), AgentConfig(name="a"))),
        "agents.1.name",
        "expected a unique name, was 'a' like agents.0",
    ),
    (
        lambda: changed(Config(), agents=(AgentConfig(name="A b"),)),
        "agents.0.name",
        "expected a name of lower-case letters",
    ),
    (
        lambda: changed(Config(), agents=(AgentConfig(name="a", strategy="capture_99"),)),
        "agents.0.strategy",
        "the nearest is capture_99c",
    ),
    (
        lambda: changed(
            Config(), agents=(AgentConfig(name="a", parameters={"min_confidense": 1}),)
        ),
        "agents.0.parameters.min_confidense",
        "the nearest is min_confidence",
    ),
    (
        lambda: changed(
            Config(), agents=(AgentConfig(name="a", parameters={"min_confidence": 2}),)
        ),
        "agents.0.parameters.min_confidence",
        "expected 0.5 to 1, was 2",
    ),
    (
        lambda: changed(Config(), wallet={"private_key": "0x12"}),
        "wallet.private_key",
        "(hidden)",
    ),
    (
        lambda: changed(Config(), wallet={"funder": "0x12"}),
        "wallet.funder",
        "expected an address",
    ),
    (
        lambda: changed(Config(), wallet={"funder": KEY}),
        "wallet.funder",
        "was (hidden)",
    ),
    (
        lambda: changed(Config(), exchange={"clob_url": "clob.example.org"}),
        "exchange.clob_url",
        "expected a http:// or https:// URL",
    ),
    (
        lambda: changed(Config(), exchange={"ws_user_url": "http://[::1"}),
        "exchange.ws_user_url",
        "expected a ws:// or wss:// URL",
    ),
    (
        lambda: changed(Config(), exchange={"clob_url": "https://clob.example.org"}),
        "exchange.clob_url",
        "play orders must never reach a real exchange",
    ),
    (
        lambda: changed(Config(), mode="replay"),
        "simulator.recordings",
        "expected a directory in replay mode, was empty",
    ),
    (
        lambda: changed(Config(), mode="replay", simulator={"recordings": "/absent"}),
        "simulator.recordings",
        "expected a directory, was '/absent', which is none",
    ),
    (
        lambda: changed(Config(), simulator={"recordings": "/absent"}),
        "simulator.recordings",
        "expected to be empty in synthetic mode",
    ),
    (
        lambda: changed(Config(), simulator={"start": "now", "speed": 20.0}),
        "simulator.start",
        "expected speed 1",
    ),
    (
        lambda: changed(Config(), simulator={"listen": "0.0.0.0:80"}),
        "simulator.listen",
        "expected this machine's address",
    ),
    (
        lambda: changed(Config(), simulator={"listen": "127.0.0.1:70000"}),
        "simulator.listen",
        "expected this machine's address",
    ),
    (
        lambda: changed(Config(), reflector={"analyst": "openai"}),
        "reflector.openai_api_key",
        "expected a key for the openai analyst",
    ),
]


@pytest.mark.parametrize(("make", "path", "problem"), CASES, ids=lambda case: str(case)[:40])
def test_a_contradiction_is_found(make: Callable[[], Config], path: str, problem: str) -> None:
    problems = found(make())
    assert list(problems) == [path]
    assert problem in problems[path]


def test_the_exchange_of_this_machine_may_be_named_in_synthetic_mode() -> None:
    assert found(changed(Config(), exchange={"clob_url": "http://127.0.0.1:8080"})) == {}


def test_recordings_need_their_list_of_windows(tmp_path: Path) -> None:
    config = changed(Config(), mode="replay", simulator={"recordings": str(tmp_path)})
    assert "windows.csv" in found(config)["simulator.recordings"]
    (tmp_path / "windows.csv").write_text("slug\n")
    assert found(config) == {}


def test_live_mode_needs_a_key_and_no_url() -> None:
    problems = found(changed(Config(), mode="live"))
    assert set(problems) == {"wallet.private_key"}
    assert problems["wallet.private_key"].endswith("run: polybot init")


def test_paper_mode_needs_neither_a_key_nor_a_url() -> None:
    assert found(changed(Config(), mode="paper")) == {}


@pytest.mark.parametrize("mode", ["synthetic", "replay", "paper"])
def test_a_real_exchange_is_no_place_for_the_orders_of_a_simulated_one(mode: str) -> None:
    config = changed(Config(), mode=mode, exchange={"clob_url": "https://clob.example.org"})
    assert "play orders must never reach a real exchange" in found(config)["exchange.clob_url"]


def test_the_feed_that_is_mirrored_may_be_anywhere() -> None:
    assert found(changed(Config(), mode="paper", feed=FEED_URLS)) == {}
    wrong = {**FEED_URLS, "ws_market_url": "https://ws.example.org"}
    assert found(changed(Config(), mode="paper", feed=wrong)) == {
        "feed.ws_market_url": "expected a ws:// or wss:// URL, was 'https://ws.example.org'"
    }


@pytest.mark.parametrize("missing", ["clob_url", "gamma_url", "ws_market_url"])
def test_half_a_feed_is_no_feed(missing: str) -> None:
    problems = found(changed(Config(), mode="paper", feed={**FEED_URLS, missing: ""}))
    assert list(problems) == [f"feed.{missing}"]
    assert "belong together" in problems[f"feed.{missing}"]


def test_live_mode_with_everything_it_needs_is_accepted() -> None:
    live = changed(Config(), mode="live", exchange=LIVE_URLS, wallet={"private_key": KEY})
    assert found(live) == {}
    with_funder = changed(live, wallet={"signature_type": 2, "funder": ADDRESS})
    assert found(with_funder) == {}
    assert list(found(changed(live, wallet={"signature_type": 2}))) == ["wallet.funder"]


TOGETHER = ("clob_url", "gamma_url", "data_url", "ws_market_url", "ws_user_url")


def here(name: str) -> str:
    return f"{'ws' if name.startswith('ws_') else 'http'}://127.0.0.1:4001/{name}"


@pytest.mark.parametrize("other", ["", "public"])
@pytest.mark.parametrize("name", TOGETHER)
def test_real_orders_and_a_trial_exchange_are_never_mixed(name: str, other: str) -> None:
    trial = {each: here(each) for each in TOGETHER}
    live = changed(Config(), mode="live", exchange=trial, wallet={"private_key": KEY})
    assert found(live) == {}
    mixed = changed(live, exchange={name: LIVE_URLS[name] if other else ""})
    problems = found(mixed)
    assert list(problems) == [f"exchange.{name}"]
    assert "belong together" in problems[f"exchange.{name}"]
    alone = changed(Config(), mode="live", exchange={name: here(name)}, wallet={"private_key": KEY})
    assert set(found(alone)) == {f"exchange.{each}" for each in TOGETHER if each != name}


@pytest.mark.parametrize("name", list(LIVE_URLS))
def test_nothing_real_travels_unencrypted(name: str) -> None:
    plain = LIVE_URLS[name].replace("s://", "://", 1)
    exchange = {**LIVE_URLS, name: plain}
    live = changed(Config(), mode="live", exchange=exchange, wallet={"private_key": KEY})
    assert "s://, because API credentials" in found(live)[f"exchange.{name}"]


def test_live_mode_contradicts_a_dry_run() -> None:
    live = changed(Config(), mode="live", exchange=LIVE_URLS, wallet={"private_key": KEY})
    assert "DRY_RUN" in found(live, {"DRY_RUN": "true"})["mode"]


def test_a_runtime_directory_too_long_for_sockets_is_found() -> None:
    locations = Locations(
        root=Path("/r"),
        config_path=Path("/r/c"),
        state_dir=Path("/r/s"),
        runtime_dir=Path("/" + "x" * 90),
        is_clone=True,
        floor="synthetic",
    )
    assert "at most 83 fit" in found(Config(), locations=locations)["POLYBOT_RUNTIME_DIR"]


def test_a_strategy_that_only_practices_is_refused_with_real_money() -> None:
    drill = (AgentConfig(name="drill", strategy="drill"),)
    live = changed(Config(), mode="live", exchange=LIVE_URLS, wallet={"private_key": KEY})
    assert "only practices" in found(changed(live, agents=drill))["agents.0.strategy"]
    for mode in ("synthetic", "replay", "paper"):
        practice = changed(Config(), mode=mode, agents=drill)
        assert "agents.0.strategy" not in found(practice)
