"""What the tracker's checkpoint says: how far the database had got, so that a lost one shows."""

import msgspec

from polybot.errors import CheckpointError

SCHEMA = 1


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The tracker's state as a checkpoint holds it: stored seqs by source.

    Everything else the tracker knows is in the database.
    """

    stored: dict[str, int]


class Restored(msgspec.Struct, frozen=True):
    """What a start begins with."""

    stored: dict[str, int] = msgspec.field(default_factory=dict)
    checkpoint_seq: int = 0


def restore(checkpoint_seq: int, checkpoint: bytes | None) -> Restored:
    """Read a checkpoint; raises CheckpointError."""
    if checkpoint is None:
        return Restored()
    try:
        snapshot = msgspec.json.decode(checkpoint, type=Snapshot)
    except msgspec.MsgspecError as error:
        message = f"expected a tracker checkpoint at {checkpoint_seq}, was unreadable: {error}"
        raise CheckpointError(message) from error
    return Restored(snapshot.stored, checkpoint_seq)


def lost_events(remembered: dict[str, int], stored: dict[str, int]) -> dict[str, str]:
    """Return a sentence for each source of which the database holds less than it once did."""
    return {
        source: (
            f"expected events of {source} up to {seq} in the database, was {stored.get(source, 0)}"
            ": it was replaced"
        )
        for source, seq in sorted(remembered.items())
        if stored.get(source, 0) < seq
    }
