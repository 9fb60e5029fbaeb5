"""The ports: what a service may ask of the world; adapters and fakes both satisfy them.

Nothing here waits. A service asks (`post`, `request`), goes on with its turn, and takes the answers
in a later turn (`take`); adapters set the service's `wake` event when something is there to take.
"""

from polybot.ports.arming import ArmingStore
from polybot.ports.books import BookReply, BookSource
from polybot.ports.bus import Inbox, Outbox
from polybot.ports.catalog import (
    CatalogAnswer,
    MarketCatalog,
    NullOutcomeSource,
    OutcomeSource,
)
from polybot.ports.durable import CheckpointStore, RecordLog, Tape
from polybot.ports.learning import Analyst, Comment
from polybot.ports.preflight import Preflight
from polybot.ports.process import Notifier, Process, Service, Vitals
from polybot.ports.streams import Stream, StreamFrame
from polybot.ports.time import Clock, MarketClock, TurnClock
from polybot.ports.trading import (
    AccountSnapshot,
    CancelAnswer,
    ExchangeAccess,
    GatewayAnswer,
    HeartbeatBroken,
    OrderGateway,
    OrderLookup,
    OrderSigner,
    PostAnswer,
    SignedOrder,
    VenueFill,
    VenueOrder,
)
from polybot.ports.upstream import MarketMoment, UpstreamTime
from polybot.ports.wallet_lock import WalletHolder, WalletLock

__all__ = [
    "AccountSnapshot",
    "Analyst",
    "ArmingStore",
    "BookReply",
    "BookSource",
    "CancelAnswer",
    "CatalogAnswer",
    "CheckpointStore",
    "Clock",
    "Comment",
    "ExchangeAccess",
    "GatewayAnswer",
    "HeartbeatBroken",
    "Inbox",
    "MarketCatalog",
    "MarketClock",
    "MarketMoment",
    "Notifier",
    "NullOutcomeSource",
    "OrderGateway",
    "OrderLookup",
    "OrderSigner",
    "Outbox",
    "OutcomeSource",
    "PostAnswer",
    "Preflight",
    "Process",
    "RecordLog",
    "Service",
    "SignedOrder",
    "Stream",
    "StreamFrame",
    "Tape",
    "TurnClock",
    "UpstreamTime",
    "VenueFill",
    "VenueOrder",
    "Vitals",
    "WalletHolder",
    "WalletLock",
]
