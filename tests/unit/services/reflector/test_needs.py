from zoneinfo import ZoneInfo

from polybot.domain.triggers import TriggerRules
from polybot.ports import Comment
from polybot.services.reflector.needs import NullAnalyst, ReflectorSettings


def test_the_null_analyst_answers_every_question_once_with_nothing() -> None:
    analyst = NullAnalyst()
    analyst.ask("a", {"trades": 1})
    analyst.ask("b", {})

    assert analyst.take() == [Comment("a"), Comment("b")]
    assert analyst.take() == []
    analyst.stop()


def test_grades_and_market_time_are_what_it_listens_to() -> None:
    settings = ReflectorSettings(
        rules=TriggerRules(), zone=ZoneInfo("America/New_York"), lookback_ns=1
    )

    assert settings.sources == ("tracker", "simulator")
