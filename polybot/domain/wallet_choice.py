"""Which of a key's wallets a person means: the one that holds the money."""

from collections.abc import Callable, Sequence

import msgspec


class WalletOption(msgspec.Struct, frozen=True, kw_only=True):
    """One wallet a key may own: its kind, its address, and what the exchange sees there."""

    signature_type: int
    address: str
    balance_usdc: int = 0


class WalletChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The wallet taken, and why in a few words; `is_certain` is False for a guess."""

    option: WalletOption
    why: str
    is_certain: bool


# Says whether a wallet's contract exists; None when nobody can tell.
Exists = Callable[[str], bool | None]


def choose_wallet(options: Sequence[WalletOption], exists: Exists) -> WalletChoice:
    """Choose among a key's wallets, given the likeliest kind first.

    The richest wins. The exchange tells balances by kind only: of two addresses of one kind, and
    of wallets that hold nothing, the one whose contract exists wins.
    """
    richest = max(option.balance_usdc for option in options)
    rich = [option for option in options if option.balance_usdc == richest]
    first = rich[0]
    same_kind = [option for option in rich if option.signature_type == first.signature_type]
    if richest > 0:
        holders = len({option.signature_type for option in options if option.balance_usdc > 0})
        why = "it holds your money" if holders == 1 else "it holds most of your money"
        if len(same_kind) == 1:
            return WalletChoice(option=first, why=why, is_certain=True)
        found = _existing(same_kind, exists)
        return WalletChoice(option=found or first, why=why, is_certain=found is not None)
    found = _existing([option for option in rich if option.signature_type != 0], exists)
    if found is not None:
        return WalletChoice(option=found, why="it exists, but holds no money yet", is_certain=True)
    why = "no wallet of this key holds money yet, and this is the kind new accounts have"
    return WalletChoice(option=first, why=why, is_certain=False)


def _existing(options: Sequence[WalletOption], exists: Exists) -> WalletOption | None:
    return next((option for option in options if exists(option.address)), None)
