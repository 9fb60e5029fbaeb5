"""The program of the live extras, run by the exchange's real client against a chain on loopback."""

import threading
from pathlib import Path
from typing import Any

import pytest

from polybot.adapters.live_extras import ExtrasRequest, LiveExtras
from polybot.errors import InvalidValue, OutcomeUnknown, Rejected
from polybot.exchange.wallet_addresses import deposit_wallet, proxy_wallet, safe_wallet
from tests.chain_stand_in import (
    ADDRESS,
    API_KEY,
    CONDITION,
    PRIVATE_KEY,
    ChainStandIn,
    extras_python,
)

WALLETS = {
    "EOA": ADDRESS,
    "DEPOSIT_WALLET": deposit_wallet(ADDRESS),
    "POLY_PROXY": proxy_wallet(ADDRESS),
    "GNOSIS_SAFE": safe_wallet(ADDRESS),
}
HASH = "0x" + "cd" * 32
URLS = ("clob_url", "gamma_url", "data_url", "relayer_url", "rpc_url")

pytestmark = pytest.mark.skipif(
    extras_python() is None, reason="the exchange's client is not installed: make install-live"
)


def request(
    chain: ChainStandIn, command: str, kind: str = "EOA", **arguments: Any
) -> ExtrasRequest:
    return ExtrasRequest(
        command=command,
        private_key=PRIVATE_KEY,
        wallet=WALLETS[kind],
        wallet_type=kind,
        chain_id=137,
        urls=dict.fromkeys(URLS, chain.url),
        loopback_only=True,
        arguments=arguments,
        credentials={"apiKey": API_KEY, "secret": "c2VjcmV0", "passphrase": "pass"},
        relayer_key=None if kind == "EOA" else {"key": "relayer-key", "address": ADDRESS},
    )


