import pytest

from polybot.config.alerts import AlertsConfig, chats_of
from polybot.errors import InvalidValue


def test_without_a_chat_there_is_none() -> None:
    assert chats_of(AlertsConfig()) == []


def test_each_chat_that_is_set_is_one() -> None:
    alerts = AlertsConfig(
        telegram_bot_token="1:x",
        telegram_chat_id="-100",
        telegram_api_url="https://proxy.example",
        slack_webhook_url="https://hooks.slack.com/s",
        discord_webhook_url="https://discord.com/d",
    )
    assert [(chat.name, chat.url) for chat in chats_of(alerts)] == [
        ("telegram", "https://proxy.example/bot1:x/sendMessage"),
        ("slack", "https://hooks.slack.com/s"),
        ("discord", "https://discord.com/d"),
    ]


@pytest.mark.parametrize(
    "alerts",
    [
        AlertsConfig(telegram_bot_token="1:x"),
        AlertsConfig(telegram_chat_id="-100"),
        AlertsConfig(slack_webhook_url="http://hooks.slack.com/s"),
    ],
)
def test_a_chat_that_is_half_set_up_is_refused(alerts: AlertsConfig) -> None:
    with pytest.raises(InvalidValue):
        chats_of(alerts)
