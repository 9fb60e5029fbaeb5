"""The exchange's dead-man switch: who began to send heartbeats and stops loses resting orders.

It runs on wall time, like the clients that send the heartbeats.
"""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from polybot.simulator.books.accounts import AccountRow
from polybot.simulator.books.records import HeartbeatsBegan, HeartbeatsEnded
from polybot.simulator.engine.engine import SimulatedExchange

NS_PER_S = 1_000_000_000
SILENCE_NS = 10 * NS_PER_S
CHECK_NS = 5 * NS_PER_S


@dataclass(slots=True)
class _Chain:
    """What is expected next of an account: its last id ("" after a restart), and since when."""

    heartbeat_id: str
    heard_ns: int
    number: int = 0


class HeartbeatWatch:
    """Follows each account's chain of heartbeat ids, and cancels for those that fall silent."""

    def __init__(self, exchange: SimulatedExchange, mono_ns: int) -> None:
        self._exchange = exchange
        self._next_check_ns = mono_ns + CHECK_NS
        # Whoever had the switch on before a restart has it on after it, from now.
        self._chains = {
            address: _Chain("", mono_ns)
            for address, account in exchange.ledger.state.accounts.items()
            if account.heartbeats
        }

    def beat(
        self, account: AccountRow, heartbeat_id: str, *, mono_ns: int, now_ns: int
    ) -> tuple[bool, str]:
        """Take a heartbeat; return whether its id was the expected one, and the id to send next.

        `now_ns` is market time, for the record of a first heartbeat.
        """
        key = account.address.lower()
        chain = self._chains.get(key)
        if chain is None:
            chain = self._chains[key] = _Chain("", mono_ns)
            self._exchange.core.emit(HeartbeatsBegan(ts_ns=now_ns, address=account.address))
        elif chain.heartbeat_id and heartbeat_id != chain.heartbeat_id:
            return False, chain.heartbeat_id
        chain.number += 1
        chain.heard_ns = mono_ns
        digest = hashlib.sha256(f"{key}:{mono_ns}:{chain.number}".encode()).digest()
        chain.heartbeat_id = str(UUID(bytes=digest[:16], version=4))
        return True, chain.heartbeat_id

    def check(self, *, mono_ns: int, now_ns: int) -> None:
        """Cancel the resting orders of accounts that have been silent too long."""
        if mono_ns < self._next_check_ns:
            return
        self._next_check_ns = mono_ns + CHECK_NS
        for address, chain in list(self._chains.items()):
            if mono_ns - chain.heard_ns > SILENCE_NS:
                del self._chains[address]
                self._exchange.core.emit(HeartbeatsEnded(ts_ns=now_ns, address=address))
