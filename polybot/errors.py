"""Every error polybot raises on purpose, under one root.

PolybotError
├── ConfigError              the configuration cannot be used; exit 78 (daemon) or 4 (command)
├── DomainError              a value or a transition the rules do not allow
│   ├── InvalidValue         a number, slug or name outside its range
│   └── InvalidTransition    a state machine was given a trigger its table does not have
├── ProtocolError            bytes from the bus or a stream that do not follow their contract
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
│   └── DiskFull             no space left; nothing durable was lost
├── BusError                 a socket path is taken, too long, or a peer did not answer in time
└── FatalError               the process cannot do its job; leave it to the service manager
"""

from __future__ import annotations


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


class ExchangeError(PolybotError):
    """The exchange answered something other than success.

    `status` is the HTTP status code, or None when there was no answer.
    """

    def __init__(self, message: str, *, status: int | None = None, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Rejected(ExchangeError):
    """The exchange refused the request; it left no trace there."""


class RateLimited(ExchangeError):
    """The exchange asks for fewer requests; `retry_after_s` is its own wish, 0 when unsaid."""

    def __init__(
        self, message: str, *, status: int | None = 429, retry_after_s: float = 0.0
    ) -> None:
        super().__init__(message, status=status, code="rate_limited")
        self.retry_after_s = retry_after_s


class Unavailable(ExchangeError):
    """The exchange is restarting, cancel-only, post-only or disabled; nothing was done."""


class NotFound(ExchangeError):
    """The exchange does not know the market, order or token."""


class Unauthorized(ExchangeError):
    """The exchange refused the credentials or the signature."""


class OutcomeUnknown(ExchangeError):
    """No readable answer came back: the request may have been carried out."""


class RecordingError(PolybotError):
    """A recording is missing, damaged or not in the documented shape."""


class StorageError(PolybotError):
    """A file or the database could not be read or written."""


class JournalError(StorageError):
    """A journal holds a changed record or a hole."""


class CheckpointError(StorageError):
    """No usable checkpoint was found where one is required."""


class DiskFull(StorageError):
    """The disk holding the state directory is full."""


class BusError(PolybotError):
    """A bus socket could not be used, or a peer did not answer in time."""


class FatalError(PolybotError):
    """The process cannot do its job and must be restarted or looked at by a person."""
