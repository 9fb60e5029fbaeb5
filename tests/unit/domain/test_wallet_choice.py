"""Of a key's wallets the one with the money is meant."""

from polybot.domain.wallet_choice import WalletOption, choose_wallet


def option(kind: int, address: str, balance: int = 0) -> WalletOption:
    return WalletOption(signature_type=kind, address=address, balance_usdc=balance)


def nobody_knows(address: str) -> bool | None:
    del address
    return None


def test_the_wallet_that_holds_money_is_taken() -> None:
    choice = choose_wallet([option(3, "d"), option(1, "p", 5), option(0, "e")], nobody_knows)
    assert (choice.option.address, choice.is_certain) == ("p", True)


def test_the_richest_of_several_is_taken_and_that_is_said() -> None:
    choice = choose_wallet([option(1, "p", 5), option(0, "e", 9)], nobody_knows)
    assert choice.option.address == "e"
    assert "most" in choice.why


def test_of_two_addresses_of_one_kind_the_one_that_exists_is_taken() -> None:
    options = [option(3, "new", 7), option(3, "old", 7), option(0, "e")]
    choice = choose_wallet(options, lambda address: address == "old")
    assert (choice.option.address, choice.is_certain) == ("old", True)
    guess = choose_wallet(options, nobody_knows)
    assert (guess.option.address, guess.is_certain) == ("new", False)


def test_without_money_the_wallet_that_exists_is_taken() -> None:
    options = [option(3, "d"), option(2, "s"), option(0, "e")]
    choice = choose_wallet(options, lambda address: address in ("s", "e"))
    assert (choice.option.address, choice.is_certain) == ("s", True)


def test_when_nothing_is_known_the_likeliest_kind_is_a_guess() -> None:
    choice = choose_wallet([option(3, "d"), option(0, "e")], nobody_knows)
    assert (choice.option.address, choice.is_certain) == ("d", False)
