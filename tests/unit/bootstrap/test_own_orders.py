from pathlib import Path

import pytest

from polybot.adapters.arming_files import LiveOrderFile, PendingOrderFile
from polybot.bootstrap.own_orders import doctor_orders
from polybot.domain.arming import LiveOrderProof


def proof(order_id: str, order_hash: str) -> LiveOrderProof:
    return LiveOrderProof(
        signature_type=0,
        version="v1",
        funder="0xfunder",
        order_id=order_id,
        order_hash=order_hash,
        placed_ns=1,
    )


def test_where_the_doctor_never_ordered_nothing_is_its(tmp_path: Path) -> None:
    assert doctor_orders(tmp_path) == ()


def test_the_one_that_may_rest_comes_first_and_each_once(tmp_path: Path) -> None:
    PendingOrderFile(tmp_path).write("0xpending")
    LiveOrderFile(tmp_path).add(proof("0xa", "0xa"))

    assert doctor_orders(tmp_path) == ("0xpending", "0xa")


def test_a_file_that_cannot_be_read_names_none_and_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    LiveOrderFile(tmp_path).path.write_text("{")
    PendingOrderFile(tmp_path).write("0xpending")

    assert doctor_orders(tmp_path) == ("0xpending",)
    assert "live-orders.json" in caplog.text
