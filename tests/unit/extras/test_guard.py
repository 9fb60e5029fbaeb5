"""The program of last resort: standard library alone, on stored credentials, against a loopback."""

import ast
import json
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from polybot.adapters.wallet_files import AccountCredentials, WalletFiles
from polybot.exchange.l2_auth import ApiCredentials, RequestSigner, SignedRequest
from polybot.extras import guard
from tests.unit.adapters.loopback import HANG, Heard, LoopbackServer, Told, answer

ROOT = Path(__file__).resolve().parents[3]
NOW_S = 1_790_000_000
API = ApiCredentials(api_key="key-1", secret="c2VjcmV0LXNlY3JldA==", passphrase="word")
SIGNER = RequestSigner("0x" + "a" * 40, API)


class Exchange:
    """An exchange on loopback: open orders, L2 authentication, a page of two at a time."""

    def __init__(self) -> None:
        self.server = LoopbackServer()
        self.server.handler = self._answer
        self.resting: list[str] = []
        self.stubborn: set[str] = set()
        self.canceled: list[list[str]] = []
        self.listings = 0
        self.failures: list[Told] = []
        self.refusals = 0

    def _answer(self, heard: Heard) -> Told:
        path, query = urlsplit(heard.target).path, parse_qs(urlsplit(heard.target).query)
        if path == "/time":
            return answer(NOW_S)
        headers = {name.upper(): value for name, value in heard.headers.items()}
        request = SignedRequest(heard.method, path, headers, heard.body)
        if SIGNER.refusal(request, now_s=NOW_S):
            self.refusals += 1
            return answer({"error": "Unauthorized/Invalid api key"}, 401)
        if self.failures:
            return self.failures.pop(0)
        if (heard.method, path) == ("GET", "/data/orders"):
            return self._page(query["next_cursor"][0])
        assert (heard.method, path) == ("DELETE", "/orders")
        ids = json.loads(heard.body)
        self.canceled.append(ids)
        self.resting = [i for i in self.resting if i not in ids or i in self.stubborn]
        left = {i: "matched" for i in ids if i in self.resting}
        return answer({"canceled": [i for i in ids if i not in left], "not_canceled": left})

    def _page(self, cursor: str) -> Told:
        first = 0 if cursor == "MA==" else int(cursor)
        self.listings += first == 0
        rows = [{"id": i, "status": "LIVE"} for i in self.resting[first : first + 2]]
        following = str(first + 2) if first + 2 < len(self.resting) else "LTE="
        return answer({"data": rows, "next_cursor": following})


class Case:
    """A state directory with credentials, the journal of a trader, and an exchange."""

    def __init__(self, root: Path) -> None:
        self.exchange = Exchange()
        self.state = root / "state"
        account = AccountCredentials(SIGNER.address, SIGNER.address, 0, API)
        WalletFiles(self.state / "wallet").save_credentials(account)
        (self.state / "trader").mkdir()

    def journal(self, *order_ids: str) -> None:
        records = "".join(f'\0\1{{"order":{{"venue_order_id":"{i}"}}}}\0' for i in order_ids)
        path = self.state / "trader" / "journal-00000000000000000001.log"
        path.write_bytes(records.encode() + b'{"subject":"0xforeign"}' + bytes(64))

    def store(self, *order_ids: str) -> None:
        path = self.state / "tracker" / "ledger.sqlite"
        path.parent.mkdir()
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE venue_order (venue_order_id TEXT)")
            database.executemany("INSERT INTO venue_order VALUES (?)", [(i,) for i in order_ids])

    def run(self, *more: str, wait: float = 9) -> int:
        url = ["--url", self.exchange.server.url]
        where = ["--state-dir", str(self.state), "--wait", str(wait)]
        return guard.main(["cancel-all", *where, *url, *more])


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    # Seconds between listings are the point; five of them are not.
    monkeypatch.setattr(guard, "APART_S", 0.3)
    monkeypatch.setattr(guard, "AGAIN_S", 0.05)
    made = Case(tmp_path)
    yield made
    made.exchange.server.stop()


