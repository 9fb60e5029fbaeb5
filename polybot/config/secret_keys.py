"""The secrets an installation keeps: their names, and which units get each of them."""

from functools import cache

import msgspec

from polybot.config.keys import all_keys
from polybot.config.locations import INSTALLED_CONFIG

INSTALLED_CREDENTIALS = INSTALLED_CONFIG.parent / "credentials"

# Who chats: the watchdog's alerts, the alert of a failed unit, the daily report.
_CHATTING = ("polybot-watchdog", "polybot-alert@", "polybot-report")

# The units name the same credentials (LoadCredentialEncrypted=); what is not here goes to no unit:
# commands alone use it.
_UNITS: dict[str, tuple[str, ...]] = {
    "polymarket_private_key": ("polybot-trader",),
    "openai_api_key": ("polybot-reflector",),
    "telegram_bot_token": _CHATTING,
    "telegram_chat_id": _CHATTING,
    "slack_webhook_url": _CHATTING,
    "discord_webhook_url": _CHATTING,
}
# No secret, but worth nothing without the token, and units may get both from one place.
_BESIDE_SECRETS = frozenset({"alerts.telegram_chat_id"})


class SecretName(msgspec.Struct, frozen=True, kw_only=True):
    """A secret: its credential's name, the key and variable it stands for, who gets it.

    `units` are names without `.service`.
    """

    name: str
    key: str
    variable: str
    units: tuple[str, ...]
    doc: str


@cache
def secret_names() -> dict[str, SecretName]:
    """Return every secret by its name, in the schema's order."""
    found = {}
    for key in all_keys().values():
        if (key.secret or key.path in _BESIDE_SECRETS) and key.environment_names:
            variable = key.environment_names[0]
            name = variable.lower()
            found[name] = SecretName(
                name=name, key=key.path, variable=variable, units=_UNITS.get(name, ()), doc=key.doc
            )
    return found
