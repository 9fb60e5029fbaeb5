"""Tests of where values come from."""

from polybot.config.origins import DEFAULT, Layer, Origin


def test_an_origin_says_where_to_look() -> None:
    assert Origin(Layer.FILE, "/etc/polybot/polybot.toml").describe() == (
        "file: /etc/polybot/polybot.toml"
    )
    assert DEFAULT.describe() == "default"
