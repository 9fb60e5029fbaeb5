"""A server on loopback that answers every request alike and remembers what it was asked."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

PATIENCE_S = 5.0


class CallsHeard:
    """`heard` are the requests, "POST /order"; `connections` how many were opened so far."""

    def __init__(self, body: bytes) -> None:
        self.heard: list[str] = []
        self.connections = 0
        calls = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                calls.connections += 1

            def do_GET(self) -> None:
                self._serve()

            def do_POST(self) -> None:
                self._serve()

            def _serve(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                calls.heard.append(f"{self.command} {self.path}")
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def wait_for(self, count: int) -> None:
        """Wait until so many requests were heard, and a moment longer for more of them."""
        deadline = time.monotonic() + PATIENCE_S
        while len(self.heard) < count:
            assert time.monotonic() < deadline, f"expected {count} calls, was {self.heard}"
            time.sleep(0.001)
        time.sleep(0.05)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
