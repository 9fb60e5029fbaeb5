"""Stores of an arming, real and fake, offer the port."""

from pathlib import Path

from polybot.adapters.arming_files import ArmingFile
from polybot.ports import ArmingStore
from tests.unit.ports.contract import unmet
from tests.unit.services.trader.test_arming import Store


def test_stores_offer_the_port(tmp_path: Path) -> None:
    for made in (ArmingFile(tmp_path), Store()):
        assert unmet(ArmingStore, made) == []
