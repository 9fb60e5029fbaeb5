"""The lock of a wallet: one trader trades it on this machine, whatever its directories."""

from typing import Protocol

import msgspec


class WalletHolder(msgspec.Struct, frozen=True, kw_only=True):
    """The process that holds a wallet, as far as it can be known; `pid` 0 and "" are unknown."""

    pid: int = 0
    user_id: int = -1
    mode: str = ""
    state_dir: str = ""
    runtime_dir: str = ""

    def describe(self) -> str:
        """Return who it is in a few words."""
        known = [
            f"process {self.pid}" if self.pid else "a process of another namespace",
            f"user {self.user_id}" if self.user_id >= 0 else "",
            f"{self.mode} mode" if self.mode else "",
            f"state {self.state_dir}" if self.state_dir else "",
            f"sockets {self.runtime_dir}" if self.runtime_dir else "",
        ]
        return ", ".join(part for part in known if part)


class WalletLock(Protocol):
    """A wallet that is held; the kernel lets go of it when the process ends, however it ends."""

    def release(self) -> None:
        """Let go of the wallet."""
