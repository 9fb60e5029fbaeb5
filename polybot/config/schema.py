"""The configuration's schema: every key with its type, default, range and meaning.

Dollars, prices and shares are `Decimal` here, as a person writes them; services turn them into
integers once, through `polybot.domain.money`.
"""

from decimal import Decimal
from typing import Annotated, Any

from polybot.config.alerts import AlertsConfig
from polybot.config.backups import BackupConfig
from polybot.config.crash_loop import CrashLoopConfig
from polybot.config.extras import ExtrasConfig
from polybot.config.fields import Doc, EnvName, OneOf, Range, Secret
from polybot.config.log import LogConfig
from polybot.config.section import Section

MODES = ("synthetic", "replay", "paper", "live")
# The modes whose exchange is this machine's own: nothing real is traded in them.
SIMULATED_MODES = ("synthetic", "replay", "paper")

# In order of preference; what each is: docs/explanation/price-feeds.md.
PRICE_FEEDS = ("polybolt", "rtds", "binance", "coinbase")


class ExchangeConfig(Section, frozen=True, kw_only=True):
    """Where orders go; empty URLs mean the simulator of this floor, in live mode Polymarket."""

    clob_url: Annotated[str, Doc("CLOB REST base URL")] = ""
    gamma_url: Annotated[str, Doc("Gamma (market metadata) base URL")] = ""
    data_url: Annotated[str, Doc("Data API base URL")] = ""
    ws_market_url: Annotated[str, Doc("market websocket URL")] = ""
    ws_user_url: Annotated[str, Doc("user websocket URL")] = ""
    ws_price_url: Annotated[str, Doc("price websocket URL (PolyBolt)")] = ""
    ws_rtds_url: Annotated[str, Doc("legacy price websocket URL (RTDS)")] = ""
    ws_binance_url: Annotated[str, Doc("Binance trade websocket URL; only live mode uses it")] = ""
    ws_coinbase_url: Annotated[
        str, Doc("Coinbase ticker websocket URL; only live mode uses it")
    ] = ""
    relayer_url: Annotated[str, Doc("relayer base URL: wallet set-up and redeeming")] = ""
    geoblock_url: Annotated[str, Doc("URL that says whether this machine may trade")] = ""
    rpc_url: Annotated[
        str, Doc("Polygon JSON-RPC URL; init and doctor read code and gas of a wallet there")
    ] = ""
    timeout_s: Annotated[
        float, Range(0.2, 60), Doc("how long one request may take before its outcome is unknown")
    ] = 5.0
    connections: Annotated[int, Range(1, 32), Doc("warm HTTP connections kept to the CLOB")] = 4
    chain_id: Annotated[
        int,
        Range(1, 10**9),
        EnvName(("POLYMARKET_CHAIN_ID",)),
        Doc("chain id orders are signed for"),
    ] = 137
    orders_per_second: Annotated[
        float, Range(0.5, 600), Doc("orders sent a second at most; the exchange allows 40")
    ] = 30.0
    cancels_per_second: Annotated[
        float, Range(0.5, 900), Doc("cancels sent a second at most; the exchange allows 80")
    ] = 60.0


class FeedConfig(Section, frozen=True, kw_only=True):
    """The public feed that paper mode mirrors: Polymarket's own unless a URL is set here."""

    clob_url: Annotated[str, Doc("CLOB REST base URL of the mirrored exchange")] = ""
    gamma_url: Annotated[str, Doc("Gamma base URL of the mirrored exchange")] = ""
    ws_market_url: Annotated[str, Doc("market websocket URL of the mirrored exchange")] = ""
    ws_price_url: Annotated[str, Doc("price websocket URL (PolyBolt); needs credentials")] = ""
    ws_rtds_url: Annotated[str, Doc("legacy price websocket URL (RTDS)")] = ""
    ws_binance_url: Annotated[str, Doc("Binance trade websocket URL: a stand-in price")] = ""
    ws_coinbase_url: Annotated[str, Doc("Coinbase ticker websocket URL: a stand-in price")] = ""
    login_file: Annotated[
        str, Doc("credentials.json of a real account, for the PolyBolt price stream; empty: none")
    ] = ""


