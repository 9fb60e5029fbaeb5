"""Wallet set-up, redeem, split and merge through the exchange's own client, in its own Python.

Run by polybot, never by hand: one JSON request on the standard input, JSON lines on the standard
output. The private key comes with the request, so that it is in no argument and no environment.
Before anything is sent that cannot be taken back a line {"event": "sending"} is written; the last
line is {"ok": true, "result": {...}} or {"ok": false, "error": {...}}.
"""

import dataclasses
import json
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "::1", "localhost")
# Nothing listens here: where a test forgets a host, the client must not find the real one.
NOWHERE = "http://127.0.0.1:9"

Request = dict[str, Any]


class BadRequest(Exception):
    """The request cannot be carried out as it is; nothing was sent."""


def tell(line: dict[str, Any]) -> None:
    """Write one line, at once: whoever reads it may have to act on it after a crash."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def environment_of(request: Request) -> Any:
    """Return where the client finds its services: production, or what the request names."""
    from polymarket._internal.environment import (  # noqa: PLC0415
        PRODUCTION_CONFIG,
        create_environment,
    )

    fields = [f.name for f in dataclasses.fields(PRODUCTION_CONFIG) if f.name.endswith("_url")]
    named = {name: url for name, url in request["urls"].items() if url}
    unknown = sorted(set(named) - set(fields))
    if unknown:
        raise BadRequest(f"expected services of the client, was {', '.join(unknown)}")
    changes: dict[str, Any] = dict(named)
    if request["loopback_only"]:
        changes = {name: named.get(name, NOWHERE) for name in fields}
        # Two tenths of a second between looks: nobody waits for a block there.
        changes |= {"relayer_poll_frequency_ms": 200}
    config = dataclasses.replace(PRODUCTION_CONFIG, chain_id=request["chain_id"], **changes)
    if request["loopback_only"]:
        for name in fields:
            host = urlsplit(getattr(config, name)).hostname
            if host not in LOOPBACK:
                raise BadRequest(f"expected every service on loopback, was {name} on {host}")
    return create_environment(name="polybot", config=config)


def open_client(request: Request, *, ready: bool) -> Any:
    """Return the client of the request's wallet.

    With `ready`, a deposit wallet that is not there yet is deployed; that is the client's own way.
    """
    from polymarket import SecureClient  # noqa: PLC0415
    from polymarket.auth import RelayerApiKey  # noqa: PLC0415
    from polymarket.models.clob.api_key import ApiKeyCreds  # noqa: PLC0415

    known = request.get("credentials")
    relayer = request.get("relayer_key")
    arguments = {
        "private_key": request["private_key"],
        "wallet": request["wallet"],
        "environment": environment_of(request),
        "credentials": ApiKeyCreds(**known) if known else None,
        "api_key": RelayerApiKey(**relayer) if relayer else None,
    }
    client = SecureClient.create(**arguments) if ready else SecureClient._create(**arguments)  # noqa: SLF001
    if str(client.wallet).lower() != str(request["wallet"]).lower():
        raise BadRequest(f"expected wallet {request['wallet']}, was {client.wallet}")
    expected = request["wallet_type"]
    if client.wallet_type != expected:
        # The client takes an address it does not know for a deposit wallet: a typing error too.
        raise BadRequest(f"expected a wallet of type {expected}, was {client.wallet_type}")
    return client


def is_deployed(client: Any) -> bool:
    """Ask the relayer whether the wallet is on the chain; a key's own address always is."""
    from polymarket._internal.actions.relayer.deployed import (  # noqa: PLC0415
        fetch_deployed_sync,
    )
    from polymarket.models.clob.relayer import RelayerTransactionType  # noqa: PLC0415

    if client.wallet_type == "EOA":
        return True
    kinds = {
        "DEPOSIT_WALLET": RelayerTransactionType.WALLET,
        "POLY_PROXY": RelayerTransactionType.PROXY,
        "GNOSIS_SAFE": RelayerTransactionType.SAFE,
    }
    relayer = client._ctx.relayer  # noqa: SLF001
    kind = kinds[client.wallet_type]
    return bool(fetch_deployed_sync(relayer, address=str(client.wallet), type=kind))


def missing_approvals(client: Any) -> dict[str, Any]:
    """Ask the chain itself which contracts may not yet move the wallet's money and shares."""
    from polymarket._internal.actions.relayer.approvals import (  # noqa: PLC0415
        get_trading_approvals_state_sync,
    )

    ctx = client._ctx  # noqa: SLF001
    state = get_trading_approvals_state_sync(
        ctx.rpc, wallet=ctx.wallet, config=ctx.environment_config
    )
    return {
        "money": [str(approval.spender) for approval in state.missing.erc20],
        "shares": [str(approval.operator) for approval in state.missing.erc1155],
    }


