"""The wallet's two files: the private key, which only the trader reads, and the API credentials."""

import json
import os
import secrets
from pathlib import Path

import msgspec

from polybot.errors import ConfigError
from polybot.exchange.l2_auth import ApiCredentials

_KEY_BYTES = 32


class AccountCredentials(msgspec.Struct, frozen=True):
    """What reads and cancels need: no private key among it."""

    address: str
    funder: str
    signature_type: int
    api: ApiCredentials


class WalletFiles:
    """`key` and `credentials.json` in one directory of mode 0700, each of mode 0600."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.key_path = directory / "key"
        self.credentials_path = directory / "credentials.json"

    def play_key(self) -> str:
        """Return the play wallet's private key, made on first use; never for live trading."""
        if not self.key_path.exists():
            self._write(self.key_path, "0x" + secrets.token_bytes(_KEY_BYTES).hex() + "\n")
        return self.key_path.read_text().strip()

    def save_credentials(self, account: AccountCredentials) -> None:
        """Write the credentials for the tracker, the watchdog and the commands."""
        self._write(
            self.credentials_path,
            json.dumps(
                {
                    "address": account.address,
                    "funder": account.funder,
                    "signature_type": account.signature_type,
                    "api_key": account.api.api_key,
                    "secret": account.api.secret,
                    "passphrase": account.api.passphrase,
                }
            ),
        )

    def credentials(self) -> AccountCredentials | None:
        """Return the credentials, None while the trader has not logged in yet."""
        try:
            values = json.loads(self.credentials_path.read_text())
            return AccountCredentials(
                address=values["address"],
                funder=values["funder"],
                signature_type=values["signature_type"],
                api=ApiCredentials(
                    api_key=values["api_key"],
                    secret=values["secret"],
                    passphrase=values["passphrase"],
                ),
            )
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            message = (
                f"expected API credentials in {self.credentials_path}, was unreadable "
                f"({type(error).__name__}); delete the file and the trader logs in again"
            )
            raise ConfigError([message]) from error

    def _write(self, path: Path, text: str) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_suffix(".new")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