class WalletConfig(Section, frozen=True, kw_only=True):
    """The wallet that trades. In synthetic and replay mode a play wallet is made on first start."""

    private_key: Annotated[
        str,
        Secret(),
        EnvName(("POLYMARKET_PRIVATE_KEY", "PRIVATE_KEY", "PK")),
        Doc("private key, 0x and 64 hex digits; better in .env than in a file"),
    ] = ""
    funder: Annotated[
        str,
        EnvName(("POLYMARKET_FUNDER", "WALLET_ADDRESS", "PROXY_ADDRESS")),
        Doc("address that holds the funds, when it is not the key's own"),
    ] = ""
    signature_type: Annotated[
        int,
        Range(0, 3),
        EnvName(("POLYMARKET_SIGNATURE_TYPE",)),
        Doc("0 key's own address, 1 email proxy, 2 Safe, 3 deposit wallet"),
    ] = 0


class AgentConfig(Section, frozen=True, kw_only=True):
    """One agent: a strategy with its own parameters, capital, positions and status."""

    name: Annotated[str, Doc("unique name, shown everywhere")]
    strategy: Annotated[str, Doc("strategy to run, see `polybot strategies list`")] = "capture_99c"
    series: Annotated[
        tuple[str, ...], Doc("market series it trades, such as btc-updown-5m; empty: all traded")
    ] = ()
    capital_usdc: Annotated[
        Decimal,
        Range(Decimal(1), Decimal(1_000_000)),
        EnvName(("INITIAL_CAPITAL",)),
        Doc("dollars the agent may have committed at one time"),
    ] = Decimal(200)
    enabled: Annotated[bool, Doc("whether it trades")] = True
    parameters: Annotated[
        dict[str, Any], Doc("the strategy's parameters; unset ones take their defaults")
    ] = {}  # noqa: RUF012 (a struct copies it)


class TraderConfig(Section, frozen=True, kw_only=True):
    """How the trader works."""

    series: Annotated[tuple[str, ...], Doc("market series to follow")] = (
        "btc-updown-5m",
        "btc-updown-15m",
    )
    checkpoint_s: Annotated[
        float,
        Range(0.2, 3600),
        EnvName(("CHECKPOINT_INTERVAL",)),
        Doc("wall seconds between checkpoints"),
    ] = 5.0
    journal_retention_mb: Annotated[
        int, Range(8, 100_000), Doc("journal kept for replay after the tracker stored it, MiB")
    ] = 256
    journal_archive_mb: Annotated[
        int,
        Range(0, 1_000_000),
        Doc("compressed journal each process keeps of what it no longer needs, MiB; 0: none"),
    ] = 1024
    tape_enabled: Annotated[bool, Doc("keep the tape: the trader's inputs exactly as consumed")] = (
        True
    )
    tape_cap_mb: Annotated[int, Range(1, 1_000_000), Doc("size the tape may grow to, MiB")] = 512
    reconcile_s: Annotated[
        float, Range(1, 3600), Doc("seconds between sweeps of orders, trades and balance")
    ] = 30.0
    unknown_grace_s: Annotated[
        float, Range(1, 600), Doc("seconds every route must agree before an order is NOT_PLACED")
    ] = 10.0
    exchange_heartbeat: Annotated[
        bool, Doc("send the exchange's dead-man heartbeat; without it orders outlive a crash")
    ] = True
    feed_stale_s: Annotated[
        float, Range(1, 600), Doc("wall seconds without a book event before a feed is reconnected")
    ] = 30.0
    price_feeds: Annotated[
        tuple[str, ...],
        Doc(
            "price feeds in order of preference: polybolt, rtds, binance, coinbase; empty: all of "
            "them in live mode, polybolt alone on a simulated exchange"
        ),
    ] = ()


class RiskConfig(Section, frozen=True, kw_only=True):
    """Limits; the stricter of two that apply wins."""

    min_buy_price: Annotated[
        Decimal, Range(Decimal("0.001"), Decimal("0.999")), Doc("lowest price to buy at")
    ] = Decimal("0.05")
    max_buy_price: Annotated[
        Decimal, Range(Decimal("0.001"), Decimal("0.999")), Doc("highest price to buy at")
    ] = Decimal("0.99")
    max_order_usdc: Annotated[
        Decimal,
        Range(Decimal(1), Decimal(1_000_000)),
        EnvName(("RISK_PER_TRADE", "BOT_MAX_POSITION_DOLLARS", "MAX_POSITION_SIZE")),
        Doc("dollars of one order"),
    ] = Decimal(50)
    max_window_usdc: Annotated[
        Decimal,
        Range(Decimal(1), Decimal(1_000_000)),
        EnvName(("MAX_POSITION_SIZE",)),
        Doc("dollars committed in one window, all agents"),
    ] = Decimal(100)
    max_deployed_usdc: Annotated[
        Decimal,
        Range(Decimal(1), Decimal(10_000_000)),
        Doc("dollars committed at one time, all agents"),
    ] = Decimal(400)
    max_daily_loss_usdc: Annotated[
        Decimal,
        Range(Decimal(1), Decimal(1_000_000)),
        EnvName(("MAX_DAILY_LOSS",)),
        Doc("loss of one trading day after which entries stop"),
    ] = Decimal(100)
    max_open_orders: Annotated[int, Range(1, 1000), Doc("orders resting at one time")] = 50
    max_orders_per_minute: Annotated[int, Range(1, 2400), Doc("orders sent in any wall minute")] = (
        60
    )
    max_consecutive_losses: Annotated[
        int, Range(1, 1000), Doc("losing windows of an agent in a row after which it pauses")
    ] = 5
    pause_s: Annotated[
        float, Range(1, 604_800), Doc("wall seconds an agent pauses after too many losses")
    ] = 3600.0
    max_consecutive_api_errors: Annotated[
        int, Range(1, 1000), Doc("failed requests in a row after which entries stop")
    ] = 5


