"""Builds one audit of the floor's account: for `polybot audit`, and for the tracker's child."""

import sys
import time
from contextlib import closing
from pathlib import Path

import msgspec

from polybot.adapters.clock import SystemClock
from polybot.adapters.official_client import AuditAccount, OfficialClient
from polybot.adapters.storage.reader import LedgerReader
from polybot.adapters.zmq_bus.endpoints import open_context
from polybot.adapters.zmq_bus.rpc_client import RpcClient
from polybot.bootstrap.account import credentials_of, open_holdings, url_of
from polybot.config.load import LoadedConfig
from polybot.config.locations import PROCESSES
from polybot.domain.audit import AuditExtent, AuditResult
from polybot.errors import BusError, PolybotError
from polybot.messages.codec import decode_body, decode_reply, encode, encode_body
from polybot.messages.commands import GetStatus
from polybot.messages.envelope import Request
from polybot.messages.lifecycle import Heartbeat
from polybot.services.audit.auditor import AuditScope, AuditSides, run_audit

ASK_TIMEOUT_S = 2.0
# An audit of the tracker's compares this many orders one by one at most.
REGULAR_ORDERS = 300
# Two sweeps of the trader, 30 s apart, and what the tracker needs to store what they found.
REGULAR_MONEY_S = 80.0
# Longer than the audit's own patience and some slow answers together.
CHILD_TIMEOUT_S = 120.0


def audit_account(
    loaded: LoadedConfig, *, complete: bool = False, most_orders: int | None = None
) -> AuditResult:
    """Compare our books with the exchange's production routes; what fails becomes its `error`.

    Begins where the last audit agreed, unless it is to be `complete`. `most_orders` limits what is
    compared one by one; cash and positions follow from everything.
    """
    try:
        reader = LedgerReader.open(loaded.locations.ledger_path)
        with closing(reader), closing(_client(loaded)) as client:
            sides = _sides(loaded, reader, client)
            since = None if complete else reader.audit_point()
            scope = AuditScope(
                extent=AuditExtent(since=since, most=most_orders),
                # Nobody waits for a regular one, and it must not cry over a deposit.
                money_s=0.0 if most_orders is None else REGULAR_MONEY_S,
            )
            return run_audit(sides, scope)
    except PolybotError as error:
        return AuditResult((), 0, 0, 0, error=str(error))


def child_command() -> tuple[str, ...]:
    """Return the command line of a regular audit, which inherits this process's environment."""
    return (sys.executable, "-m", "polybot.cli.audit_child", str(REGULAR_ORDERS))


def _client(loaded: LoadedConfig) -> OfficialClient:
    exchange = loaded.config.exchange
    return OfficialClient(
        url_of(loaded, "clob_url"),
        _account(loaded),
        chain_id=exchange.chain_id,
        timeout_s=exchange.timeout_s,
    )


def _sides(loaded: LoadedConfig, reader: LedgerReader, client: OfficialClient) -> AuditSides:
    return AuditSides(
        books=reader,
        exchange=client,
        holdings=open_holdings(loaded),
        newest_seqs=lambda: newest_seqs(loaded.locations.runtime_dir),
        clock=SystemClock(),
        pause=time.sleep,
    )


def _account(loaded: LoadedConfig) -> AuditAccount:
    known = credentials_of(loaded)
    return AuditAccount(
        address=known.address,
        funder=known.funder,
        signature_type=known.signature_type,
        api_key=known.api.api_key,
        secret=known.api.secret,
        passphrase=known.api.passphrase,
    )


def newest_seqs(runtime_dir: Path) -> dict[str, int]:
    """Return the seq of the newest durable event of each process that runs and answers."""
    context = open_context()
    client = RpcClient(context, runtime_dir)
    question = encode(
        Request(id="audit", type=GetStatus.__name__, sender="audit", body=encode_body(GetStatus()))
    )
    found: dict[str, int] = {}
    try:
        for process in PROCESSES:
            beat = _status(client, process, question)
            if beat is not None:
                found[process] = beat.last_seq
    finally:
        context.destroy(linger=0)
    return found


def _status(client: RpcClient, process: str, question: bytes) -> Heartbeat | None:
    if not client.is_running(process):
        return None
    try:
        reply = decode_reply(client.request(process, question, ASK_TIMEOUT_S))
    except BusError:
        # It is starting or stopping: what it says next belongs to a later audit.
        return None
    answer: msgspec.Struct | None = None if reply.error else decode_body(reply.type, reply.body)
    return answer if isinstance(answer, Heartbeat) else None
