"""The last resort: raises an alert, and cancels every order, with Python's standard library alone.

Started by systemd's OnFailure= or by hand, when polybot itself cannot run. It needs the API
credentials that the trader stored at its login, never the private key: it can place nothing.
Exit codes: 0 done; 1 the exchange refuses; 2 wrong usage; 4 no credentials or no exchange to ask;
5 orders are still listed, or the exchange did not answer, when the time was up.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import socket
import sqlite3
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OK, ERROR, USAGE, CONFIG, TIMEOUT = 0, 1, 2, 4, 5
PRODUCTION = "https://clob.polymarket.com"
LIVE = "live"
JOURNAL_SOCKET = "/run/systemd/journal/socket"
IDENTIFIER = "polybot-guard"
CRITICAL = 2
# Two listings this far apart without an order of ours: what was on its way has arrived.
APART_S = 5.0
AGAIN_S = 1.0
LONGEST_PAUSE_S = 10.0
REQUEST_S = 10.0
BATCH = 1000
MOST_PAGES = 200
LAST_CURSORS = ("", "LTE=")
_RESULT = ("SERVICE_RESULT", "EXIT_CODE", "EXIT_STATUS")
_RETRIED = (408, 425, 429)
_SERVER_ERROR = 500


class Trouble(Exception):
    """What keeps it from its work, with the exit code for that."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class NoAnswer(Exception):
    """The exchange did not answer, or not now: ask again."""


def alert(text: str, *, journal: str = JOURNAL_SOCKET) -> None:
    """Write a line to the standard error, and to journald when that is not where it goes anyway."""
    line = " ".join(text.split())
    under_systemd = bool(os.environ.get("JOURNAL_STREAM"))
    sys.stderr.write(f"<{CRITICAL}>{line}\n" if under_systemd else f"{IDENTIFIER}: {line}\n")
    sys.stderr.flush()
    if under_systemd:
        return
    fields = f"PRIORITY={CRITICAL}\nSYSLOG_IDENTIFIER={IDENTIFIER}\nMESSAGE={line}\n"
    with suppress(OSError), closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as sender:
        # Where there is no journald, the standard error has said it.
        sender.sendto(fields.encode(), journal)


def say(text: str) -> None:
    """Write a line to the standard output, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON file's object, an empty one when it is missing or damaged."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def read_toml(path: Path) -> dict[str, Any]:
    """Return a TOML file's table, an empty one when it is missing, damaged or not to be read."""
    try:
        # An interpreter older than polybot's own does not have it; --url says what matters.
        import tomllib  # noqa: PLC0415

        return tomllib.loads(path.read_text("utf-8"))
    except (ImportError, OSError, ValueError):
        return {}


@dataclass(frozen=True)
class Floor:
    """Which floor is meant: its state directory, and the URL of its exchange ("": not known)."""

    state_dir: Path
    url: str

    @classmethod
    def find(cls, options: argparse.Namespace) -> "Floor":
        """Find the floor as polybot would: options, environment, what runs or ran, defaults."""
        root = Path(__file__).resolve().parents[2]
        is_clone = (root / "Makefile").is_file()
        runtime = Path(
            options.runtime_dir
            or os.environ.get("POLYBOT_RUNTIME_DIR")
            or (root / "var" / "run" if is_clone else "/run/polybot")
        )
        ran = read_json(runtime / "floor.json")
        told = read_toml(config_path(root, ran))
        mode = os.environ.get("POLYBOT__MODE") or ran.get("mode") or told.get("mode", "synthetic")
        state = (
            options.state_dir
            or os.environ.get("POLYBOT_STATE_DIR")
            or ran.get("state_dir")
            or (root / "var" / "state" / mode if is_clone else "/var/lib/polybot")
        )
        configured = told.get("exchange", {}).get("clob_url", "")
        here = PRODUCTION if mode == LIVE else read_json(runtime / "simulator.json").get("url", "")
        return cls(Path(state), str(options.url or configured or here).rstrip("/"))


@dataclass(frozen=True)
class Credentials:
    """The API credentials of an account; only the address may be shown."""

    address: str
    api_key: str
    secret: str
    passphrase: str

    @classmethod
    def read(cls, state_dir: Path) -> "Credentials":
        """Read what the trader stored; raises Trouble."""
        path = state_dir / "wallet" / "credentials.json"
        told = read_json(path)
        try:
            found = cls(*(str(told[name]) for name in cls.__dataclass_fields__))
            base64.urlsafe_b64decode(found.secret)
        except (KeyError, ValueError) as error:
            raise Trouble(
                f"expected API credentials in {path}, was {type(error).__name__}; the trader "
                "stores them at its login (--state-dir says where)",
                CONFIG,
            ) from error
        return found

    def headers(self, timestamp: str, method: str, path: str, body: bytes) -> dict[str, str]:
        """Return the L2 headers of a request (the exchange's documentation: authentication)."""
        message = f"{timestamp}{method}{path}".encode() + body.replace(b"'", b'"')
        key = base64.urlsafe_b64decode(self.secret)
        signature = base64.urlsafe_b64encode(hmac.digest(key, message, hashlib.sha256)).decode()
        return {
            "POLY_ADDRESS": self.address,
            "POLY_SIGNATURE": signature,
            "POLY_TIMESTAMP": timestamp,
            "POLY_API_KEY": self.api_key,
            "POLY_PASSPHRASE": self.passphrase,
        }


