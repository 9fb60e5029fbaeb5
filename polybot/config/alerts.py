"""The chats of `[alerts]`, as the program that sends to them wants to know them."""

from typing import TYPE_CHECKING

from polybot.config.schema import AlertsConfig
from polybot.errors import InvalidValue

if TYPE_CHECKING:
    from polybot.extras.chat import Channel


def chats_of(alerts: AlertsConfig) -> "list[Channel]":
    """Return the chats that are set up; raises InvalidValue for one that is half set up."""
    settings = {
        "TELEGRAM_BOT_TOKEN": alerts.telegram_bot_token,
        "TELEGRAM_CHAT_ID": alerts.telegram_chat_id,
        "SLACK_WEBHOOK_URL": alerts.slack_webhook_url,
        "DISCORD_WEBHOOK_URL": alerts.discord_webhook_url,
    }
    if not any(settings.values()):
        # What speaks to chats costs a start some milliseconds.
        return []
    from polybot.extras.chat import Unusable, channels_of  # noqa: PLC0415

    try:
        return channels_of({**settings, "TELEGRAM_API_URL": alerts.telegram_api_url})
    except Unusable as error:
        raise InvalidValue(str(error)) from error