def status(request: Request) -> dict[str, Any]:
    """Tell wallet, deployment and what is not approved; changes nothing."""
    client = open_client(request, ready=False)
    try:
        return {
            "wallet": str(client.wallet),
            "signer": str(client.signer),
            "wallet_type": client.wallet_type,
            "deployed": is_deployed(client),
            "missing_approvals": missing_approvals(client),
        }
    finally:
        client.close()


def deploy(request: Request) -> dict[str, Any]:
    """Deploy the deposit wallet, unless it is there."""
    client = open_client(request, ready=False)
    try:
        already = is_deployed(client)
    finally:
        client.close()
    if not already:
        tell({"event": "sending", "what": "deploy"})
        open_client(request, ready=True).close()
    return {"wallet": request["wallet"], "deployed": True, "already": already}


def approve(request: Request) -> dict[str, Any]:
    """Let the exchange's contracts move the wallet's money and shares, where they may not yet."""
    client = open_client(request, ready=False)
    try:
        if not is_deployed(client):
            raise BadRequest("expected a wallet on the chain, was none: deploy it first")
        missing = missing_approvals(client)
        if missing["money"] or missing["shares"]:
            tell({"event": "sending", "what": "approve"})
            client.setup_trading_approvals()
        return {"approved": missing, "missing_approvals": missing_approvals(client)}
    finally:
        client.close()


def redeem(request: Request) -> dict[str, Any]:
    """Turn a resolved market's winners into money."""
    condition_id = request["arguments"]["condition_id"]
    return transact(request, lambda client: client.redeem_positions(condition_id=condition_id))


def split(request: Request) -> dict[str, Any]:
    """Turn dollars into as many shares of either outcome."""
    arguments = request["arguments"]
    return transact(
        request,
        lambda client: client.split_position(
            condition_id=arguments["condition_id"], amount=arguments["amount"]
        ),
    )


def merge(request: Request) -> dict[str, Any]:
    """Turn pairs of shares back into dollars."""
    arguments = request["arguments"]
    return transact(
        request,
        lambda client: client.merge_positions(
            condition_id=arguments["condition_id"], amount=arguments["amount"]
        ),
    )


def transact(request: Request, send: Callable[[Any], Any]) -> dict[str, Any]:
    """Send one transaction once, tell its id, and wait until it is final."""
    client = open_client(request, ready=False)
    try:
        if not is_deployed(client):
            raise BadRequest("expected a wallet on the chain, was none: deploy it first")
        tell({"event": "sending", "what": request["command"]})
        handle = send(client)
        sent = {
            "transaction_id": handle.transaction_id,
            "transaction_hash": handle.transaction_hash and str(handle.transaction_hash),
        }
        tell({"event": "sent", **sent})
        outcome = handle.wait()
        return {**sent, "transaction_hash": str(outcome.transaction_hash)}
    finally:
        client.close()


COMMANDS: dict[str, Callable[[Request], dict[str, Any]]] = {
    "status": status,
    "deploy": deploy,
    "approve": approve,
    "redeem": redeem,
    "split": split,
    "merge": merge,
}


def kind_of(error: BaseException) -> str:
    """Name an error in the few words polybot knows."""
    from polymarket import errors  # noqa: PLC0415

    kinds: tuple[tuple[type[BaseException], str], ...] = (
        (BadRequest, "bad_input"),
        (errors.UserInputError, "bad_input"),
        (errors.SigningError, "bad_input"),
        (errors.TransactionFailedError, "failed"),
        (errors.RateLimitError, "rate_limited"),
        (errors.RequestRejectedError, "rejected"),
        (errors.TransportError, "unreachable"),
        (errors.TimeoutError, "timeout"),
        (errors.PolymarketError, "unexpected"),
    )
    return next((kind for known, kind in kinds if isinstance(error, known)), "internal")


def main() -> int:
    """Carry out the request of the standard input.

    An error that is not expected here ends the program without a last line, which the caller takes
    for what it is: nobody knows what became of what was being sent.
    """
    from polymarket.errors import PolymarketError  # noqa: PLC0415

    request: Request = json.load(sys.stdin)
    try:
        result = COMMANDS[request["command"]](request)
    except (BadRequest, PolymarketError, LookupError, OSError, TypeError, ValueError) as error:
        text = str(error) or type(error).__name__
        cause = error.__cause__
        if cause is not None:
            text = f"{text} ({type(cause).__name__}: {cause})"
        key = request["private_key"]
        text = text.replace(key, "...").replace(key.removeprefix("0x"), "...")
        told = {"kind": kind_of(error), "type": type(error).__name__, "message": text}
        tell({"ok": False, "error": told | {"status": getattr(error, "status", None)}})
        return 1
    tell({"ok": True, "result": result})
    return 0


if __name__ == "__main__":
    sys.exit(main())
