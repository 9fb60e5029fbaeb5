"""Where an arming is kept, as the trader sees it."""

from typing import Protocol

from polybot.domain.arming import Arming


class ArmingStore(Protocol):
    """Holds the newest arming; whoever arms or disarms writes it, the trader only reads."""

    def read(self) -> Arming | None:
        """Return the arming, None when there is none; raises StorageError when unreadable."""
