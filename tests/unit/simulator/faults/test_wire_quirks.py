"""The exchange's second spellings of the same rows."""

from polybot.simulator.faults.wire_quirks import empty_fields, long_statuses


def test_item_01_statuses_are_spelled_long_wherever_they_stand() -> None:
    rows = b'[{"status":"LIVE"},{"status":"MATCHED","outcome":"LIVE"}]'
    assert long_statuses(rows, b"ORDER") == (
        b'[{"status":"ORDER_STATUS_LIVE"},{"status":"ORDER_STATUS_MATCHED","outcome":"LIVE"}]'
    )
    free = b'{"status":"CANCELED_order couldn\'t be filled"}'
    assert long_statuses(free, b"ORDER") == free


def test_item_01_what_there_is_not_is_empty_or_null() -> None:
    row = (
        b'{"size_matched":"0","expiration":"0","associate_trades":[],"created_at":1700000000,'
        b'"price":"0"}'
    )
    assert empty_fields(row) == (
        b'{"size_matched":"","expiration":null,"associate_trades":null,"created_at":"","price":"0"}'
    )
    told = b'{"size_matched":"5","expiration":"1700000000","associate_trades":["a"]}'
    assert empty_fields(told) == told