@pytest.mark.parametrize("program", ["guard.py", "chat.py"])
def test_it_imports_nothing_but_the_standard_library(program: str) -> None:
    tree = ast.parse((ROOT / "polybot" / "extras" / program).read_text())
    imported = {
        name
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    # The guard's own neighbor is held to the same.
    foreign = {name for name in imported if name.split(".")[0] not in sys.stdlib_module_names}
    assert foreign <= {"polybot.extras"}


def test_our_orders_are_canceled_and_foreign_ones_left_alone(case: Case) -> None:
    case.exchange.resting = ["0xa", "0xforeign", "0xb", "0xc"]
    case.journal("0xa")
    case.store("0xb", "0xc")

    assert case.run() == guard.OK

    assert case.exchange.canceled == [["0xa", "0xb", "0xc"]]
    assert case.exchange.resting == ["0xforeign"]
    assert case.exchange.listings == 3
    assert case.exchange.refusals == 0


def test_every_order_of_the_wallet_is_canceled_only_when_that_is_asked_for(case: Case) -> None:
    case.exchange.resting = ["0xa", "0xforeign"]
    case.journal("0xa")

    assert case.run("--all-wallet") == guard.OK

    assert case.exchange.resting == []


def test_a_record_that_cannot_be_read_is_said_when_orders_are_left_because_of_it(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    case.exchange.resting = ["0xa", "0xforeign"]
    case.journal("0xa")

    assert case.run() == guard.OK

    assert case.exchange.resting == ["0xforeign"]
    told = capsys.readouterr().err
    assert "cannot read the database: unable to open database file" in told
    assert "--all-wallet cancels all" in told


def test_every_order_counts_as_ours_where_nobody_can_tell(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    case.exchange.resting = ["0xa", "0xb"]

    assert case.run() == guard.OK

    assert case.exchange.resting == []
    assert "every open order counts as ours" in capsys.readouterr().err


def test_a_dry_run_sends_nothing(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    case.exchange.resting = ["0xa", "0xforeign"]
    case.journal("0xa")

    assert case.run("--dry-run") == guard.OK

    assert case.exchange.canceled == []
    told = capsys.readouterr().out
    assert "would cancel  0xa" in told
    assert "1 orders to cancel, 1 foreign" in told


def test_an_order_that_stays_is_canceled_again_until_the_time_is_up(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    case.exchange.resting, case.exchange.stubborn = ["0xa"], {"0xa"}
    case.journal("0xa")

    assert case.run(wait=0.5) == guard.TIMEOUT

    assert len(case.exchange.canceled) > 2
    told = capsys.readouterr()
    assert "not canceled  0xa  matched" in told.out
    assert "1 orders may still be open: 0xa" in told.err


@pytest.mark.parametrize("failure", [answer({"error": "busy"}, 500), answer({}, 425), b"{"])
def test_an_exchange_that_fails_is_asked_again(case: Case, failure: Told) -> None:
    case.exchange.resting = ["0xa"]
    case.exchange.failures = [answer(failure) if isinstance(failure, bytes) else failure] * 2
    case.journal("0xa")

    assert case.run() == guard.OK

    assert case.exchange.resting == []


def test_an_exchange_that_never_answers_ends_in_time_with_its_own_code(
    case: Case, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(guard, "REQUEST_S", 0.1)
    case.exchange.server.handler = lambda _: Told(b"", HANG)

    assert case.run(wait=0.4) == guard.TIMEOUT

    assert "does not answer" in capsys.readouterr().err


def test_refused_credentials_are_said_without_showing_them(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    path = WalletFiles(case.state / "wallet").credentials_path
    path.write_text(path.read_text().replace("word", "changed"))

    assert case.run() == guard.ERROR

    told = capsys.readouterr().err
    assert "401" in told
    assert API.secret not in told
    assert "changed" not in told


@pytest.mark.parametrize("damage", ["missing", "half", "secret"])
def test_without_credentials_it_says_where_they_should_be(
    case: Case, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    path = WalletFiles(case.state / "wallet").credentials_path
    if damage == "missing":
        path.unlink()
    elif damage == "half":
        path.write_text('{"address": "0x1"')
    else:
        path.write_text(path.read_text().replace(API.secret, "x"))

    assert case.run() == guard.CONFIG

    assert str(path) in capsys.readouterr().err


def test_without_an_exchange_to_ask_it_says_so(case: Case, tmp_path: Path) -> None:
    where = ["--state-dir", str(case.state), "--runtime-dir", str(tmp_path)]

    assert guard.main(["cancel-all", *where]) == guard.CONFIG


def test_it_finds_the_floor_that_ran(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("POLYBOT_STATE_DIR", "POLYBOT_CONFIG", "POLYBOT__MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("POLYBOT_RUNTIME_DIR", str(tmp_path))
    config = tmp_path / "polybot.toml"
    record = {"mode": "synthetic", "state_dir": str(case.state), "config": str(config)}
    (tmp_path / "floor.json").write_text(json.dumps(record))
    (tmp_path / "simulator.json").write_text(json.dumps({"url": "http://127.0.0.1:1/"}))
    options = guard.parser().parse_args(["cancel-all"])

    assert guard.Floor.find(options) == guard.Floor(case.state, "http://127.0.0.1:1")
    config.write_text('mode = "live"\n[exchange]\nclob_url = "https://elsewhere"\n')
    assert guard.Floor.find(options).url == "https://elsewhere"
    config.write_text('mode = "live"\n')
    (tmp_path / "floor.json").write_text(json.dumps(record | {"mode": "live"}))
    assert guard.Floor.find(options).url == guard.PRODUCTION


def test_an_alert_is_one_line_for_the_standard_error_and_for_journald(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journald:
        journald.bind(str(tmp_path / "socket"))
        guard.alert("two\nlines", journal=str(tmp_path / "socket"))
        told = journald.recv(4096).decode()

    assert capsys.readouterr().err == "polybot-guard: two lines\n"
    assert "PRIORITY=2\n" in told
    assert "MESSAGE=two lines\n" in told


def test_under_systemd_the_standard_error_is_the_journal_and_carries_the_priority(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    monkeypatch.setattr(guard, "send_to_chats", lambda _: guard.OK)

    assert guard.main(["alert", "--unit", "polybot-trader.service", "it", "ended"]) == guard.OK

    assert capsys.readouterr().err == "<2>polybot-trader.service failed: it ended\n"


@pytest.fixture
def chat() -> Iterator[LoopbackServer]:
    server = LoopbackServer()
    yield server
    server.stop()


def launched(tmp_path: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Raise an alert with the system's own means, in an environment of nothing else."""
    (tmp_path / "polybot.toml").touch()
    environ = {"PATH": os.environ["PATH"], "POLYBOT_CONFIG": str(tmp_path / "polybot.toml")}
    return subprocess.run(
        [str(ROOT / "bin" / "polybot-guard"), "alert", "--unit", "polybot-trader", "it", "ended"],
        env=environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_alert_goes_to_every_chat_that_is_set_up(tmp_path: Path, chat: LoopbackServer) -> None:
    (tmp_path / ".env").write_text(
        f"TELEGRAM_BOT_TOKEN='1:secret'\nTELEGRAM_CHAT_ID=-100\nTELEGRAM_API_URL={chat.url}\n"
    )

    done = launched(tmp_path, SLACK_WEBHOOK_URL=f"{chat.url}/slack")

    assert (done.returncode, done.stdout) == (guard.OK, "telegram: delivered\nslack: delivered\n")
    assert [heard.target for heard in chat.heard] == ["/bot1:secret/sendMessage", "/slack"]
    told = json.loads(chat.heard[0].body)["text"]
    assert told == f"polybot on {socket.gethostname()}: polybot-trader failed: it ended"


def test_an_alert_that_nobody_heard_of_ends_in_an_error(
    tmp_path: Path, chat: LoopbackServer
) -> None:
    chat.handler = lambda _: answer({"ok": False, "description": "Unauthorized"}, 401)
    settings = {
        "TELEGRAM_BOT_TOKEN": "1:secret",
        "TELEGRAM_CHAT_ID": "-100",
        "TELEGRAM_API_URL": chat.url,
    }

    done = launched(tmp_path, **settings)

    assert done.returncode == guard.ERROR
    assert "telegram: HTTP 401" in done.stdout
    assert "secret" not in done.stdout + done.stderr


def test_a_chat_that_is_half_set_up_is_said(tmp_path: Path) -> None:
    done = launched(tmp_path, TELEGRAM_BOT_TOKEN="1:secret")

    assert done.returncode == guard.CONFIG
    assert "nobody was told: expected TELEGRAM_BOT_TOKEN and TELEGRAM_CHAT_ID" in done.stderr
    assert "polybot-trader failed: it ended" in done.stderr


def test_a_chat_that_is_half_set_up_does_not_silence_the_others(
    tmp_path: Path, chat: LoopbackServer
) -> None:
    settings = {"TELEGRAM_BOT_TOKEN": "1:secret", "DISCORD_WEBHOOK_URL": "http://chat.test/x"}
    done = launched(tmp_path, **settings, SLACK_WEBHOOK_URL=f"{chat.url}/slack")

    assert (done.returncode, done.stdout) == (guard.OK, "slack: delivered\n")
    assert "one chat is left out: expected TELEGRAM_BOT_TOKEN and" in done.stderr
    assert "one chat is left out: expected DISCORD_WEBHOOK_URL to begin" in done.stderr
    assert "secret" not in done.stderr


def test_the_launcher_runs_with_nothing_installed(tmp_path: Path) -> None:
    launcher = str(ROOT / "bin" / "polybot-guard")
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)}
    (tmp_path / "json.py").write_text("raise SystemExit('not the standard library')")

    shown = subprocess.run([launcher, "--help"], env=environ, capture_output=True, check=False)
    refused = subprocess.run([launcher, "dance"], env=environ, capture_output=True, check=False)

    assert shown.returncode == guard.OK, shown.stderr
    assert b"cancel-all" in shown.stdout
    assert refused.returncode == guard.USAGE
