"""What is logged, how, and into which file."""

from pathlib import Path
from typing import Annotated

from polybot.config.fields import Doc, EnvName, OneOf
from polybot.config.locations import absolute
from polybot.config.section import Section


class LogConfig(Section, frozen=True, kw_only=True):
    """What is logged."""

    level: Annotated[
        str,
        OneOf(("debug", "info", "warning", "error")),
        EnvName(("LOG_LEVEL",)),
        Doc("lowest level that is logged"),
    ] = "info"
    format: Annotated[
        str, OneOf(("text", "json")), Doc("lines for people, or one JSON object a line")
    ] = "text"
    file: Annotated[
        str, EnvName(("LOG_FILE",)), Doc("a file that gets every line too; empty: none")
    ] = ""

    def path(self, root: Path) -> Path | None:
        """Return the file's path, a relative one below `root`; None when none is wanted."""
        return absolute(self.file, root) if self.file else None