@dataclass(frozen=True)
class Exchange:
    """The exchange's routes that read and cancel; each raises NoAnswer or Trouble."""

    url: str
    credentials: Credentials

    def open_orders(self) -> list[str]:
        """Return the ids of every open order of the account."""
        found: list[str] = []
        cursor = "MA=="
        for _ in range(MOST_PAGES):
            page = self._signed("GET", "/data/orders", query={"next_cursor": cursor})
            found += [str(row["id"]) for row in page.get("data", [])]
            cursor = page.get("next_cursor", "")
            if cursor in LAST_CURSORS:
                return found
        raise NoAnswer(f"expected at most {MOST_PAGES} pages of open orders, was more")

    def cancel(self, order_ids: Sequence[str]) -> dict[str, str]:
        """Cancel orders; returns the exchange's words for those it did not cancel."""
        refused: dict[str, str] = {}
        for start in range(0, len(order_ids), BATCH):
            body = json.dumps(order_ids[start : start + BATCH], separators=(",", ":")).encode()
            refused |= self._signed("DELETE", "/orders", body=body).get("not_canceled", {})
        return refused

    def _signed(
        self, method: str, path: str, *, query: dict[str, str] | None = None, body: bytes = b""
    ) -> dict[str, Any]:
        # By the exchange's own clock: this machine's may be what is wrong.
        timestamp = self._send("GET", "/time", {}, b"").decode().strip()
        headers = self.credentials.headers(timestamp, method, path, body)
        target = f"{path}?{urllib.parse.urlencode(query)}" if query else path
        try:
            answer = json.loads(self._send(method, target, headers, body))
        except ValueError as error:
            raise NoAnswer(f"{method} {path}: {error}") from error
        if not isinstance(answer, dict):
            raise NoAnswer(f"{method} {path}: expected an object, was {type(answer).__name__}")
        return answer

    def _send(self, method: str, target: str, headers: dict[str, str], body: bytes) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - only http and https pass `exchange_of`
            self.url + target,
            data=body or None,
            method=method,
            headers={"User-Agent": IDENTIFIER, "Content-Type": "application/json", **headers},
        )
        try:
            with urllib.request.urlopen(request, timeout=REQUEST_S) as answer:  # noqa: S310
                told: bytes = answer.read()
                return told
        except urllib.error.HTTPError as error:
            words = error.read(300).decode(errors="replace")
            message = f"{method} {target.partition('?')[0]}: {error.code}: {words}"
            if error.code >= _SERVER_ERROR or error.code in _RETRIED:
                raise NoAnswer(message) from error
            raise Trouble(message, ERROR) from error
        except OSError as error:
            raise NoAnswer(f"{method} {self.url}: {error}") from error


def exchange_of(floor: Floor) -> Exchange:
    """Return the floor's exchange; raises Trouble when nobody can be asked."""
    credentials = Credentials.read(floor.state_dir)
    if urllib.parse.urlsplit(floor.url).scheme not in ("http", "https"):
        raise Trouble("expected an exchange to ask, was none: say --url", CONFIG)
    return Exchange(floor.url, credentials)


def own_orders(state_dir: Path, order_ids: Sequence[str]) -> list[str]:
    """Return those that this floor's trader sent, by its journal and the database.

    Where neither can be read nobody can tell, and all of them are returned.
    """
    if not order_ids:
        return []
    ours, is_known, unread = set(), False, ""
    try:
        for path in sorted((state_dir / "trader").glob("journal-*.log")):
            data, is_known = path.read_bytes(), True
            # Only an order of ours is under this name in a record; foreign ones have another.
            ours |= {i for i in order_ids if f'"venue_order_id":"{i}"'.encode() in data}
    except OSError as error:
        is_known, unread = False, f"the trader's journal: {error}"
    ledger = state_dir / "tracker" / "ledger.sqlite"
    query = "SELECT 1 FROM venue_order WHERE venue_order_id = ?"
    uri = f"file:{urllib.parse.quote(str(ledger))}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=5)) as database:
            ours |= {i for i in order_ids if database.execute(query, (i,)).fetchone()}
            is_known = True
    except sqlite3.Error as error:
        unread = unread or f"the database: {error}"
    if is_known and unread and len(ours) < len(set(order_ids)):
        alert(f"cannot read {unread}; orders that only it names are left, --all-wallet cancels all")
    if not is_known:
        alert("neither journal nor database can be read: every open order counts as ours")
        return list(order_ids)
    return [order_id for order_id in order_ids if order_id in ours]


