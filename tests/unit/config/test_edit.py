"""One value changes, and not a line more."""

import pytest

from polybot.config.edit import with_toml_values, with_variable, without_variable
from polybot.config.sample import sample_toml
from polybot.errors import ConfigError

VALUES = {"funder": "0xabc", "signature_type": 3}


def test_a_value_is_replaced_and_everything_else_stays() -> None:
    text = (
        '# mine\nmode = "live"\n[wallet]\nfunder = "0x1" # a\nsignature_type = 0\n[risk]\nx = 1\n'
    )
    assert with_toml_values(text, "wallet", VALUES) == (
        '# mine\nmode = "live"\n[wallet]\nfunder = "0xabc"\nsignature_type = 3\n[risk]\nx = 1\n'
    )


def test_a_default_that_is_commented_out_is_put_in_force() -> None:
    text = '[wallet]\n# Address.\n# funder = ""\n\n[risk]\n# signature_type = 9\n'
    assert with_toml_values(text, "wallet", VALUES) == (
        '[wallet]\nsignature_type = 3\n# Address.\nfunder = "0xabc"\n\n'
        "[risk]\n# signature_type = 9\n"
    )


def test_the_sample_keeps_every_comment() -> None:
    before, after = sample_toml(), with_toml_values(sample_toml(), "wallet", VALUES)
    changed = set(before.splitlines()) ^ set(after.splitlines())
    assert changed == {
        '# funder = ""',
        'funder = "0xabc"',
        "# signature_type = 0",
        "signature_type = 3",
    }


@pytest.mark.parametrize("text", ["", 'mode = "live"', "[risk]\nx = 1"])
def test_a_section_that_is_missing_is_added(text: str) -> None:
    edited = with_toml_values(text, "wallet", VALUES)
    assert edited.startswith(text)
    assert '[wallet]\nsignature_type = 3\nfunder = "0xabc"\n' in edited


@pytest.mark.parametrize(
    "text", ['wallet = { funder = "0x1" }\n', 'wallet.funder = "0x1"\n', "broken\n"]
)
def test_a_file_written_in_another_way_is_left_to_the_person(text: str) -> None:
    with pytest.raises(ConfigError, match="write into its"):
        with_toml_values(text, "wallet", VALUES)


def test_a_variable_is_set_once() -> None:
    text = "# keys\nA=1\nexport KEY=old\nKEY = older\nKEYS=2"
    assert with_variable(text, "KEY", "new") == "# keys\nA=1\nKEYS=2\nKEY=new\n"
    assert with_variable("", "KEY", "new") == "KEY=new\n"


def test_a_variable_is_taken_out_wherever_it_stands() -> None:
    assert without_variable("A=1\nexport B=2\n B = 3\nBB=4", "B") == "A=1\nBB=4\n"
    assert without_variable("", "B") == ""
