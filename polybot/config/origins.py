"""Where a configuration value came from."""

import enum
from pathlib import Path
from typing import Any

import msgspec


class Layer(enum.Enum):
    """The sources of values, weakest first."""

    DEFAULT = "default"
    FILE = "file"
    DOTENV = ".env"
    CREDENTIAL = "systemd credential"
    FLOOR = "running floor"
    ENVIRONMENT = "environment"


class Origin(msgspec.Struct, frozen=True):
    """One source: a layer, the file or variable, and where relative paths in it start from."""

    layer: Layer
    name: str = ""
    base: Path = Path()

    def describe(self) -> str:
        """Say it as a person would look for it."""
        return f"{self.layer.value}: {self.name}" if self.name else self.layer.value


DEFAULT = Origin(Layer.DEFAULT)


class Setting(msgspec.Struct, frozen=True):
    """A value as it was written: a TOML value, or text when it comes from an environment."""

    raw: Any
    origin: Origin
    is_text: bool = False
