"""`polybot wallet`: off until it is turned on; asks before it acts; says what is missing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from polybot.bootstrap.extras import RECORD_NAME
from tests.chain_stand_in import PRIVATE_KEY
from tests.unit.cli.conftest import Command

WALLET = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
STATUS = {
    "wallet": WALLET,
    "signer": WALLET,
    "wallet_type": "EOA",
    "deployed": True,
    "missing_approvals": {"money": [], "shares": []},
}

Answer = Callable[..., None]


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state_dir: Path) -> Answer:
    """Turn the extras on, with a client that says what a test wants instead of the real one."""
    script = tmp_path / "client"
    monkeypatch.setenv("POLYBOT__MODE", "live")
    monkeypatch.setenv("POLYBOT__EXTRAS__ENABLED", "true")
    monkeypatch.setenv("POLYBOT__EXTRAS__PYTHON", str(script))
    monkeypatch.setenv("POLYBOT__WALLET__PRIVATE_KEY", PRIVATE_KEY)
    for name in ("CLOB", "GAMMA", "DATA", "WS_MARKET", "WS_USER"):
        scheme = "ws" if name.startswith("WS") else "http"
        monkeypatch.setenv(f"POLYBOT__EXCHANGE__{name}_URL", f"{scheme}://127.0.0.1:9")

    def say(*lines: Any) -> None:
        texts = "\n".join(f"echo '{json.dumps(line)}'" for line in lines)
        script.write_text(f"#!/bin/sh\ncat > {tmp_path}/asked.json\n{texts}\n")
        script.chmod(0o755)

    say({"ok": True, "result": STATUS})
    return say


def asked(tmp_path: Path) -> Any:
    return json.loads((tmp_path / "asked.json").read_text())


def record(state_dir: Path) -> list[Any]:
    path = state_dir / "wallet" / RECORD_NAME
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_simulated_floor_needs_none_of_it(polybot: Command) -> None:
    assert "a simulated exchange" in polybot("wallet", "status", code=6).stderr


def test_off_by_default_it_says_how_to_turn_it_on(
    polybot: Command, client: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POLYBOT__EXTRAS__ENABLED")
    error = polybot("wallet", "status", code=6).stderr
    assert "make install-live" in error
    assert "extras.enabled = true" in error


def test_a_client_that_is_not_installed_is_named(
    polybot: Command, client: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYBOT__EXTRAS__PYTHON", "/nowhere/python")
    assert "/nowhere/python" in polybot("wallet", "status", code=6).stderr


def test_status_says_that_nothing_is_missing(
    polybot: Command, client: Answer, tmp_path: Path
) -> None:
    lines = polybot("wallet", "status").stdout.splitlines()
    assert lines[-1] == "approved  yes"
    assert max(map(len, lines)) <= 60
    told = asked(tmp_path)
    assert (told["command"], told["wallet"], told["loopback_only"]) == ("status", WALLET, True)


def test_status_ends_with_an_error_while_something_is_missing(
    polybot: Command, client: Answer
) -> None:
    client({"ok": True, "result": STATUS | {"missing_approvals": {"money": ["0xa"], "shares": []}}})
    assert "missing   dollars by 0xa" in polybot("wallet", "status", code=1).stdout


@pytest.mark.parametrize("command", ["deploy", "approve"])
def test_nothing_is_done_without_a_word(
    polybot: Command, client: Answer, tmp_path: Path, command: str
) -> None:
    assert "expected --yes" in polybot("wallet", command, code=6).stderr
    assert not (tmp_path / "asked.json").exists()


def test_what_is_done_is_recorded_before_and_after(
    polybot: Command, client: Answer, state_dir: Path
) -> None:
    done = {"wallet": WALLET, "deployed": True, "already": False}
    client({"event": "sending", "what": "deploy"}, {"ok": True, "result": done})
    assert "is deployed" in polybot("wallet", "deploy", "--yes").stdout
    assert [line["event"] for line in record(state_dir)] == ["asked", "sending", "done"]
    assert PRIVATE_KEY.removeprefix("0x") not in json.dumps(record(state_dir))


def test_an_unknown_outcome_is_a_timeout_and_recorded(
    polybot: Command, client: Answer, state_dir: Path
) -> None:
    client({"event": "sending", "what": "approve"})
    assert "may have been carried out" in polybot("wallet", "approve", "--yes", code=5).stderr
    assert record(state_dir)[-1]["error"] == "OutcomeUnknown"


def test_approve_tells_how_much_and_what_is_still_missing(polybot: Command, client: Answer) -> None:
    approved = {"money": ["0xa"], "shares": ["0xb"]}
    result = {"approved": approved, "missing_approvals": {"money": [], "shares": ["0xb"]}}
    client({"ok": True, "result": result})
    output = polybot("wallet", "approve", "--yes").stdout
    assert "approved 2 contracts" in output
    assert "still missing" in output


def test_a_wallet_that_is_not_the_key_s_is_refused_before_the_client_is_asked(
    polybot: Command, client: Answer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYBOT__WALLET__FUNDER", "0x" + "12" * 20)
    monkeypatch.setenv("POLYBOT__WALLET__SIGNATURE_TYPE", "3")
    assert (
        "wallet.funder: expected a wallet of signature type 3"
        in polybot("wallet", "status", code=4).stderr
    )
    assert not (tmp_path / "asked.json").exists()
