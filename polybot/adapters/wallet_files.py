"""The wallet's two files: the private key, which only the trader reads, and the API credentials."""

import json
import secrets
from pathlib import Path

import msgspec

from polybot.config.private_files import read_text, replace_text
from polybot.errors import ConfigError, StorageError
from polybot.exchange.l2_auth import ApiCredentials

_KEY_BYTES = 32


class AccountCredentials(msgspec.Struct, frozen=True):
    """What reads and cancels need: no private key among it."""

    address: str
    funder: str
    signature_type: int
    api: ApiCredentials


class WalletFiles:
    """`key` and `credentials.json` in one directory of mode 0700, each of mode 0600.

    What reads or writes raises StorageError when the disk refuses.
    """

    def __init__(self, directory: Path) -> None:
        self.key_path = directory / "key"
        self.credentials_path = directory / "credentials.json"

    def play_key(self) -> str:
        """Return the play wallet's private key, made on first use; never for live trading."""
        told = read_text(self.key_path)
        if told or self.key_path.exists():
            return told.strip()
        key = "0x" + secrets.token_bytes(_KEY_BYTES).hex()
        replace_text(self.key_path, f"{key}\n", private=True)
        return key

    def save_credentials(self, account: AccountCredentials) -> None:
        """Write the credentials for the tracker, the watchdog and the commands."""
        told = {
            "address": account.address,
            "funder": account.funder,
            "signature_type": account.signature_type,
            "api_key": account.api.api_key,
            "secret": account.api.secret,
            "passphrase": account.api.passphrase,
        }
        replace_text(self.credentials_path, json.dumps(told), private=True)

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
        except OSError as error:
            raise StorageError(
                f"expected to read {self.credentials_path}, was refused ({error.strerror}): it "
                "holds API credentials, which are for root and the service alone"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            message = (
                f"expected API credentials in {self.credentials_path}, was unreadable "
                f"({type(error).__name__}); delete the file and the trader logs in again"
            )
            raise ConfigError([message]) from error
