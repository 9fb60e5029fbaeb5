"""`polybot secret`: keeps secrets where only the services that need them get at them."""

import getpass
import sys
from typing import Annotated

import typer

from polybot.cli.exits import CommandError, Unknown, Usage
from polybot.cli.identity import is_service_floor
from polybot.cli.options import Json, examples
from polybot.cli.output import say, show_json, show_table, warn
from polybot.cli.secret_places import store_of
from polybot.config.load import LoadedConfig, load
from polybot.config.secret_keys import SecretName, secret_names

_LONGEST = 10_000
_KEY = "wallet.private_key"
# One without the other is an error of the configuration, which keeps services from starting.
_HALVES = {"telegram_bot_token": "telegram_chat_id", "telegram_chat_id": "telegram_bot_token"}

app = typer.Typer(
    help="Store, list and remove secrets: keys and tokens, never shown again.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Name = Annotated[str, typer.Argument(help="The secret's name, see `polybot secret list`.")]


@app.command(
    "set",
    epilog=examples(
        "polybot secret set telegram_bot_token",
        "polybot secret set openai_api_key --stdin < key.txt",
    ),
)
def set_secret(
    name: Name,
    from_stdin: Annotated[
        bool, typer.Option("--stdin", help="Read the value from standard input.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Store a secret in place of an earlier one; asks for it without showing it.

    In an installation it is encrypted for this machine and reaches only the services that need it,
    at their next start. In a clone it is a line of .env.
    """
    secret = named(name)
    value = read_value(secret, from_stdin=from_stdin)
    loaded = load(lenient=True)
    store = store_of(loaded.locations)
    warning = store.store(secret, value)
    if warning:
        warn(f"WARNING: {warning}")
        warn("whoever can read this disk, or a backup of it, can read it")
    places = store.places()
    steps = _next(secret, loaded)
    half = secret_names().get(_HALVES.get(secret.name, ""))
    if half is not None and half.name not in places and not loaded.values[half.key]:
        steps.insert(0, f"polybot secret set {half.name}")
    place = places[secret.name]
    if as_json:
        show_json({"name": secret.name, "place": place, "warning": warning, "next": steps})
        return
    say(f"stored   {place}")
    for step in steps:
        say(f"next     {step}")


@app.command("list", epilog=examples("polybot secret list", "polybot secret list --json"))
def list_secrets(as_json: Json = False) -> None:
    """List every secret there can be, where it is stored and who gets it; never a value."""
    places = store_of(load(lenient=True).locations).places()
    if as_json:
        show_json(
            [
                {
                    "name": secret.name,
                    "key": secret.key,
                    "place": places.get(secret.name),
                    "units": list(secret.units),
                }
                for secret in secret_names().values()
            ]
        )
        return
    show_table(
        ("name", "stored", "for"),
        [
            (secret.name, places.get(secret.name, "-"), ", ".join(secret.units) or "commands")
            for secret in secret_names().values()
        ],
    )


@app.command(epilog=examples("polybot secret remove openai_api_key"))
def remove(name: Name, as_json: Json = False) -> None:
    """Forget a secret. A service that runs has it until it is started again."""
    secret = named(name)
    loaded = load(lenient=True)
    store = store_of(loaded.locations)
    if not store.remove(secret):
        raise Unknown(f"expected {secret.name} to be stored, was not")
    steps = _next(secret, loaded)
    half = _HALVES.get(secret.name, "")
    if half in store.places():
        steps.insert(0, f"polybot secret remove {half}")
    if as_json:
        show_json({"name": secret.name, "removed": True, "next": steps})
        return
    say(f"removed  {secret.name}")
    for step in steps:
        say(f"next     {step}")


def named(name: str) -> SecretName:
    """Return a secret by its name, in either case; raises Usage listing every name."""
    found = secret_names().get(name.lower())
    if found is None:
        raise Usage(f"expected a secret's name, one of {', '.join(secret_names())}, was {name!r}")
    return found


def read_value(secret: SecretName, *, from_stdin: bool) -> str:
    """Return a value as typed without echo, or as standard input has it; raises CommandError."""
    if from_stdin or not sys.stdin.isatty():
        value = sys.stdin.read(_LONGEST).strip()
    else:
        value = getpass.getpass(f"{secret.name} (not shown): ").strip()
    if not value or any(not letter.isprintable() for letter in value):
        raise CommandError(f"expected one line for {secret.name}, was none; nothing was stored")
    if secret.key == _KEY:
        # Without coincurve this import fails, and only what signs may fail with it.
        from polybot.cli.init import signer_of  # noqa: PLC0415

        signer_of(value)
    return value


def _next(secret: SecretName, loaded: LoadedConfig) -> list[str]:
    if not is_service_floor(loaded.locations):
        return []
    # An instance of a template, and a timer's job, read it at their next run by themselves.
    return [
        f"systemctl restart {unit}"
        for unit in secret.units
        if not unit.endswith("@") and unit != "polybot-report"
    ]
