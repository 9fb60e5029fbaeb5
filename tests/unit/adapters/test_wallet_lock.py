"""One process holds a wallet; whoever comes second is told by whom, and the kernel forgets it."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from polybot.adapters import wallet_lock
from polybot.adapters.wallet_lock import HeldWallet, hold_wallet, holder_of
from polybot.errors import FatalError, StartRefused
from polybot.ports import WalletHolder

HOLDER = """
import sys, time
from polybot.adapters.wallet_lock import hold_wallet
from polybot.ports import WalletHolder
held = hold_wallet(sys.argv[1], WalletHolder(mode="live", state_dir="/there"))
print("held", flush=True)
time.sleep(60)
"""
THERE = WalletHolder(mode="live", state_dir="/there", runtime_dir="/there/run")


@pytest.fixture
def funder() -> str:
    """Return a wallet nobody else on this machine has."""
    return "0x" + secrets.token_hex(20)


def elsewhere(funder: str, **environ: str) -> subprocess.Popen[str]:
    """Hold a wallet in another process."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, funder],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | environ,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_wallet_nobody_holds_is_held_until_it_is_released(funder: str) -> None:
    assert holder_of(funder) is None
    held = hold_wallet(funder, THERE)
    told = holder_of(funder)
    held.release()
    assert told is not None
    assert (told.pid, told.user_id) == (os.getpid(), os.getuid())
    assert (told.mode, told.state_dir, told.runtime_dir) == ("live", "/there", "/there/run")
    assert holder_of(funder) is None
    hold_wallet(funder, THERE).release()


def test_a_second_holder_is_refused_and_told_who_was_first_and_how_to_stop_it(funder: str) -> None:
    held = hold_wallet(funder, THERE)
    with pytest.raises(StartRefused) as refused:
        hold_wallet(funder, WalletHolder())
    held.release()
    said = str(refused.value)
    assert f"process {os.getpid()}, user {os.getuid()}, live mode, state /there" in said
    assert "POLYBOT_RUNTIME_DIR=/there/run polybot down" in said
    assert funder not in said
    assert "\n" not in said


def test_the_case_of_an_address_makes_no_other_wallet(funder: str) -> None:
    held = hold_wallet(funder.upper().replace("0X", "0x"), THERE)
    with pytest.raises(StartRefused):
        hold_wallet(funder, THERE)
    held.release()


def test_two_wallets_are_held_side_by_side(funder: str) -> None:
    other = "0x" + secrets.token_hex(20)
    held = [hold_wallet(wallet, THERE) for wallet in (funder, other)]
    holders = [holder_of(wallet) for wallet in (funder, other)]
    assert [holder.pid for holder in holders if holder] == [os.getpid()] * 2
    for one in held:
        one.release()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_that_ends_lets_go_of_its_wallet_at_once(
    funder: str, number: signal.Signals
) -> None:
    with elsewhere(funder) as process:
        with pytest.raises(StartRefused, match=f"process {process.pid},"):
            hold_wallet(funder, THERE)
        process.send_signal(number)
        process.wait()
        hold_wallet(funder, THERE).release()


def test_a_stopped_holder_is_still_one_and_known_by_its_environment(funder: str) -> None:
    with elsewhere(funder, POLYBOT_STATE_DIR="/s", POLYBOT_RUNTIME_DIR="/r") as process:
        process.send_signal(signal.SIGSTOP)
        # Until every thread of it stands, it may still answer.
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        began = time.monotonic()
        told = holder_of(funder)
        took = time.monotonic() - began
        process.kill()
    assert told is not None
    assert (told.pid, told.state_dir, told.runtime_dir) == (process.pid, "/s", "/r")
    assert took >= wallet_lock.ANSWER_S


def test_a_child_of_a_holder_does_not_keep_the_wallet(funder: str) -> None:
    held = hold_wallet(funder, THERE)
    with subprocess.Popen(["sleep", "30"]) as child:
        held.release()
        assert holder_of(funder) is None
        hold_wallet(funder, THERE).release()
        child.kill()


def test_however_often_it_is_asked_a_holder_goes_on_answering(funder: str) -> None:
    held = hold_wallet(funder, THERE)
    answers = {holder_of(funder) for _ in range(100)}
    held.release()
    assert [told.state_dir for told in answers if told is not None] == ["/there"]


def test_a_name_taken_by_a_stranger_refuses_too_and_what_it_says_stays_on_one_line(
    funder: str,
) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(b"\0polybot-wallet-" + funder.encode())
        server.listen()

        def lie() -> None:
            asking, _ = server.accept()
            with asking:
                asking.sendall(b'{"pid": 1, "state_dir": "/x\\nCRITICAL all is lost"}')

        liar = threading.Thread(target=lie)
        liar.start()
        with pytest.raises(StartRefused) as refused:
            hold_wallet(funder, THERE)
        liar.join()
    assert "\n" not in str(refused.value)
    assert f"process {os.getpid()}" in str(refused.value)


def test_a_stranger_that_sends_rubbish_is_named_by_the_kernel_alone(funder: str) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(b"\0polybot-wallet-" + funder.encode())
        server.listen()

        def babble() -> None:
            asking, _ = server.accept()
            with asking:
                asking.sendall(b"\xff" * 100)

        stranger = threading.Thread(target=babble)
        stranger.start()
        told = holder_of(funder)
        stranger.join()
    assert told is not None
    assert (told.pid, told.mode) == (os.getpid(), "")


def test_a_holder_that_lets_nobody_in_is_one_all_the_same(funder: str) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(b"\0polybot-wallet-" + funder.encode())
        server.listen(0)
        waiting = []
        for _ in range(3):
            asking = socket.socket(socket.AF_UNIX)
            asking.setblocking(False)
            waiting.append(asking)
            asking.connect_ex(b"\0polybot-wallet-" + funder.encode())
        told = holder_of(funder)
        for asking in waiting:
            asking.close()
    assert told == WalletHolder()


def test_where_such_a_socket_cannot_be_it_says_what_it_needs() -> None:
    with pytest.raises(FatalError, match="abstract unix sockets"):
        hold_wallet("0x" + "a" * 200, THERE)


def test_releasing_twice_is_no_error(funder: str) -> None:
    held: HeldWallet = hold_wallet(funder, THERE)
    held.release()
    held.release()
    assert holder_of(funder) is None
