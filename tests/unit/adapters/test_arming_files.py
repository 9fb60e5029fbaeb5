"""Arming and proofs are whole or absent, private, and read again only when they changed."""

import os
import stat
from pathlib import Path

import msgspec
import pytest

from polybot.adapters.arming_files import ArmingFile, LiveOrderFile, PendingOrderFile
from polybot.domain.arming import Arming, LiveOrderProof
from polybot.errors import StorageError

ARMING = Arming(funder="0x1", signature_type=3, versions=("v1",), armed_ns=5, expires_ns=9, by="me")
PROOF = LiveOrderProof(
    signature_type=3, version="v1", funder="0x1", order_id="0xa", order_hash="0xa", placed_ns=5
)


def test_an_arming_is_read_back_by_another_process(tmp_path: Path) -> None:
    ArmingFile(tmp_path).write(ARMING)
    assert ArmingFile(tmp_path).read() == ARMING
    path = tmp_path / "arming.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["arming.json"]


def test_taking_it_away_is_seen_by_who_read_it_before(tmp_path: Path) -> None:
    reader, writer = ArmingFile(tmp_path), ArmingFile(tmp_path)
    assert reader.read() is None
    writer.write(ARMING)
    assert reader.read() == ARMING
    longer = msgspec.structs.replace(ARMING, expires_ns=99)
    writer.write(longer)
    assert reader.read() == longer
    assert writer.remove()
    assert reader.read() is None
    assert not writer.remove()


def test_a_file_that_did_not_change_is_not_read_again(tmp_path: Path) -> None:
    file = ArmingFile(tmp_path)
    file.write(ARMING)
    assert file.read() is file.read()


@pytest.mark.parametrize("text", [b"", b"{", b'{"funder": 1}', b"\xff"])
def test_a_damaged_arming_is_an_error_that_says_what_to_do(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "arming.json").write_bytes(text)
    with pytest.raises(StorageError, match="polybot arm"):
        ArmingFile(tmp_path).read()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(StorageError, match="cannot write"):
        ArmingFile(blocked).write(ARMING)


def test_what_cannot_be_read_is_not_said_to_be_unwritable(tmp_path: Path) -> None:
    for file in (ArmingFile(tmp_path), LiveOrderFile(tmp_path), PendingOrderFile(tmp_path)):
        file.path.mkdir()
        with pytest.raises(StorageError, match=r"expected a readable .* \(Is a directory\)"):
            file.read()


def test_proofs_of_several_kinds_stand_side_by_side(tmp_path: Path) -> None:
    file = LiveOrderFile(tmp_path)
    other = msgspec.structs.replace(PROOF, version="v2")
    assert file.read() == ()
    file.add(PROOF)
    file.add(other)
    file.add(msgspec.structs.replace(PROOF, placed_ns=7))
    assert [(proof.version, proof.placed_ns) for proof in file.read()] == [("v2", 5), ("v1", 7)]


def test_a_damaged_file_of_proofs_is_begun_anew(tmp_path: Path) -> None:
    file = LiveOrderFile(tmp_path)
    file.path.write_bytes(b"no")
    with pytest.raises(StorageError, match="doctor --live"):
        file.read()
    file.add(PROOF)
    assert file.read() == (PROOF,)


def test_an_order_that_may_rest_is_remembered_until_it_is_gone(tmp_path: Path) -> None:
    file = PendingOrderFile(tmp_path)
    assert file.read() == ""
    file.write("0xaa")
    assert PendingOrderFile(tmp_path).read() == "0xaa"
    file.write("")
    assert file.read() == ""
    assert os.listdir(tmp_path) == []
