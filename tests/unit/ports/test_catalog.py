"""A catalog answers by slug; an answer without a market may say why."""

from polybot.adapters.gamma_catalog import GammaCatalog
from polybot.ports import CatalogAnswer, MarketCatalog
from tests.fakes import FakeCatalog
from tests.unit.ports.contract import unmet


def test_catalogs_offer_the_port() -> None:
    for catalog in (GammaCatalog(None, wake=lambda: None), FakeCatalog()):
        assert unmet(MarketCatalog, catalog) == []


def test_an_answer_is_unresolved_and_open_unless_it_says_otherwise() -> None:
    answer = CatalogAnswer("btc-updown-5m-1", None)
    assert (answer.resolved, answer.closed, answer.error) == ("", False, None)
