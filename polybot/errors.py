"""Every error polybot raises on purpose, under one root.

PolybotError
├── ConfigError              the configuration cannot be used; exit 78 (daemon) or 4 (command)
├── DomainError              a value or a transition the rules do not allow
│   ├── InvalidValue         a number, slug or name outside its range
│   └── InvalidTransition    a state machine was given a trigger its table does not have
├── ProtocolError            bytes from the bus or a stream that do not follow their contract
│   └── MarketRefused        a market as the exchange lists it, which must not be traded
├── ExchangeError            what the exchange (or the way to it) answered
│   ├── Rejected             a definite no: the order does not exist there
│   ├── RateLimited          a definite no, to be asked again later
│   ├── Unavailable          the exchange says it is not taking this request now; nothing was done
│   ├── NotFound             the exchange does not know what was asked for
│   ├── Unauthorized         credentials or signature were refused
│   └── OutcomeUnknown       no readable answer: the request may or may not have been carried out
├── RecordingError           a recordings directory or one of its files cannot be read
├── StorageError             a file or the database cannot be written or read
│   ├── JournalError         a journal is damaged in a way recovery must not hide
│   ├── CheckpointError      no usable checkpoint where one is required
│   ├── DatabaseDamaged      the database's file is not what was written; it can be rebuilt
│   └── DiskFull             no space left; nothing durable was lost
├── BusError                 a socket path is taken, too long, or a peer did not answer in time
├── StartRefused             the process must not run beside another one; exit 78, no restart helps
└── FatalError               the process cannot do its job; leave it to the service manager
"""

from __future__ import annotations

from enum import Enum


class Action(Enum):
    """What an error of the exchange asks of whoever made the request.

    DROP a normal outcome: nothing to mend. RETRY_LATER nothing was done, ask again after a while.
    REFRESH_MARKET, REFRESH_BALANCE, REFRESH_LOGIN what we know of the market, of our funds, or
    clock and credentials, is old. EXITS_ONLY the account may only sell and cancel. STOP nothing
    mends it but a person. LOOK_UP nobody knows what was done: ask for its traces, never repeat it.
    """

    DROP = "drop"
    RETRY_LATER = "retry_later"
    REFRESH_MARKET = "refresh_market"
    REFRESH_BALANCE = "refresh_balance"
    REFRESH_LOGIN = "refresh_login"
    EXITS_ONLY = "exits_only"
    STOP = "stop"
    LOOK_UP = "look_up"


class PolybotError(Exception):
    """Root of every error polybot raises on purpose."""


class ConfigError(PolybotError):
    """Carry every problem found in the configuration at once, one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class DomainError(PolybotError):
    """A rule of the domain was violated."""


class InvalidValue(DomainError):
    """A value is outside the range its type allows."""


class InvalidTransition(DomainError):
    """A state machine has no row for this state and trigger."""


class ProtocolError(PolybotError):
    """Bytes do not follow the contract they arrived under."""


class MarketRefused(ProtocolError):
    """A market must not be traded; `code` says why in one stable word."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class ExchangeError(PolybotError):
    """The exchange answered something other than success.

    `status` is the HTTP status code, or None when there was no answer. `action` is what to do
    about it; `retry_after_s` the exchange's own wish in seconds, 0 when unsaid.
    """

    usual_action = Action.DROP

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str = "",
        action: Action | None = None,
        retry_after_s: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.action = self.usual_action if action is None else action
        self.retry_after_s = retry_after_s


class Rejected(ExchangeError):
    """The exchange refused the request; it left no trace there."""


class RateLimited(ExchangeError):
    """The exchange, or our own limit that keeps us below its, asks for fewer requests."""

    usual_action = Action.RETRY_LATER

    def __init__(
        self, message: str, *, status: int | None = 429, retry_after_s: float = 0.0
    ) -> None:
        super().__init__(message, status=status, code="rate_limited", retry_after_s=retry_after_s)


class Unavailable(ExchangeError):
    """The exchange is restarting, cancel-only, post-only or disabled; nothing was done."""

    usual_action = Action.RETRY_LATER


class NotFound(ExchangeError):
    """The exchange does not know the market, order or token."""


class Unauthorized(ExchangeError):
    """The exchange refused the credentials or the signature."""

    usual_action = Action.REFRESH_LOGIN


class OutcomeUnknown(ExchangeError):
    """No readable answer came back: the request may have been carried out."""

    usual_action = Action.LOOK_UP


class RecordingError(PolybotError):
    """A recording is missing, damaged or not in the documented shape."""


class StorageError(PolybotError):
    """A file or the database could not be read or written."""


class JournalError(StorageError):
    """A journal holds a changed record or a hole."""


class CheckpointError(StorageError):
    """No usable checkpoint was found where one is required."""


class DatabaseDamaged(StorageError):
    """The database's file is no whole database any more."""


class DiskFull(StorageError):
    """The disk holding the state directory is full."""


class BusError(PolybotError):
    """A bus socket could not be used, or a peer did not answer in time."""


class StartRefused(PolybotError):
    """A process must not start while another one runs: starting it again would not help."""


class FatalError(PolybotError):
    """The process cannot do its job and must be restarted or looked at by a person."""