class TrackerConfig(Section, frozen=True, kw_only=True):
    """How the tracker settles, grades and audits."""

    settle_first_s: Annotated[
        float,
        Range(0.05, 600),
        Doc("market seconds after a close to the first question for its outcome"),
    ] = 10.0
    settle_retry_s: Annotated[
        float, Range(0.05, 3600), Doc("market seconds between questions, at first")
    ] = 5.0
    settle_slow_s: Annotated[
        float, Range(0.05, 3600), Doc("market seconds between questions after six of them")
    ] = 30.0
    audit_interval_s: Annotated[
        float, Range(5, 86_400), Doc("wall seconds between audits against the exchange")
    ] = 60.0
    audit_enabled: Annotated[bool, Doc("audit regularly through the official client")] = True
    activity_interval_s: Annotated[
        float, Range(5, 86_400), Doc("wall seconds between questions for the wallet's activity")
    ] = 30.0


class ReflectorConfig(Section, frozen=True, kw_only=True):
    """When the reflector looks back, and who comments."""

    losses_in_a_row: Annotated[
        int, Range(1, 100), Doc("settled losses in a row that trigger a reflection")
    ] = 3
    trades_between: Annotated[
        int, Range(1, 10_000), Doc("settled trades between two reflections")
    ] = 10
    end_of_day: Annotated[bool, Doc("reflect at the end of each trading day")] = True
    lookback_days: Annotated[int, Range(1, 3650), Doc("days of trades in a digest")] = 7
    analyst: Annotated[
        str, OneOf(("none", "openai")), Doc("who comments on the digest; comments change nothing")
    ] = "none"
    openai_api_key: Annotated[
        str, Secret(), EnvName(("OPENAI_API_KEY",)), Doc("key of the OpenAI API")
    ] = ""
    openai_model: Annotated[str, EnvName(("OPENAI_MODEL",)), Doc("model that comments")] = (
        "gpt-4o-mini"
    )
    openai_base_url: Annotated[
        str,
        EnvName(("OPENAI_BASE_URL",)),
        Doc("base URL of the OpenAI API; empty: the official one"),
    ] = ""
    openai_timeout_s: Annotated[float, Range(1, 600), Doc("seconds to wait for a comment")] = 60.0


class WatchdogConfig(Section, frozen=True, kw_only=True):
    """When the watchdog worries."""

    late_s: Annotated[float, Range(0.5, 600), Doc("heartbeat age that is late")] = 3.0
    dead_s: Annotated[float, Range(1, 3600), Doc("heartbeat age that is dead")] = 10.0
    fence_s: Annotated[float, Range(2, 3600), Doc("trader's silence that raises the fence")] = 20.0
    flapping_restarts: Annotated[
        int, Range(2, 100), Doc("restarts within flapping_s that count as flapping")
    ] = 3
    flapping_s: Annotated[
        float, Range(10, 86_400), Doc("seconds in which restarts are counted")
    ] = 120.0
    stalled_s: Annotated[
        float, Range(1, 3600), Doc("seconds without progress of a process that beats")
    ] = 30.0
    feed_age_s: Annotated[
        float, Range(1, 3600), Doc("age of the market feed that stops entries")
    ] = 60.0
    min_disk_mb: Annotated[
        int, Range(1, 1_000_000), Doc("free MiB of the state directory under which entries stop")
    ] = 200
    max_rss_mb: Annotated[
        int, Range(10, 1_000_000), Doc("resident MiB of one process that raise an alert")
    ] = 400
    max_clock_skew_s: Annotated[
        float, Range(0.1, 3600), Doc("difference to the exchange's clock that stops entries")
    ] = 5.0
    max_commit_age_s: Annotated[
        float,
        Range(1, 86_400),
        Doc("age of the database's last commit, while events wait, that raises an alert"),
    ] = 60.0


