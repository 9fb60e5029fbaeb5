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


class ReplayFrom(msgspec.Struct, frozen=True, kw_only=True):
    """Ask for durable events from `seq` on, at most `limit` of them."""

    seq: int
    limit: int = 500


class ReplayBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch of journaled envelopes in order, as JSON texts.

    `last_seq` is the newest durable seq there is, so the asker knows whether to ask again;
    `first_kept` the oldest that is still kept.
    """

    records: tuple[str, ...]
    last_seq: int
    first_kept: int


class Acknowledge(msgspec.Struct, frozen=True, kw_only=True):
    """Say that `sender` stored every durable event up to `seq` and will not ask for it again."""

    sender: str
    seq: int


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The command was carried out; `detail` is one sentence."""

    detail: str = ""
