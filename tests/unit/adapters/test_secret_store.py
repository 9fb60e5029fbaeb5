"""Secrets are stored encrypted, plain only where that fails, and then loudly."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from polybot.adapters.secret_store import DotenvSecrets, InstalledSecrets, run_tool
from polybot.config.secret_keys import secret_names
from polybot.errors import StorageError

KEY = secret_names()["polymarket_private_key"]
TOKEN = secret_names()["telegram_bot_token"]
RELAYER = secret_names()["polymarket_relayer_api_key"]


class Tools:
    """Stands for systemd-creds and systemctl: reverses what it encrypts, and can be broken."""

    def __init__(self) -> None:
        self.broken = False
        self.ran: list[str] = []

    def __call__(self, command: Sequence[str], text: str) -> str:
        self.ran.append(" ".join(command[:2]))
        if command[0] == "systemctl":
            return ""
        if self.broken:
            raise StorageError("systemd-creds could not be run: No such file or directory")
        if command[1] == "encrypt":
            return f"{command[2]} {text[::-1]}\n"
        name, value = Path(command[3]).read_text().split()
        assert name == command[2]
        return value[::-1]


@pytest.fixture
def tools() -> Tools:
    return Tools()


@pytest.fixture
def store(tmp_path: Path, tools: Tools) -> InstalledSecrets:
    return InstalledSecrets(tmp_path / "credentials", tmp_path / "system", tools)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_secret_is_stored_encrypted_for_root_alone(
    store: InstalledSecrets, tmp_path: Path, tools: Tools
) -> None:
    assert store.store(KEY, "0xabc") == ""
    path = tmp_path / "credentials" / "polymarket_private_key.cred"
    assert store.places() == {KEY.name: str(path)}
    assert "0xabc" not in path.read_text()
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert store.read(KEY.name) == "0xabc"
    assert "systemctl daemon-reload" not in tools.ran


def test_where_nothing_encrypts_it_is_plain_and_each_unit_is_told(
    store: InstalledSecrets, tmp_path: Path, tools: Tools
) -> None:
    tools.broken = True
    warning = store.store(TOKEN, "1:t")
    plain = tmp_path / "credentials" / "telegram_bot_token"
    assert "UNENCRYPTED" in warning
    assert "1:t" not in warning
    assert (plain.read_text(), mode(plain)) == ("1:t", 0o600)
    for unit in ("polybot-watchdog", "polybot-alert@", "polybot-report"):
        drop_in = tmp_path / "system" / f"{unit}.service.d" / "plain-telegram_bot_token.conf"
        assert drop_in.read_text() == f"[Service]\nLoadCredential=telegram_bot_token:{plain}\n"
        assert mode(drop_in) == 0o644
    assert tools.ran[-1] == "systemctl daemon-reload"
    assert store.read(TOKEN.name) == "1:t"


def test_an_encrypted_one_replaces_a_plain_one_with_its_drop_ins(
    store: InstalledSecrets, tmp_path: Path, tools: Tools
) -> None:
    tools.broken = True
    store.store(KEY, "old")
    tools.broken = False
    store.store(KEY, "new")
    assert [path.name for path in (tmp_path / "credentials").iterdir()] == [
        "polymarket_private_key.cred"
    ]
    assert list((tmp_path / "system").iterdir()) == []
    assert tools.ran[-1] == "systemctl daemon-reload"
    assert store.read(KEY.name) == "new"


def test_a_plain_one_replaces_an_encrypted_one(
    store: InstalledSecrets, tmp_path: Path, tools: Tools
) -> None:
    store.store(KEY, "old")
    tools.broken = True
    store.store(KEY, "new")
    assert [path.name for path in (tmp_path / "credentials").iterdir()] == [KEY.name]
    assert store.read(KEY.name) == "new"


def test_one_that_no_unit_gets_needs_no_drop_in(
    store: InstalledSecrets, tmp_path: Path, tools: Tools
) -> None:
    tools.broken = True
    store.store(RELAYER, "r")
    assert not (tmp_path / "system").exists()


@pytest.mark.parametrize("broken", [False, True])
def test_a_removed_secret_is_gone_with_all_that_named_it(
    store: InstalledSecrets, tmp_path: Path, tools: Tools, broken: bool
) -> None:
    tools.broken = broken
    store.store(TOKEN, "1:t")
    (tmp_path / "system" / "polybot-watchdog.service.d").mkdir(parents=True, exist_ok=True)
    mine = tmp_path / "system" / "polybot-watchdog.service.d" / "mine.conf"
    mine.write_text("")
    assert store.remove(TOKEN)
    assert not store.remove(TOKEN)
    assert (store.places(), store.read(TOKEN.name)) == ({}, "")
    left = [path for path in (tmp_path / "system").rglob("*") if path.is_file()]
    assert left == [mine]


def test_a_clone_keeps_them_in_its_dotenv(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("OTHER=1\n")
    store = DotenvSecrets(path)
    store.store(TOKEN, "1:a")
    store.store(TOKEN, "1:b")
    assert path.read_text() == "OTHER=1\nTELEGRAM_BOT_TOKEN=1:b\n"
    assert (mode(path), store.places()) == (0o600, {TOKEN.name: str(path)})
    assert store.remove(TOKEN)
    assert (path.read_text(), store.remove(TOKEN)) == ("OTHER=1\n", False)


def test_a_tool_gets_its_text_on_standard_input_and_its_last_words_are_told() -> None:
    assert run_tool(["cat"], "0xabc") == "0xabc"
    with pytest.raises(StorageError, match=r"^sh -c failed: no key$"):
        run_tool(["sh", "-c", "echo first >&2; echo no key >&2; exit 3"], "0xabc")
    with pytest.raises(StorageError, match="could not be run: No such file"):
        run_tool(["/nonexistent/systemd-creds"], "0xabc")
