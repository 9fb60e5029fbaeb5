import pytest

from polybot.runtime.log_fields import fields_of

SLUG = "btc-updown-15m-1795288500"


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("nothing to see", {}),
        (f"graded: {SLUG} was Down", {"window": (SLUG,)}),
        (
            f"{SLUG}, then {SLUG} and eth-updown-1h-1795290000",
            {"window": (SLUG, "eth-updown-1h-1795290000")},
        ),
        ("order 0xc86aed5e60: sold", {"order": ("0xc86aed5e60",)}),
        (f"order 0x{'ab' * 32} of {SLUG}", {"window": (SLUG,), "order": ("0xababababab",)}),
        (f"journal head of trader: 64:{'de' * 32}", {}),
        (f"wallet 0x{'AB' * 20}", {}),
        ("slow-updown-15m-17952885", {}),
    ],
)
def test_windows_and_orders_are_found_by_their_names(
    text: str, fields: dict[str, tuple[str, ...]]
) -> None:
    assert fields_of(text) == fields
