"""The envelope every bus message travels in, and every journal record is.

`session` is one life of a process; `seq` is the journal's own number for durable events (it never
goes back, over restarts too) and a per-session counter for volatile ones. Times are UTC epoch ns.
"""

import msgspec

ENVELOPE_VERSION = 1


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """Say who said what, when; `body` is the JSON of the message named by `type`.

    `ts_event` is when it happened (market time where the event belongs to a market), `ts_init`
    when the message was made (wall time).
    """

    v: int = ENVELOPE_VERSION
    type: str
    source: str
    session: str
    seq: int
    durable: bool
    ts_event: int
    ts_init: int
    correlation_id: str = ""
    body: msgspec.Raw


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Carry a command or a query to a process's rpc socket; `id` makes a repeat harmless."""

    v: int = ENVELOPE_VERSION
    id: str
    type: str
    sender: str
    body: msgspec.Raw


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """Answer a request: `error` is empty on success, `type` names the body's message."""

    v: int = ENVELOPE_VERSION
    id: str
    type: str = ""
    error: str = ""
    body: msgspec.Raw = msgspec.Raw(b"null")
