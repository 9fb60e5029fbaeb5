"""The chats of `[alerts]`: their keys, and the chats as what sends to them wants them."""

from typing import TYPE_CHECKING, Annotated

from polybot.config.fields import Doc, EnvName, Secret
from polybot.config.section import Section
from polybot.errors import InvalidValue

if TYPE_CHECKING:
    from polybot.extras.chat import Channel


class AlertsConfig(Section, frozen=True, kw_only=True):
    """Which chats of yours hear of critical alerts; none is needed, each that is set is used."""

    telegram_bot_token: Annotated[
        str, Secret(), EnvName(("TELEGRAM_BOT_TOKEN",)), Doc("token of your Telegram bot")
    ] = ""
    telegram_chat_id: Annotated[
        str, EnvName(("TELEGRAM_CHAT_ID",)), Doc("chat the Telegram bot writes to")
    ] = ""
    telegram_api_url: Annotated[
        str, EnvName(("TELEGRAM_API_URL",)), Doc("Telegram's host, for a proxy of your own")
    ] = "https://api.telegram.org"
    slack_webhook_url: Annotated[
        str, Secret(), EnvName(("SLACK_WEBHOOK_URL",)), Doc("incoming webhook of your Slack")
    ] = ""
    discord_webhook_url: Annotated[
        str, Secret(), EnvName(("DISCORD_WEBHOOK_URL",)), Doc("webhook of your Discord channel")
    ] = ""


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
