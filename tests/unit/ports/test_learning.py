from polybot.ports import Analyst, Comment
from polybot.services.reflector.needs import NullAnalyst


def test_a_comment_without_words_has_no_insights_and_no_error() -> None:
    assert Comment("m") == Comment("m", (), "")


def test_saying_nothing_is_a_way_to_be_an_analyst() -> None:
    analyst: Analyst = NullAnalyst()
    analyst.ask("m", {})

    assert analyst.take() == [Comment("m")]
