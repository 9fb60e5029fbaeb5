"""Who holds a wallet is told in one line, as far as it is known."""

from polybot.ports.wallet_lock import WalletHolder


def test_everything_that_is_known_of_a_holder_is_said() -> None:
    holder = WalletHolder(pid=7, user_id=1000, mode="live", state_dir="/s", runtime_dir="/r")
    assert holder.describe() == "process 7, user 1000, live mode, state /s, sockets /r"


def test_a_holder_nobody_knows_is_of_another_namespace() -> None:
    assert WalletHolder().describe() == "a process of another namespace"
