"""Commands and queries of the rpc sockets: imperative, with an id, answered once."""

import msgspec


class StopEntries(msgspec.Struct, frozen=True, kw_only=True):
    """Go REDUCING for a source: nothing that raises the worst-case loss."""

    source: str
    reason: str


class HaltTrading(msgspec.Struct, frozen=True, kw_only=True):
    """Go HALTED for a source: cancels only; ends only by ResumeTrading."""

    source: str
    reason: str


class ResumeTrading(msgspec.Struct, frozen=True, kw_only=True):
    """Take a source's claims back; an operator's resume names the source "operator"."""

    source: str
    reason: str


class CheckArming(msgspec.Struct, frozen=True, kw_only=True):
    """Look at the arming now: it was just given or taken back; answered with Done."""


class GetStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Ask a process for its status; answered with a Heartbeat."""


class GetVerdicts(msgspec.Struct, frozen=True, kw_only=True):
    """Ask the watchdog what it thinks of every process; answered with Verdicts."""


class ProcessVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The watchdog's verdict of one process; `heartbeat_age_s` is -1 when none was heard."""

    name: str
    pid: int
    verdict: str
    heartbeat_age_s: float
    status: str


class Verdicts(msgspec.Struct, frozen=True, kw_only=True):
    """The watchdog's verdicts, one per process of the floor, and its open alerts."""

    processes: tuple[ProcessVerdict, ...]
    alerts: tuple[str, ...] = ()


class Witness(msgspec.Struct, frozen=True, kw_only=True):
    """An event that was heard of a source: only the journal that was heard holds it.

    `hash` is the hash of the event's bytes (blake2b-128, hex).
    """

    seq: int
    hash: str


class ReplayFrom(msgspec.Struct, frozen=True, kw_only=True):
    """Ask for durable events from `seq` on, at most `limit` of them.

    They come only from the journal that holds the witness, if one is named.
    """

    seq: int
    limit: int = 500
    witness: Witness | None = None


class ReplayBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch of journaled envelopes in order, as JSON texts.

    `last_seq` is the newest durable seq there is, so the asker knows whether to ask again;
    `first_kept` the oldest that is still kept. `session` is the life that answers. With `fits`
    False the asker's witness is not in this journal, and there are no records.
    """

    records: tuple[str, ...]
    last_seq: int
    first_kept: int
    session: str
    fits: bool = True


class Acknowledge(msgspec.Struct, frozen=True, kw_only=True):
    """Say that `sender` stored every durable event up to `seq` and will not ask for it again."""

    sender: str
    seq: int


class CancelOrders(msgspec.Struct, frozen=True, kw_only=True):
    """Cancel the trader's own resting orders, of one agent or series or all ("" for all).

    Carried out once for each `command_id`; answered with OrdersCanceling.
    """

    command_id: str
    source: str
    reason: str
    agent: str = ""
    series: str = ""


class OrdersCanceling(msgspec.Struct, frozen=True, kw_only=True):
    """The cancels are journaled and on their way: the exchange's answers come later."""

    order_ids: tuple[str, ...]


class FlattenPositions(msgspec.Struct, frozen=True, kw_only=True):
    """Go REDUCING, cancel what rests and sell what is held, of one agent or all ("" for all).

    Sells at `min_price_bps` or better, until nothing is left or the windows close. Carried out once
    for each `command_id`; answered with Done.
    """

    command_id: str
    source: str
    reason: str
    agent: str = ""
    min_price_bps: int = 1


class AdoptOrders(msgspec.Struct, frozen=True, kw_only=True):
    """Take foreign orders of the wallet into the books as external; () for all that wait.

    The beginning of an id is enough. Ends the halt they made. Carried out once for each
    `command_id`; answered with OrdersAdopted.
    """

    command_id: str
    source: str
    reason: str
    order_ids: tuple[str, ...] = ()


class OrdersAdopted(msgspec.Struct, frozen=True, kw_only=True):
    """The foreign orders that are in the books as external now; `detail` is one sentence.

    `unknown` are those asked for that no foreign order seen is: then none was adopted.
    """

    order_ids: tuple[str, ...]
    detail: str = ""
    unknown: tuple[str, ...] = ()


class GetHoldings(msgspec.Struct, frozen=True, kw_only=True):
    """Ask the trader what it holds and what of it is open; answered with Holdings."""


class HeldPosition(msgspec.Struct, frozen=True, kw_only=True):
    """Shares an agent holds of a window without an outcome.

    `cost_usdc` is what they cost, net of sales, fees included; `waits_for` says why a flatten has
    not sold them yet, "" when none runs.
    """

    agent: str
    slug: str
    outcome: str
    token_id: str
    size_shares: int
    sellable_shares: int
    cost_usdc: int
    bid_bps: int | None = None
    waits_for: str = ""


class HeldOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order of ours that may be live; `created_ns` is market time."""

    order_id: str
    agent: str
    slug: str
    outcome: str
    side: str
    order_type: str
    status: str
    purpose: str
    price_bps: int
    open_shares: int
    created_ns: int


class Holdings(msgspec.Struct, frozen=True, kw_only=True):
    """The trader's books at one moment; `flattening` are the ids of flattens under way."""

    trading_state: str
    cash_usdc: int | None
    reserved_usdc: int
    unredeemed_usdc: int
    positions: tuple[HeldPosition, ...]
    orders: tuple[HeldOrder, ...]
    flattening: tuple[str, ...] = ()


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The command was carried out; `detail` is one sentence."""

    detail: str = ""
