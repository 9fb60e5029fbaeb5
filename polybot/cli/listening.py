"""Whether the port that the configuration wants for the simulated exchange is free."""

import socket

from polybot.cli.exits import CommandError


def refuse_taken_port(listen: str) -> None:
    """Raise CommandError when "127.0.0.1:8080" cannot be listened on; port 0 is always free."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if not int(port):
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the simulator binds it: what a killed one left behind does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            message = (
                f"cannot listen on {listen}: {error.strerror}; stop what listens there, or set "
                "simulator.listen to another port (0: any free)"
            )
            raise CommandError(message) from error