class SimulatorConfig(Section, frozen=True, kw_only=True):
    """The simulated exchange of synthetic, replay and paper mode."""

    listen: Annotated[str, Doc("address and port to listen on; port 0 picks a free one")] = (
        "127.0.0.1:0"
    )
    speed: Annotated[float, Range(0.01, 1000), Doc("market seconds per wall second")] = 20.0
    seed: Annotated[int, Range(0, 2**63 - 1), Doc("seed of the synthetic market")] = 7
    recordings: Annotated[
        str, Doc("recordings directory to replay; empty: the synthetic market")
    ] = ""
    start: Annotated[
        str,
        OneOf(("quarter", "now")),
        Doc(
            "market time a synthetic market begins at: just before the last quarter of an hour, "
            "or now (market time is then wall time, at speed 1)"
        ),
    ] = "quarter"
    opening_balance_usdc: Annotated[
        Decimal, Range(Decimal(1), Decimal(100_000_000)), Doc("play money a new account gets")
    ] = Decimal(1000)
    fee_rate: Annotated[
        Decimal, Range(Decimal(0), Decimal("0.5")), Doc("taker fee rate of the simulated markets")
    ] = Decimal("0.07")
    taker_delay_ms: Annotated[
        int, Range(0, 60_000), Doc("market milliseconds a taking order is held")
    ] = 150
    resolve_after_s: Annotated[
        float, Range(0, 3600), Doc("usual market seconds from close to the official outcome")
    ] = 30.0
    redeem_after_s: Annotated[
        float, Range(0, 3600), Doc("market seconds from outcome to the automatic redemption")
    ] = 10.0
    unknown_depth_shares: Annotated[
        Decimal,
        Range(Decimal(1), Decimal(1_000_000)),
        Doc("size assumed at a best price recorded without sizes"),
    ] = Decimal(50)
    series: Annotated[tuple[str, ...], Doc("series of the synthetic market")] = (
        "btc-updown-5m",
        "btc-updown-15m",
    )
    protocol: Annotated[
        str,
        OneOf(("v1", "v2", "mixed")),
        Doc("Gamma version of synthetic markets; mixed alternates from window to window"),
    ] = "v1"
    faults: Annotated[
        str, Doc("file of faults the exchange shows (see the simulator reference); empty: none")
    ] = ""
    rate_limits: Annotated[
        str,
        OneOf(("enforce", "warn", "off")),
        Doc("what orders and cancels over the exchange's limits per signer meet"),
    ] = "warn"
    wallets: Annotated[
        str,
        OneOf(("all", "deposit")),
        Doc("whose orders are taken: every kind of wallet's, or deposit wallets' only"),
    ] = "all"
    request_log_mb: Annotated[
        int,
        Range(0, 100_000),
        Doc("megabytes kept of the journal of every request and its answer; 0: none"),
    ] = 64


class Config(Section, frozen=True, kw_only=True):
    """The whole configuration of one floor."""

    mode: Annotated[
        str,
        OneOf(MODES),
        EnvName(("TRADING_MODE",)),
        Doc("which market: synthetic, recorded, live with simulated fills, or live"),
    ] = "synthetic"
    trading_zone: Annotated[str, Doc("time zone whose midnight begins the trading day")] = (
        "America/New_York"
    )
    exchange: ExchangeConfig = ExchangeConfig()
    feed: FeedConfig = FeedConfig()
    wallet: WalletConfig = WalletConfig()
    trader: TraderConfig = TraderConfig()
    risk: RiskConfig = RiskConfig()
    agents: tuple[AgentConfig, ...] = (AgentConfig(name="capture"),)
    tracker: TrackerConfig = TrackerConfig()
    reflector: ReflectorConfig = ReflectorConfig()
    watchdog: WatchdogConfig = WatchdogConfig()
    crash_loop: CrashLoopConfig = CrashLoopConfig()
    alerts: AlertsConfig = AlertsConfig()
    backup: BackupConfig = BackupConfig()
    simulator: SimulatorConfig = SimulatorConfig()
    extras: ExtrasConfig = ExtrasConfig()
    log: LogConfig = LogConfig()
