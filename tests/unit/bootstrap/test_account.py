"""The account for who may read and cancel: it needs credentials and an address, never the key."""

from pathlib import Path

import pytest

from polybot.bootstrap.account import (
    NoCredentials,
    credentials_of,
    funder_of,
    open_account,
    open_holdings,
    open_market_search,
    url_of,
)
from polybot.errors import ConfigError, PolybotError
from tests.http_stub import StubServer
from tests.unit.bootstrap.test_audit import answer, configured, logged_in


def test_before_a_login_there_is_no_funder_and_no_account(
    tmp_path: Path, runtime_dir: Path
) -> None:
    loaded = configured(tmp_path, runtime_dir)
    assert funder_of(loaded)() is None
    with pytest.raises(NoCredentials, match="logs in at its first start"):
        credentials_of(loaded)


def test_after_a_login_the_funder_is_known_without_opening_anew(
    tmp_path: Path, runtime_dir: Path
) -> None:
    loaded = configured(tmp_path, runtime_dir)
    funder = funder_of(loaded)
    logged_in(loaded)
    assert funder() == credentials_of(loaded).funder


def test_damaged_credentials_are_no_funder_and_a_problem_for_a_command(
    tmp_path: Path, runtime_dir: Path
) -> None:
    loaded = configured(tmp_path, runtime_dir)
    logged_in(loaded)
    (loaded.locations.state_dir / "wallet" / "credentials.json").write_text("{")
    assert funder_of(loaded)() is None
    with pytest.raises(ConfigError, match="unreadable"):
        credentials_of(loaded)


def test_account_holdings_and_catalog_talk_to_the_configured_hosts(
    tmp_path: Path, runtime_dir: Path
) -> None:
    stub = StubServer(answer)
    urls = dict.fromkeys(("clob_url", "data_url", "gamma_url"), stub.url)
    loaded = configured(tmp_path, runtime_dir, **urls)
    logged_in(loaded)
    with open_account(loaded) as account:
        assert account.open_orders() == []
    assert open_holdings(loaded).held() == {}
    with open_market_search(loaded) as catalog:
        assert [market.slug for market in catalog.by_slug("a-b")] == []
    asked = {request.path for request in stub.requests}
    assert asked >= {"/data/orders", "/v2/positions", "/events/slug/a-b"}
    stub.close()


def test_without_an_address_it_says_what_is_missing(tmp_path: Path, runtime_dir: Path) -> None:
    with pytest.raises(PolybotError, match="expected clob_url of an exchange, was none"):
        url_of(configured(tmp_path, runtime_dir), "clob_url")
