"""The live extras get the wallet, the hosts and the key of the configuration, and nothing else."""

import json
from pathlib import Path

import pytest

from polybot.bootstrap.extras import RECORD_NAME, ExtrasOff, open_extras
from polybot.config.load import LoadedConfig, load
from polybot.errors import ConfigError, Unavailable
from polybot.exchange.wallet_addresses import deposit_wallet
from tests.chain_stand_in import ADDRESS, PRIVATE_KEY


def configured(directory: Path, runtime_dir: Path, **settings: str) -> LoadedConfig:
    config = directory / "polybot.toml"
    config.touch()
    environ = {
        "POLYBOT_CONFIG": str(config),
        "POLYBOT_STATE_DIR": str(directory / "state"),
        "POLYBOT_RUNTIME_DIR": str(runtime_dir),
        "POLYBOT__MODE": "live",
        "POLYBOT__EXTRAS__ENABLED": "true",
        "POLYBOT__EXTRAS__PYTHON": str(directory / "client"),
        "POLYBOT__WALLET__PRIVATE_KEY": PRIVATE_KEY,
        **{f"POLYBOT__{key.upper()}": value for key, value in settings.items()},
    }
    return load(environ, lenient=True)


def client(directory: Path) -> None:
    path = directory / "client"
    result = json.dumps({"ok": True, "result": {}})
    path.write_text(f"#!/bin/sh\ncat > {directory}/asked.json\necho '{result}'\n")
    path.chmod(0o755)


@pytest.mark.parametrize("mode", ["synthetic", "replay", "paper"])
def test_where_nothing_real_is_traded_they_are_off(
    tmp_path: Path, runtime_dir: Path, mode: str
) -> None:
    with pytest.raises(ExtrasOff, match=f"expected mode live, was {mode}"):
        open_extras(configured(tmp_path, runtime_dir, mode=mode))


def test_in_production_the_client_finds_the_exchange_itself(
    tmp_path: Path, runtime_dir: Path
) -> None:
    client(tmp_path)
    open_extras(configured(tmp_path, runtime_dir)).run("status")
    told = json.loads((tmp_path / "asked.json").read_text())
    assert told["loopback_only"] is False
    assert told["urls"]["clob_url"] == "https://clob.polymarket.com"
    assert told["urls"]["rpc_url"] == ""
    assert (told["wallet"], told["wallet_type"], told["chain_id"]) == (ADDRESS, "EOA", 137)
    assert (told["credentials"], told["relayer_key"]) == (None, None)


def test_a_deposit_wallet_goes_with_its_relayer_key(tmp_path: Path, runtime_dir: Path) -> None:
    client(tmp_path)
    wallet = deposit_wallet(ADDRESS)
    loaded = configured(
        tmp_path,
        runtime_dir,
        wallet__funder=wallet.lower(),
        wallet__signature_type="3",
        extras__relayer_key="relayer-key",
    )
    open_extras(loaded).run("status")
    told = json.loads((tmp_path / "asked.json").read_text())
    assert (told["wallet"].lower(), told["wallet_type"]) == (wallet.lower(), "DEPOSIT_WALLET")
    assert told["relayer_key"] == {"key": "relayer-key", "address": ADDRESS}


def test_a_key_that_is_none_is_a_configuration_error(tmp_path: Path, runtime_dir: Path) -> None:
    client(tmp_path)
    loaded = configured(tmp_path, runtime_dir, wallet__private_key="0x12")
    with pytest.raises(ConfigError, match="expected the private key"):
        open_extras(loaded).run("status")
    assert not (tmp_path / "asked.json").exists()


def test_a_failure_is_in_the_record(tmp_path: Path, runtime_dir: Path) -> None:
    (tmp_path / "client").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "client").chmod(0o755)
    with pytest.raises(Unavailable):
        open_extras(configured(tmp_path, runtime_dir)).run("redeem", condition_id="0xc")
    path = tmp_path / "state" / "wallet" / RECORD_NAME
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["event"], line["arguments"]) for line in lines] == [
        ("asked", {"condition_id": "0xc"}),
        ("error", {"condition_id": "0xc"}),
    ]
