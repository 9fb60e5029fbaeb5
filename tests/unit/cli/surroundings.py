"""What the doctor's checks ask, answered as a test says; all is well unless told otherwise."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from polybot.adapters.exchange_probe import Place
from polybot.adapters.wallet_probe import Holding
from polybot.cli.account import Account
from polybot.domain.redemption import Unredeemed
from polybot.exchange.l2_auth import ApiCredentials
from polybot.exchange.signing import OrderSigner
from polybot.ports import CatalogAnswer
from tests.story import market_at

KEY = "0x" + "22" * 32
CREDENTIALS = ApiCredentials(api_key="k1", secret="c2VjcmV0", passphrase="p")
RICH = Holding(balance_usdc=1_000_000_000, allowance_usdc=10**18)


def account(**changes: Any) -> Account:
    """Return a key that holds its own funds, with credentials."""
    key = OrderSigner(KEY)
    values: dict[str, Any] = {"key": key, "funder": key.address, "credentials": CREDENTIALS}
    return Account(**(values | changes))


class FakeSurroundings:
    """Answers every question; an answer that is an exception is raised."""

    def __init__(self, **answers: Any) -> None:
        self.asked: list[str] = []
        self._answers: dict[str, Any] = {
            "version": 2,
            "skew_s": 0.2,
            "place": Place(blocked=False, country="IE"),
            "listed": (CatalogAnswer(market_at().slug, market_at()),),
            "fees": (Decimal("0.07"), Decimal(1)),
            "api_keys": ("k1",),
            "is_closed_only": False,
            "holding": RICH,
            "reserved_usdc": 0,
            "gas_wei": 10**18,
            "first_frame_s": 0.1,
            "unredeemed": (),
        } | answers

    def _answer(self, name: str) -> Any:
        self.asked.append(name)
        answer = self._answers[name]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def version(self) -> int:
        return int(self._answer("version"))

    def skew_s(self) -> float:
        return float(self._answer("skew_s"))

    def place(self) -> Place:
        found: Place = self._answer("place")
        return found

    def listed(self) -> Sequence[CatalogAnswer]:
        found: Sequence[CatalogAnswer] = self._answer("listed")
        return found

    def fees(self, condition_id: str) -> tuple[Decimal, Decimal]:
        del condition_id
        found: tuple[Decimal, Decimal] = self._answer("fees")
        return found

    def api_keys(self) -> Sequence[str]:
        found: Sequence[str] = self._answer("api_keys")
        return found

    def is_closed_only(self) -> bool:
        return bool(self._answer("is_closed_only"))

    def holding(self) -> Holding:
        found: Holding = self._answer("holding")
        return found

    def reserved_usdc(self) -> int:
        return int(self._answer("reserved_usdc"))

    def gas_wei(self) -> int:
        return int(self._answer("gas_wei"))

    def first_frame_s(self, feed: str) -> float:
        del feed
        return float(self._answer("first_frame_s"))

    def unredeemed(self) -> Sequence[Unredeemed]:
        found: Sequence[Unredeemed] = self._answer("unredeemed")
        return found
