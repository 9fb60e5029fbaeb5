"""What single values cannot show: keys that contradict each other, the mode, or the machine."""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from polybot.config.alerts import chats_of
from polybot.config.environment import wants_dry_run
from polybot.config.locations import (
    RUNTIME_NAME,
    SOCKET_PATH_BYTES,
    Locations,
    socket_path_fits,
)
from polybot.config.schema import (
    PRICE_FEEDS,
    SIMULATED_MODES,
    AgentConfig,
    Config,
    ExchangeConfig,
    FeedConfig,
)
from polybot.config.values import shown
from polybot.domain.window import parse_series
from polybot.errors import InvalidValue

_PRIVATE_KEY = re.compile(r"(0x)?[0-9a-fA-F]{64}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_AGENT_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_HIGHEST_PORT = 65_535
# What only the trader needs; commands that look do without (`load(keyless=True)`).
MISSING_KEY = "expected a private key in live mode, was empty; run: polybot init"
# What decides where an order goes and what it is for: never partly of one exchange.
_TOGETHER = ("clob_url", "gamma_url", "data_url", "ws_market_url", "ws_user_url")


class Checked(msgspec.Struct, frozen=True):
    """What the checks look at."""

    config: Config
    locations: Locations
    environ: Mapping[str, str]


class Contradiction(msgspec.Struct, frozen=True):
    """A problem at a path; `others` are the keys it also depends on."""

    path: str
    problem: str
    others: tuple[str, ...] = ()


def contradictions(checked: Checked) -> Iterator[Contradiction]:
    """Yield everything wrong between the values of a configuration."""
    for check in _CHECKS:
        yield from check(checked)


def _alerts(checked: Checked) -> Iterator[Contradiction]:
    try:
        chats_of(checked.config.alerts)
    except InvalidValue as error:
        yield Contradiction("alerts", str(error))


def _order(checked: Checked) -> Iterator[Contradiction]:
    risk, watchdog, tracker = checked.config.risk, checked.config.watchdog, checked.config.tracker
    pairs = (
        ("risk.min_buy_price", risk.min_buy_price, "risk.max_buy_price", risk.max_buy_price),
        ("watchdog.late_s", watchdog.late_s, "watchdog.dead_s", watchdog.dead_s),
        ("watchdog.dead_s", watchdog.dead_s, "watchdog.fence_s", watchdog.fence_s),
    )
    for low_path, low, high_path, high in pairs:
        if low >= high:
            yield Contradiction(
                low_path, f"expected less than {high_path} ({high}), was {low}", (high_path,)
            )
    if tracker.settle_retry_s > tracker.settle_slow_s:
        yield Contradiction(
            "tracker.settle_retry_s",
            f"expected at most tracker.settle_slow_s ({tracker.settle_slow_s}), "
            f"was {tracker.settle_retry_s}",
            ("tracker.settle_slow_s",),
        )


def _zone(checked: Checked) -> Iterator[Contradiction]:
    zone = checked.config.trading_zone
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield Contradiction(
            "trading_zone",
            f"expected a time zone such as America/New_York or UTC, was {zone!r} "
            "(or the package tzdata is missing)",
        )


def _series(checked: Checked) -> Iterator[Contradiction]:
    config = checked.config
    lists = {"trader.series": config.trader.series, "simulator.series": config.simulator.series}
    lists |= {f"agents.{index}.series": agent.series for index, agent in enumerate(config.agents)}
    for path, names in lists.items():
        for name in names:
            try:
                parse_series(name)
            except InvalidValue as error:
                yield Contradiction(path, str(error))
        if not names and not path.startswith("agents."):
            yield Contradiction(path, "expected at least one series, was an empty list")
    for index, agent in enumerate(config.agents):
        foreign = [name for name in agent.series if name not in config.trader.series]
        if foreign:
            yield Contradiction(
                f"agents.{index}.series",
                f"expected series of trader.series ({', '.join(config.trader.series)}), "
                f"was {', '.join(foreign)}",
                ("trader.series",),
            )


def _price_feeds(checked: Checked) -> Iterator[Contradiction]:
    feeds = checked.config.trader.price_feeds
    if len(set(feeds)) < len(feeds) or not set(feeds) <= set(PRICE_FEEDS):
        yield Contradiction(
            "trader.price_feeds",
            f"expected each of {', '.join(PRICE_FEEDS)} at most once, "
            f"was {shown(', '.join(feeds))}",
        )


def _agents(checked: Checked) -> Iterator[Contradiction]:
    seen: dict[str, int] = {}
    for index, agent in enumerate(checked.config.agents):
        path = f"agents.{index}.name"
        if not _AGENT_NAME.fullmatch(agent.name):
            yield Contradiction(
                path,
                "expected a name of lower-case letters, digits, - and _ "
                f"(at most 32, a letter first), was {shown(agent.name)}",
            )
        elif agent.name in seen:
            yield Contradiction(
                path, f"expected a unique name, was {agent.name!r} like agents.{seen[agent.name]}"
            )
        seen.setdefault(agent.name, index)


def _strategies(checked: Checked) -> Iterator[Contradiction]:
    plain = AgentConfig(name="plain")
    if all(a.strategy == plain.strategy and not a.parameters for a in checked.config.agents):
        return
    # Only the trader runs strategies; no other process loads them to find the defaults in order.
    from polybot.strategies.registry import PRACTICE_ONLY, problems_of  # noqa: PLC0415

    for index, agent in enumerate(checked.config.agents):
        if checked.config.mode == "live" and agent.strategy in PRACTICE_ONLY:
            yield Contradiction(
                f"agents.{index}.strategy",
                f"expected a strategy for real money in live mode, was {agent.strategy!r}, which "
                "only practices on a simulated exchange",
                ("mode",),
            )
        for problem in problems_of(agent.strategy, agent.parameters):
            name, _, sentence = problem.partition(": ")
            place = name if name == "strategy" else f"parameters.{name}"
            yield Contradiction(f"agents.{index}.{place}", sentence)


def _wallet(checked: Checked) -> Iterator[Contradiction]:
    wallet = checked.config.wallet
    if wallet.private_key and not _PRIVATE_KEY.fullmatch(wallet.private_key):
        yield Contradiction(
            "wallet.private_key", "expected 0x and 64 hexadecimal digits, was another text (hidden)"
        )
    if wallet.funder and not _ADDRESS.fullmatch(wallet.funder):
        yield Contradiction(
            "wallet.funder",
            f"expected an address, 0x and 40 hexadecimal digits, was {shown(wallet.funder)}",
        )


def _urls(checked: Checked) -> Iterator[Contradiction]:
    config = checked.config
    for section, values in (("exchange", config.exchange), ("feed", config.feed)):
        for name, url in _url_keys(values):
            yield from _url_problems(f"{section}.{name}", url, config.mode)


def _feed(checked: Checked) -> Iterator[Contradiction]:
    feed = checked.config.feed
    set_names = [name for name, _ in _url_keys(feed)]
    if not set_names:
        return
    for name in ("clob_url", "gamma_url", "ws_market_url"):
        if name not in set_names:
            yield Contradiction(
                f"feed.{name}",
                f"expected a URL beside feed.{set_names[0]} (one exchange's books, catalog and "
                "time belong together), was empty",
                (f"feed.{set_names[0]}",),
            )


def _url_keys(values: ExchangeConfig | FeedConfig) -> Iterator[tuple[str, str]]:
    for name in values.__struct_fields__:
        if name.endswith("_url") and getattr(values, name):
            yield name, getattr(values, name)


def _url_problems(path: str, url: str, mode: str) -> Iterator[Contradiction]:
    scheme = "ws" if ".ws_" in path else "http"
    if not _is_url(url, scheme):
        yield Contradiction(path, f"expected a {scheme}:// or {scheme}s:// URL, was {shown(url)}")
        return
    parts = urlsplit(url)
    # What is ordered on this machine is nothing real, and nobody else sees it.
    if not path.startswith("exchange.") or _is_loopback(parts.hostname or ""):
        return
    if mode in SIMULATED_MODES:
        yield Contradiction(
            path,
            f"expected no URL, or one of this machine, in {mode} mode "
            f"(play orders must never reach a real exchange), was {shown(url)}",
            ("mode",),
        )
    elif parts.scheme == scheme:
        yield Contradiction(
            path,
            f"expected {scheme}s://, because API credentials and orders travel there, "
            f"was {shown(url)}",
            ("mode",),
        )


def _live(checked: Checked) -> Iterator[Contradiction]:
    config = checked.config
    if config.mode != "live":
        return
    if not config.wallet.private_key:
        yield Contradiction("wallet.private_key", MISSING_KEY, ("mode",))
    if config.wallet.signature_type != 0 and not config.wallet.funder:
        yield Contradiction(
            "wallet.funder",
            f"expected the address that holds the funds with signature_type "
            f"{config.wallet.signature_type}, was empty",
            ("mode", "wallet.signature_type"),
        )
    forbidding = wants_dry_run(checked.environ)
    if forbidding:
        yield Contradiction("mode", f"expected no live mode while {forbidding} is true, was 'live'")


def _one_exchange(checked: Checked) -> Iterator[Contradiction]:
    """Refuse real orders beside a trial exchange: an empty URL is the real one's in live mode."""
    config = checked.config
    if config.mode != "live":
        return
    urls = {name: getattr(config.exchange, name) for name in _TOGETHER}
    here = [name for name, url in urls.items() if _is_of_this_machine(url)]
    if not here:
        return
    for name, url in urls.items():
        if name not in here:
            was = shown(url) if url else "empty, which means the real exchange"
            yield Contradiction(
                f"exchange.{name}",
                f"expected a URL of this machine beside exchange.{here[0]} (one exchange's orders, "
                f"markets and streams belong together), was {was}",
                ("mode", f"exchange.{here[0]}"),
            )


def _recordings(checked: Checked) -> Iterator[Contradiction]:
    mode, recordings = checked.config.mode, checked.config.simulator.recordings
    path = "simulator.recordings"
    if mode == "replay" and not recordings:
        yield Contradiction(path, "expected a directory in replay mode, was empty", ("mode",))
    elif mode != "replay" and recordings:
        yield Contradiction(
            path,
            f"expected to be empty in {mode} mode, was {recordings!r}; replay mode plays it",
            ("mode",),
        )
    elif recordings and not Path(recordings).is_dir():
        yield Contradiction(path, f"expected a directory, was {recordings!r}, which is none")
    elif recordings and not (Path(recordings) / "windows.csv").is_file():
        yield Contradiction(path, f"expected a directory with a windows.csv, was {recordings!r}")


def _simulator(checked: Checked) -> Iterator[Contradiction]:
    listen = checked.config.simulator.listen
    host, _, port = listen.rpartition(":")
    if not _is_loopback(host.strip("[]")) or not port.isdecimal() or int(port) > _HIGHEST_PORT:
        yield Contradiction(
            "simulator.listen",
            f"expected this machine's address and a port, such as 127.0.0.1:0, was {shown(listen)}",
        )
    simulator = checked.config.simulator
    if simulator.start == "now" and simulator.speed != 1:
        yield Contradiction(
            "simulator.start",
            f'expected speed 1 with start = "now", was speed {simulator.speed:g}: market time '
            "would leave wall time",
            ("simulator.speed",),
        )


def _analyst(checked: Checked) -> Iterator[Contradiction]:
    reflector = checked.config.reflector
    if reflector.analyst == "openai" and not reflector.openai_api_key:
        yield Contradiction(
            "reflector.openai_api_key",
            "expected a key for the openai analyst (polybot secret set openai_api_key), was empty",
            ("reflector.analyst",),
        )


def _sockets(checked: Checked) -> Iterator[Contradiction]:
    runtime = checked.locations.runtime_dir
    if not socket_path_fits(runtime):
        yield Contradiction(
            RUNTIME_NAME,
            f"expected a directory whose socket paths fit into {SOCKET_PATH_BYTES} bytes, "
            f"was {str(runtime)!r} ({len(str(runtime))} bytes; at most 83 fit)",
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_of_this_machine(url: str) -> bool:
    try:
        return bool(url) and _is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False


def _is_url(url: str, scheme: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in (scheme, f"{scheme}s") and bool(parts.hostname)
    except ValueError:
        return False


_CHECKS: tuple[Callable[[Checked], Iterator[Contradiction]], ...] = (
    _order,
    _zone,
    _series,
    _price_feeds,
    _agents,
    _strategies,
    _wallet,
    _urls,
    _feed,
    _live,
    _one_exchange,
    _recordings,
    _simulator,
    _analyst,
    _alerts,
    _sockets,
)
