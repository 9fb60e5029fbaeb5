import io
import json
import logging
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from polybot.errors import StorageError
from polybot.runtime.logs import (
    JournalFormatter,
    JsonFormatter,
    LogSettings,
    PlainFormatter,
    SecretMask,
    TerminalFormatter,
    choose_formatter,
    configure_logging,
    mask_wallet,
)

KEY = "0x" + "ab12" * 16
ORDER_ID = "0x" + "cd34" * 16


@pytest.fixture
def local_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    """Give the root logger back as pytest had it."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield root
    for made in set(root.handlers) - set(handlers):
        made.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("polybot").setLevel(logging.NOTSET)
    logging.captureWarnings(capture=False)


def failing(message: str) -> None:
    raise ValueError(message)


def record(message: str, level: int = logging.INFO) -> logging.LogRecord:
    made = logging.LogRecord("polybot.x", level, "x.py", 1, message, None, None)
    made.created, made.msecs = 1_800_000_000.25, 250.0
    return made


@pytest.mark.parametrize(
    ("level", "prefix"),
    [
        (logging.DEBUG, "<7>"),
        (logging.INFO, "<6>"),
        (logging.WARNING, "<4>"),
        (logging.ERROR, "<3>"),
        (logging.CRITICAL, "<2>"),
        (25, "<6>"),
    ],
)
def test_journald_reads_the_level_from_the_prefix(level: int, prefix: str) -> None:
    text = JournalFormatter(SecretMask()).format(record("order placed", level))
    assert text == f"{prefix}order placed"


def test_a_record_of_many_lines_is_one_line_for_journald() -> None:
    try:
        failing("first\nsecond")
    except ValueError as error:
        made = record("turn failed\nbadly", logging.ERROR)
        made.exc_info = (type(error), error, error.__traceback__)
    text = JournalFormatter(SecretMask()).format(made)
    assert "\n" not in text
    assert text.startswith("<3>turn failed | badly | Traceback")
    assert text.endswith("ValueError: first | second")


@pytest.mark.usefixtures("local_zone")
def test_plain_text_has_local_time_zone_level_and_process() -> None:
    text = PlainFormatter("trader", SecretMask()).format(record("order placed", logging.WARNING))
    assert text == "2027-01-15 09:00:00 CET WARNING trader: order placed"


@pytest.mark.usefixtures("local_zone")
@pytest.mark.parametrize("formatter", [PlainFormatter, TerminalFormatter])
def test_each_line_of_a_record_stands_alone(formatter: type[PlainFormatter]) -> None:
    made = record("polybot trader 0.1.0\nmode synthetic", logging.INFO)
    text = re.sub(r"\x1b\[[0-9;]*m", "", formatter("trader", SecretMask()).format(made))
    assert text.splitlines() == [
        "2027-01-15 09:00:00 CET INFO    trader: polybot trader 0.1.0",
        "2027-01-15 09:00:00 CET INFO    trader: mode synthetic",
    ]


def test_a_terminal_gets_colors() -> None:
    text = TerminalFormatter("trader", SecretMask()).format(record("halted", logging.ERROR))
    assert "\x1b[31mERROR" in text
    assert re.sub(r"\x1b\[[0-9;]*m", "", text).endswith("ERROR   trader: halted")


def test_the_prefix_is_used_only_when_journald_owns_the_stream(tmp_path: Path) -> None:
    mask = SecretMask()
    with (tmp_path / "a").open("w") as ours, (tmp_path / "b").open("w") as other:
        found = os.fstat(ours.fileno())
        environ = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        assert isinstance(choose_formatter("trader", ours, environ, mask), JournalFormatter)
        assert isinstance(choose_formatter("trader", other, environ, mask), PlainFormatter)
        assert isinstance(choose_formatter("trader", ours, {}, mask), PlainFormatter)
    assert isinstance(choose_formatter("trader", io.StringIO(), environ, mask), PlainFormatter)


def test_a_terminal_is_colored_unless_the_user_said_no() -> None:
    leader, follower = os.openpty()
    with os.fdopen(follower, "w") as terminal:
        mask = SecretMask()
        assert isinstance(choose_formatter("trader", terminal, {}, mask), TerminalFormatter)
        no_color = {"NO_COLOR": "1"}
        assert isinstance(choose_formatter("trader", terminal, no_color, mask), PlainFormatter)
    os.close(leader)


@pytest.mark.parametrize(
    "shown", [KEY, KEY[2:], KEY.upper(), KEY[2:].upper(), f"'{KEY}'", f"key={KEY[2:]}!"]
)
def test_a_registered_key_never_shows(shown: str) -> None:
    mask = SecretMask()
    mask.add(KEY)
    assert "ab12" not in mask.apply(f"signing with {shown} now").lower()


def test_other_secrets_are_masked_whole_and_the_longest_first() -> None:
    mask = SecretMask()
    mask.add("passphrase-1")
    mask.add("passphrase-1-and-more")
    assert mask.apply("a passphrase-1-and-more b passphrase-1 c") == "a *** b *** c"


def test_an_order_id_looks_like_a_key_and_is_shown() -> None:
    mask = SecretMask()
    mask.add(KEY)
    assert mask.apply(f"order {ORDER_ID} placed") == f"order {ORDER_ID} placed"


@pytest.mark.parametrize(
    "text",
    [
        f"private_key={ORDER_ID}",
        f"PRIVATE KEY: {ORDER_ID}",
        '{"secret": "c2VjcmV0LXZhbHVl="}',
        "POLY_API_KEY: 0123-4567-89ab",
        "POLY_PASSPHRASE='deadbeefdeadbeef'",
    ],
)
def test_what_calls_itself_a_secret_is_masked_without_being_registered(text: str) -> None:
    masked = SecretMask().apply(text)
    assert "***" in masked
    assert not re.search(r"cd34|c2Vj|0123|deadbeef", masked)


def test_nothing_short_is_taken_for_a_secret() -> None:
    mask = SecretMask()
    mask.add("")
    mask.add("BTC")
    assert mask.apply("BTC is up, empty stays") == "BTC is up, empty stays"


def test_secrets_in_arguments_and_tracebacks_are_masked(root_logger: logging.Logger) -> None:
    stream = io.StringIO()
    mask = configure_logging("trader", LogSettings("debug"), stream=stream, environ={})
    mask.add(KEY)
    logger = logging.getLogger("polybot.test")
    logger.debug("loaded %s", KEY)
    try:
        failing(KEY)
    except ValueError:
        logger.exception("could not sign")
    assert stream.getvalue().count("***") == 2
    assert KEY not in stream.getvalue()
    assert len(root_logger.handlers) == 1


def test_libraries_are_heard_only_when_something_is_wrong(root_logger: logging.Logger) -> None:
    stream = io.StringIO()
    configure_logging("trader", stream=stream, environ={})
    configure_logging("trader", stream=stream, environ={})
    logging.getLogger("httpx").info("GET /book")
    logging.getLogger("httpx").warning("slow")
    logging.getLogger("polybot.services").info("window opens")
    assert [line.split(": ")[-1] for line in stream.getvalue().splitlines()] == [
        "slow",
        "window opens",
    ]
    assert root_logger.level == logging.WARNING


def test_an_unknown_level_is_refused(root_logger: logging.Logger) -> None:
    with pytest.raises(ValueError, match="LOUD"):
        configure_logging("trader", LogSettings("loud"), stream=io.StringIO(), environ={})
    assert root_logger is not None


def test_a_wallet_is_named_by_its_ends() -> None:
    assert mask_wallet("0x1234567890abcdef1234567890abcdef12345678") == "0x12345678...345678"
    assert mask_wallet("") == ""
    assert mask_wallet("short") == "short"


def test_a_json_line_says_what_it_is_about() -> None:
    text = "order 0xc86aed5e60: capture SELL Down 25.00 btc-updown-15m-1795288500\nsecond line"
    line = JsonFormatter("trader", SecretMask()).format(record(text, logging.WARNING))
    assert json.loads(line) == {
        "ts": "2027-01-15T08:00:00.250Z",
        "level": "warning",
        "process": "trader",
        "logger": "polybot.x",
        "text": text,
        "windows": ["btc-updown-15m-1795288500"],
        "orders": ["0xc86aed5e60"],
    }
    assert "\n" not in line
    assert json.loads(JsonFormatter("trader", SecretMask()).format(record("nothing"))).keys() == {
        *("ts", "level", "process", "logger", "text")
    }


def test_a_secret_is_masked_in_json_too() -> None:
    mask = SecretMask()
    mask.add(KEY)
    assert KEY[2:] not in JsonFormatter("trader", mask).format(record(f"key {KEY}"))


@pytest.mark.usefixtures("root_logger")
@pytest.mark.parametrize("as_json", [False, True])
def test_a_file_gets_every_line_too_and_may_be_rotated(tmp_path: Path, as_json: bool) -> None:
    stream, path = io.StringIO(), tmp_path / "trader.log"
    settings = LogSettings(as_json=as_json, file=path)
    configure_logging("trader", settings, stream=stream, environ={})
    log = logging.getLogger("polybot.x")
    log.info("one")
    path.rename(tmp_path / "trader.log.1")
    log.info("two")
    lines = stream.getvalue().splitlines()
    assert (tmp_path / "trader.log.1").read_text().splitlines() == lines[:1]
    assert path.read_text().splitlines() == lines[1:]
    assert (tmp_path / "trader.log.1").stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    settings = LogSettings(file=tmp_path / "absent" / "x.log")
    with pytest.raises(StorageError, match=r"cannot write the log to .*x\.log.*log\.file"):
        configure_logging("trader", settings, stream=io.StringIO(), environ={})
