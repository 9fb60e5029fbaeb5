"""How the tracker's events about the wallet's activity become rows, each once."""

from peewee import SqliteDatabase

from polybot.adapters.storage import models
from polybot.domain.activity import ActivityKind
from polybot.messages.envelope import Envelope
from polybot.messages.tracking import ExternalFlowSeen, WindowRedeemed


def window_redeemed(database: SqliteDatabase, _: Envelope, event: WindowRedeemed) -> None:
    """Keep that winners were paid out."""
    models.ActivityRow.insert(
        key=event.key,
        kind=ActivityKind.REDEEM.value,
        slug=event.slug,
        condition_id=event.condition_id,
        token_id=event.token_id,
        amount_usdc=event.amount_usdc,
        stated_usdc=event.amount_usdc,
        set_shares=0,
        transaction_hash=event.transaction_hash,
        at_ns=event.redeemed_ns,
    ).on_conflict_ignore().execute(database)


def external_flow_seen(database: SqliteDatabase, _: Envelope, event: ExternalFlowSeen) -> None:
    """Keep a flow that the exchange names."""
    models.ActivityRow.insert(
        key=event.key,
        kind=event.kind,
        slug=event.slug,
        condition_id=event.condition_id,
        token_id="",
        amount_usdc=event.amount_usdc,
        stated_usdc=event.stated_usdc,
        set_shares=event.set_shares,
        transaction_hash=event.transaction_hash,
        at_ns=event.at_ns,
    ).on_conflict_ignore().execute(database)
