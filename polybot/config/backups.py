"""How many backups a floor keeps by itself."""

from typing import Annotated

from polybot.config.fields import Doc, Range
from polybot.config.section import Section


class BackupConfig(Section, frozen=True, kw_only=True):
    """What is kept of the dated backups in the state directory."""

    keep: Annotated[
        int, Range(0, 10_000), Doc("dated backups kept, the newest ones; 0: every one")
    ] = 7
