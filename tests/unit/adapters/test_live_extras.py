"""What the exchange's client says in its own process becomes a result or a typed error."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from polybot.adapters.live_extras import ExtrasRequest, LiveExtras
from polybot.errors import (
    InvalidValue,
    OutcomeUnknown,
    PolybotError,
    RateLimited,
    Rejected,
    Unavailable,
)

KEY = "0x" + "11" * 32
REQUEST = ExtrasRequest(
    command="redeem",
    private_key=KEY,
    wallet="0xwallet",
    wallet_type="EOA",
    chain_id=137,
    urls={"clob_url": "http://127.0.0.1:1"},
    loopback_only=True,
)
SENDING = {"event": "sending", "what": "redeem"}
SENT = {"event": "sent", "transaction_id": "tx-1", "transaction_hash": None}


def program(directory: Path, *lines: str) -> Path:
    path = directory / "program.py"
    path.write_text("\n".join(("import json, os, sys, time", *lines)))
    return path


def saying(directory: Path, *told: Any, then: str = "") -> Path:
    texts = [text if isinstance(text, str) else json.dumps(text) for text in told]
    return program(directory, *(f"print({text!r}, flush=True)" for text in texts), then)


def run(path: Path, timeout_s: float = 20.0) -> tuple[Any, list[Any]]:
    notes: list[Any] = []
    return LiveExtras(Path(sys.executable), timeout_s, path).run(REQUEST, notes.append), notes


def failed(kind: str, **fields: Any) -> dict[str, Any]:
    error = {"kind": kind, "type": "TheirError", "message": "their words", "status": None}
    return {"ok": False, "error": error | fields}


def test_the_result_comes_back_and_every_line_before_it_is_noted(tmp_path: Path) -> None:
    path = saying(tmp_path, SENDING, SENT, {"ok": True, "result": {"hash": "0x1"}})
    assert run(path) == ({"hash": "0x1"}, [SENDING, SENT])


def test_the_key_is_in_the_standard_input_and_nowhere_else(tmp_path: Path) -> None:
    path = program(
        tmp_path,
        "told = json.load(sys.stdin)",
        "result = {'key': told['private_key'], 'argv': sys.argv, 'environ': dict(os.environ)}",
        "print(json.dumps({'ok': True, 'result': result}))",
    )
    result, _ = run(path)
    assert result.pop("key") == KEY
    assert KEY.removeprefix("0x") not in json.dumps(result)
    assert set(result["environ"]) <= {"PATH", "LANG", "PYTHONDONTWRITEBYTECODE", "LC_CTYPE"}
    assert KEY not in repr(REQUEST)


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (failed("bad_input"), InvalidValue),
        (failed("rejected", status=400), Rejected),
        (failed("rate_limited", status=429), RateLimited),
        (failed("unreachable"), Unavailable),
        (failed("timeout"), Unavailable),
        (failed("internal"), Unavailable),
    ],
)
def test_before_anything_is_sent_an_error_says_that_nothing_was(
    tmp_path: Path, told: dict[str, Any], error: type[PolybotError]
) -> None:
    with pytest.raises(error) as caught:
        run(saying(tmp_path, told))
    assert not isinstance(caught.value, OutcomeUnknown)
    assert "their words" in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ((SENDING, failed("rejected", status=400)), Rejected),
        ((SENDING, failed("rejected", status=502)), OutcomeUnknown),
        ((SENDING, failed("unreachable")), OutcomeUnknown),
        ((SENDING, failed("internal")), OutcomeUnknown),
        ((SENDING, SENT, failed("failed")), Rejected),
        ((SENDING, SENT, failed("rejected", status=404)), OutcomeUnknown),
        ((SENDING, SENT, failed("rate_limited", status=429)), OutcomeUnknown),
        ((SENDING, SENT, failed("timeout")), OutcomeUnknown),
    ],
)
def test_once_something_is_on_its_way_only_a_definite_answer_is_one(
    tmp_path: Path, lines: tuple[Any, ...], error: type[PolybotError]
) -> None:
    with pytest.raises(error) as caught:
        run(saying(tmp_path, *lines))
    if error is OutcomeUnknown and SENT in lines:
        assert "transaction tx-1 may have been carried out" in str(caught.value)


@pytest.mark.parametrize(("lines", "error"), [((), Unavailable), ((SENDING,), OutcomeUnknown)])
def test_a_program_that_just_ends_leaves_open_what_it_had_begun(
    tmp_path: Path, lines: tuple[Any, ...], error: type[PolybotError]
) -> None:
    with pytest.raises(error, match="ended without an answer"):
        run(saying(tmp_path, *lines))


@pytest.mark.parametrize(("lines", "error"), [((), Unavailable), ((SENDING,), OutcomeUnknown)])
def test_a_program_that_takes_too_long_is_ended(
    tmp_path: Path, lines: tuple[Any, ...], error: type[PolybotError]
) -> None:
    with pytest.raises(error, match=r"no answer within 1\.5 s"):
        run(saying(tmp_path, *lines, then="time.sleep(60)"), timeout_s=1.5)


@pytest.mark.parametrize("text", ["<html>", "[1]"])
def test_what_is_no_json_object_is_no_answer(tmp_path: Path, text: str) -> None:
    with pytest.raises(Unavailable, match="unreadable answer"):
        run(saying(tmp_path, text))


def test_a_python_that_is_not_there_says_how_to_install_it(tmp_path: Path) -> None:
    extras = LiveExtras(tmp_path / "nowhere", 1.0)
    with pytest.raises(PolybotError, match="make install-live"):
        extras.run(REQUEST, lambda _: None)
