"""Tests of the look for a free port."""

import socket

import pytest

from polybot.cli.exits import CommandError
from polybot.cli.listening import refuse_taken_port


def test_a_taken_port_is_one_line_that_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(CommandError) as caught:
            refuse_taken_port(address)
    assert str(caught.value) == (
        f"cannot listen on {address}: Address already in use; stop what listens there, or set "
        "simulator.listen to another port (0: any free)"
    )


def test_a_free_port_and_any_port_are_fine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    refuse_taken_port(f"127.0.0.1:{port}")
    refuse_taken_port("127.0.0.1:0")


def test_a_name_and_an_address_in_brackets_are_understood() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(CommandError):
            refuse_taken_port(f"localhost:{port}")
    if socket.has_ipv6:
        refuse_taken_port("[::1]:0")
