"""Each check that asks the exchange: what makes its row fail, and what it then tells to do."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from polybot.adapters.exchange_probe import Place
from polybot.adapters.wallet_probe import Holding
from polybot.cli.account import Account
from polybot.cli.checks import CheckStatus, Row
from polybot.cli.live_checks import CHECKS, FIRST, run_check
from polybot.config.load import LoadedConfig, load
from polybot.domain.market import Outcome
from polybot.domain.redemption import OVERDUE_NS, Unredeemed
from polybot.errors import MarketRefused, NotFound, OutcomeUnknown, Unauthorized, Unavailable
from polybot.ports import CatalogAnswer
from tests.story import market_at
from tests.unit.cli.surroundings import FakeSurroundings, account

NAMES = [spec.name for spec in (FIRST, *CHECKS)]
SPECS = {spec.name: spec for spec in (FIRST, *CHECKS)}


@pytest.fixture
def loaded(state_dir: object) -> LoadedConfig:
    return load()


def row(loaded: LoadedConfig, name: str, of: Account | None = None, **answers: Any) -> Row:
    return run_check(SPECS[name], loaded, of or account(), FakeSurroundings(**answers))


def assert_fails(found: Row, words: str, fix: str) -> None:
    assert found.status is CheckStatus.FAIL, found
    assert words in found.detail
    assert fix in found.fix


@pytest.mark.parametrize("name", NAMES)
def test_a_wallet_in_good_order_passes(loaded: LoadedConfig, name: str) -> None:
    assert row(loaded, name).status is CheckStatus.OK


@pytest.mark.parametrize("name", [name for name in NAMES if name != "wallet"])
def test_without_any_answer_a_row_fails_or_warns_and_says_what_to_do(
    loaded: LoadedConfig, name: str
) -> None:
    silent = {
        question: Unavailable("clob: no route to host")
        for question in FakeSurroundings()._answers  # noqa: SLF001
    }
    found = row(loaded, name, **silent)
    expected = CheckStatus.WARN if name in ("gas", "unredeemed") else CheckStatus.FAIL
    assert found.status is expected
    assert "network" in found.fix


def test_row_exchange_version_fails_when_other_orders_are_taken(loaded: LoadedConfig) -> None:
    assert_fails(row(loaded, "exchange version", version=3), "was 3", "update polybot")


@pytest.mark.parametrize(("skew_s", "way"), [(60.0, "ahead of"), (-60.0, "behind")])
def test_row_clock_skew_fails_when_the_clock_is_a_minute_off(
    loaded: LoadedConfig, skew_s: float, way: str
) -> None:
    found = row(loaded, "clock skew", skew_s=skew_s)
    assert_fails(found, f"60.0 s {way} the exchange's", "timedatectl")


def test_row_wallet_fails_when_key_and_funder_do_not_fit(loaded: LoadedConfig) -> None:
    wrong = account(problem="the funder 0x1 does not belong to the key", fix="polybot init")
    assert_fails(row(loaded, "wallet", wrong), "does not belong", "polybot init")


def test_row_credentials_fails_when_there_are_none(loaded: LoadedConfig) -> None:
    found = row(loaded, "credentials", account(credentials=None))
    assert_fails(found, "no API credentials", "polybot init")


def test_row_credentials_fails_when_the_exchange_refuses_them(loaded: LoadedConfig) -> None:
    found = row(loaded, "credentials", api_keys=Unauthorized("Invalid api key", status=401))
    assert_fails(found, "refuses", "check the clock")


def test_row_credentials_fails_when_the_key_is_another(loaded: LoadedConfig) -> None:
    assert_fails(row(loaded, "credentials", api_keys=("k2",)), "not know this API key", "init")


def test_row_closed_only_fails_when_the_account_may_only_sell(loaded: LoadedConfig) -> None:
    assert_fails(row(loaded, "closed-only", is_closed_only=True), "only sell", "support")


def test_row_geoblock_fails_where_the_exchange_does_not_serve(loaded: LoadedConfig) -> None:
    found = row(loaded, "geoblock", place=Place(blocked=True, country="GB"))
    assert_fails(found, "(GB)", "country")


def test_row_allowance_fails_without_money(loaded: LoadedConfig) -> None:
    found = row(loaded, "allowance", holding=Holding(balance_usdc=0, allowance_usdc=0))
    assert_fails(found, "no money in", "deposit there")


def test_row_allowance_fails_without_approval(loaded: LoadedConfig) -> None:
    found = row(loaded, "allowance", holding=Holding(balance_usdc=5_000_000, allowance_usdc=0))
    assert_fails(found, "$5.00, of which orders may take $0.00", "polybot wallet approve")


def test_row_markets_fails_for_a_market_that_must_not_be_traded(loaded: LoadedConfig) -> None:
    refusal = MarketRefused("expected version v1 or v2, was v9", code="version")
    found = row(loaded, "markets", listed=(CatalogAnswer("btc-x", None, error=refusal),))
    assert_fails(found, "btc-x: expected version v1 or v2, was v9", "trader.series")


def test_row_markets_fails_for_a_series_that_is_not_listed(loaded: LoadedConfig) -> None:
    found = row(loaded, "markets", listed=(CatalogAnswer("btc-x", None),))
    assert_fails(found, "not listed: btc-x", "trader.series")


@pytest.mark.parametrize(
    ("rate", "exponent"), [("-0.01", "1"), ("0.5", "1"), ("0.07", "9"), ("0.07", "-1")]
)
def test_row_fee_schedule_fails_for_an_absurd_one(
    loaded: LoadedConfig, rate: str, exponent: str
) -> None:
    found = row(loaded, "fee schedule", fees=(Decimal(rate), Decimal(exponent)))
    assert_fails(found, "absurd", "do not trade")


def test_row_fee_schedule_fails_when_the_services_disagree(loaded: LoadedConfig) -> None:
    found = row(loaded, "fee schedule", fees=(Decimal("0.05"), Decimal(1)))
    assert_fails(found, "the market list says 700 bps", "both agree")


def test_row_market_feed_fails_in_silence(loaded: LoadedConfig) -> None:
    assert_fails(row(loaded, "market feed", first_frame_s=OutcomeUnknown("silent")), "silent", "")


def test_row_user_feed_fails_in_silence(loaded: LoadedConfig) -> None:
    assert_fails(row(loaded, "user feed", first_frame_s=Unavailable("closed")), "closed", "")


def test_row_price_feed_fails_in_silence(loaded: LoadedConfig) -> None:
    assert_fails(row(loaded, "price feed", first_frame_s=NotFound("no price")), "no price", "")


def test_row_smallest_order_fails_when_the_free_cash_is_too_small(loaded: LoadedConfig) -> None:
    held = Holding(balance_usdc=6_000_000, allowance_usdc=10**18)
    found = row(loaded, "smallest order", holding=held, reserved_usdc=2_000_000)
    assert_fails(found, "capture finds $4.00 free", "deposit")


def test_row_smallest_order_fails_when_an_agents_limit_is_too_small(loaded: LoadedConfig) -> None:
    risk = msgspec.structs.replace(loaded.config.risk, max_order_usdc=Decimal(2))
    config = msgspec.structs.replace(loaded.config, risk=risk)
    found = row(msgspec.structs.replace(loaded, config=config), "smallest order")
    assert_fails(found, "capture may spend $2.00", "risk.max_order_usdc")


def test_row_smallest_order_leaves_disabled_agents_out(loaded: LoadedConfig) -> None:
    agent = msgspec.structs.replace(loaded.config.agents[0], enabled=False, capital_usdc=Decimal(1))
    config = msgspec.structs.replace(loaded.config, agents=(agent,))
    found = row(msgspec.structs.replace(loaded, config=config), "smallest order")
    assert found.status is CheckStatus.OK


def test_row_gas_fails_when_the_keys_own_address_has_none(loaded: LoadedConfig) -> None:
    assert_fails(row(loaded, "gas", gas_wei=0), "no POL", "send 1 POL")
    assert row(loaded, "gas", gas_wei=10**15).status is CheckStatus.WARN


def test_row_gas_is_skipped_for_a_wallet_whose_gas_the_exchange_pays(loaded: LoadedConfig) -> None:
    found = row(loaded, "gas", account(signature_type=3), gas_wei=0)
    assert found.status is CheckStatus.SKIP
    assert "deposit wallet" in found.detail


def test_row_unredeemed_fails_to_be_well_after_a_day(loaded: LoadedConfig) -> None:
    def waits(age_ns: int) -> Unredeemed:
        return Unredeemed(
            slug=market_at().slug,
            token_id="1",
            outcome=Outcome.UP,
            size_shares=25_000_000,
            resolved_ns=1,
            age_ns=age_ns,
        )

    found = row(loaded, "unredeemed", unredeemed=(waits(OVERDUE_NS), waits(OVERDUE_NS - 1)))
    assert found.status is CheckStatus.WARN
    assert found.detail.startswith("$25.00 in 1 window, the oldest for 1 d")
    assert found.fix == "polybot redeem --all"
    young = row(loaded, "unredeemed", unredeemed=(waits(OVERDUE_NS - 1),))
    assert young.status is CheckStatus.OK


@pytest.mark.parametrize("spec", [each for each in CHECKS if each.needs_account], ids=str)
def test_what_needs_a_wallet_is_skipped_without_a_usable_one(
    loaded: LoadedConfig, spec: Any
) -> None:
    asked = FakeSurroundings()
    found = run_check(spec, loaded, account(problem="no key"), asked)
    assert found.status is CheckStatus.SKIP
    assert asked.asked == []