def run(
    asked: ExtrasRequest, timeout_s: float = 60.0
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    notes: list[dict[str, Any]] = []
    extras = LiveExtras(extras_python() or Path(), timeout_s)
    return extras.run(asked, notes.append), notes


@pytest.mark.parametrize("kind", WALLETS)
def test_status_tells_every_kind_of_wallet_and_sends_nothing(kind: str) -> None:
    with ChainStandIn(approved=False) as chain:
        told, notes = run(request(chain, "status", kind))
    assert told["wallet"] == WALLETS[kind]
    assert told["wallet_type"] == kind
    assert told["deployed"] is True
    assert told["missing_approvals"]["money"]
    assert told["missing_approvals"]["shares"]
    assert (notes, chain.sent) == ([], [])


def test_looking_at_a_deposit_wallet_that_is_not_there_does_not_deploy_it() -> None:
    with ChainStandIn(deployed=False) as chain:
        told, _ = run(request(chain, "status", "DEPOSIT_WALLET"))
    assert told["deployed"] is False
    assert "/submit" not in chain.paths()


def test_deploy_asks_the_relayer_once_and_an_existing_wallet_not_at_all() -> None:
    with ChainStandIn(deployed=False) as chain:
        told, notes = run(request(chain, "deploy", "DEPOSIT_WALLET"))
        assert (told["already"], chain.sent) == (False, ["relayed"])
        assert notes == [{"event": "sending", "what": "deploy"}]
        (body,) = [body for _, path, body in chain.heard if path == "/submit"]
        assert body["type"] == "WALLET-CREATE"
        told, notes = run(request(chain, "deploy", "DEPOSIT_WALLET"))
        assert (told["already"], notes, chain.sent) == (True, [], ["relayed"])


def test_approve_sends_what_is_missing_and_looks_again() -> None:
    with ChainStandIn(approved=False) as chain:
        told, _ = run(request(chain, "approve"))
        missing = len(told["approved"]["money"]) + len(told["approved"]["shares"])
        assert len(chain.sent) == missing > 0
        assert told["missing_approvals"] == {"money": [], "shares": []}
        told, notes = run(request(chain, "approve"))
        assert (told["approved"], notes) == ({"money": [], "shares": []}, [])
        assert len(chain.sent) == missing


def test_approve_of_a_deposit_wallet_is_one_relayed_transaction() -> None:
    with ChainStandIn(approved=False) as chain:
        told, _ = run(request(chain, "approve", "DEPOSIT_WALLET"))
    assert told["missing_approvals"] == {"money": [], "shares": []}
    assert chain.sent == ["relayed"]


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("command", ["redeem", "split", "merge"])
def test_a_plain_key_sends_one_transaction_and_waits_for_its_receipt(
    command: str, version: str
) -> None:
    arguments = {} if command == "redeem" else {"amount": 2_000_000}
    with ChainStandIn(version=version) as chain:
        told, notes = run(request(chain, command, condition_id=CONDITION, **arguments))
    # Redeeming either outcome of a Protocol V2 market is a call of its own.
    sent = 2 if (command, version) == ("redeem", "v2") else 1
    assert len(chain.sent) == sent
    assert told["transaction_hash"] == f"0x{sent:064x}"
    assert [note["event"] for note in notes] == ["sending", "sent"]


@pytest.mark.parametrize(
    ("kind", "command"),
    [("DEPOSIT_WALLET", "redeem"), ("POLY_PROXY", "split"), ("GNOSIS_SAFE", "merge")],
)
def test_other_wallets_go_through_the_relayer_once(kind: str, command: str) -> None:
    arguments = {} if command == "redeem" else {"amount": 2_000_000}
    with ChainStandIn() as chain:
        told, notes = run(request(chain, command, kind, condition_id=CONDITION, **arguments))
    assert told == {"transaction_id": "tx-1", "transaction_hash": HASH}
    assert notes[-1]["transaction_id"] == "tx-1"
    assert chain.paths().count("/submit") == 1


def test_a_relayed_transaction_that_fails_is_a_no() -> None:
    with (
        ChainStandIn(relayed=["STATE_FAILED"]) as chain,
        pytest.raises(Rejected, match="the transaction failed"),
    ):
        run(request(chain, "redeem", "DEPOSIT_WALLET", condition_id=CONDITION))


def test_no_answer_to_what_was_submitted_is_unknown_not_a_no() -> None:
    with (
        ChainStandIn(hang=threading.Event()) as chain,
        pytest.raises(OutcomeUnknown, match="may have been carried out"),
    ):
        run(request(chain, "redeem", "DEPOSIT_WALLET", condition_id=CONDITION), timeout_s=6.0)
    assert chain.paths().count("/submit") == 1


def test_a_wallet_of_another_kind_than_configured_is_refused_before_anything_is_sent() -> None:
    with ChainStandIn() as chain:
        asked = request(chain, "redeem", "GNOSIS_SAFE", condition_id=CONDITION)
        wrong = ExtrasRequest(
            **{name: getattr(asked, name) for name in asked.__struct_fields__}
            | {"wallet": WALLETS["EOA"]}
        )
        with pytest.raises(InvalidValue, match="expected a wallet of type GNOSIS_SAFE, was EOA"):
            run(wrong)
    assert chain.sent == []


def test_a_service_that_is_not_on_loopback_is_refused_where_a_test_says_so() -> None:
    with ChainStandIn() as chain:
        asked = request(chain, "status")
        asked.urls["rpc_url"] = "https://polygon.example"
        with pytest.raises(InvalidValue, match="expected every service on loopback, was rpc_url"):
            run(asked)
    assert chain.heard == []


def test_a_relayer_without_its_key_is_told_as_what_is_missing() -> None:
    with ChainStandIn() as chain:
        asked = request(chain, "redeem", "DEPOSIT_WALLET", condition_id=CONDITION)
        bare = ExtrasRequest(
            **{name: getattr(asked, name) for name in asked.__struct_fields__}
            | {"relayer_key": None}
        )
        with pytest.raises(InvalidValue, match="Relayer API Key"):
            run(bare)
    assert chain.sent == []