def cancel_all(options: argparse.Namespace) -> int:
    """Cancel until two listings in a row, some seconds apart, show none of our orders."""
    floor = Floor.find(options)
    exchange = exchange_of(floor)
    deadline = time.monotonic() + options.wait
    empty_at: float | None = None
    left: list[str] = []
    pause_s, asked, why = AGAIN_S, set(), ""
    while True:
        try:
            listed = exchange.open_orders()
            left = listed if options.all_wallet else own_orders(floor.state_dir, listed)
            if options.dry_run:
                return _say_plan(left, len(listed) - len(left))
            now, pause_s, why = time.monotonic(), AGAIN_S, ""
            if left:
                asked.update(left)
                empty_at = None
                for order_id, words in exchange.cancel(left).items():
                    say(f"not canceled  {order_id}  {words}")
            elif empty_at is None:
                empty_at, pause_s = now, APART_S
            elif now - empty_at >= APART_S:
                say(f"{len(asked)} orders canceled, none listed in two looks {APART_S:.0f} s apart")
                return OK
        except NoAnswer as error:
            why = str(error)
            alert(f"the exchange does not answer, again in {pause_s:.0f} s: {why}")
        if time.monotonic() + pause_s > deadline:
            alert(why or f"{len(left)} orders may still be open: {' '.join(left[:10])}")
            return TIMEOUT
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S) if why else pause_s


def _say_plan(ours: Sequence[str], foreign: int) -> int:
    for order_id in ours:
        say(f"would cancel  {order_id}")
    say(f"{len(ours)} orders to cancel, {foreign} foreign left alone; nothing was sent")
    return OK


def raise_alert(options: argparse.Namespace) -> int:
    """Raise an alert in the given words, and send it to every chat that is set up."""
    text = " ".join(options.text) or result_of(options.unit) or "polybot needs a person"
    text = f"{options.unit} failed: {text}" if options.unit else text
    alert(text)
    return send_to_chats(f"polybot on {socket.gethostname()}: {text}")


def result_of(unit: str) -> str:
    """Return how systemd says that a unit ended (systemd.exec(5), MONITOR_*), "" without it."""
    result, *how = (os.environ.get(f"MONITOR_{name}", "") for name in _RESULT)
    return f"{result} ({' '.join(how)}); see journalctl -u {unit}" if unit and any(how) else ""


def send_to_chats(text: str) -> int:
    """Send a text to every chat that is set up; ERROR when none of them took it."""
    # Isolated from everything else, the interpreter does not look beside this file by itself.
    root = Path(__file__).resolve().parents[2]
    sys.path.insert(0, str(root))
    from polybot.extras import chat  # noqa: PLC0415

    config = config_path(root)
    dotenvs = (config.parent / ".env", root / ".env")
    channels, wrong = chat.sort_out(chat.settings_of(os.environ, read_toml(config), *dotenvs))
    if wrong and not channels:
        raise Trouble(f"nobody was told: {wrong[0]}", CONFIG)
    for problem in wrong:
        alert(f"one chat is left out: {problem}")
    done = [chat.deliver(channel, text) for channel in channels]
    for delivery in done:
        say(f"{delivery.channel}: {'delivered' if delivery.delivered else delivery.detail}")
    return OK if not done or any(delivery.delivered for delivery in done) else ERROR


def config_path(root: Path, ran: dict[str, Any] | None = None) -> Path:
    """Return where the configuration is: named, of what runs or ran, of the clone, installed."""
    is_clone = (root / "Makefile").is_file()
    return Path(
        os.environ.get("POLYBOT_CONFIG")
        or (ran or {}).get("config")
        or (root / "config" / "polybot.toml" if is_clone else "/etc/polybot/polybot.toml")
    )


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(
        prog=IDENTIFIER,
        description="Raise an alert, or cancel every order, when polybot itself cannot run.",
        epilog="Exit codes: 0 done, 1 refused, 2 usage, 4 no credentials or exchange, 5 time up.",
    )
    commands = made.add_subparsers(dest="command", required=True)
    told = commands.add_parser(
        "alert", help="write an alert to standard error and journald, send it"
    )
    told.add_argument("text", nargs="*", help="what to say")
    told.add_argument(
        "--unit", default="", help="the unit that failed (OnFailure= knows it as %%i)"
    )
    told.set_defaults(run=raise_alert)
    cancel = commands.add_parser("cancel-all", help="cancel our open orders until none is listed")
    cancel.add_argument(
        "--all-wallet", action="store_true", help="foreign orders of the wallet too"
    )
    cancel.add_argument("--dry-run", action="store_true", help="say what would be canceled, only")
    cancel.add_argument("--wait", type=float, default=120.0, help="seconds to try (default 120)")
    cancel.add_argument("--state-dir", default="", help="the floor's state directory")
    cancel.add_argument("--runtime-dir", default="", help="the floor's runtime directory")
    cancel.add_argument("--url", default="", help="base URL of the exchange")
    cancel.set_defaults(run=cancel_all)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out what the command line asks for, and return the exit code."""
    options = parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except Trouble as error:
        alert(str(error))
        return error.code
    return code


if __name__ == "__main__":
    sys.exit(main())
