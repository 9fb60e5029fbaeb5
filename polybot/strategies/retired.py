"""The strategy of an agent that is configured no more: it wants nothing, and may be sold out."""

import msgspec

from polybot.strategies.base import Decision, View


class _Nothing(msgspec.Struct, frozen=True):
    """Neither parameters nor memory."""


class Retired:
    """Holds whatever there is; it stands in where an order needs an agent's name."""

    name = "retired"
    doc = "Wants nothing: stands in for an agent that is configured no more."
    parameters_type: type[msgspec.Struct] = _Nothing
    memory_type: type[msgspec.Struct] = _Nothing

    def decide(self, view: View) -> Decision:
        """Hold."""
        return Decision("hold", "retired", memory=view.memory)
