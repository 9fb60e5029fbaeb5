"""What each agent's settled windows earned, so that a trade undone later can be put right."""

import msgspec

from polybot.messages.trading import AgentResult, AgentResultCorrected


class Earned(msgspec.Struct, kw_only=True):
    """The results counted so far, by "agent/slug", each as it is after its corrections."""

    results: dict[str, AgentResult] = {}

    def counted(self, event: AgentResult) -> None:
        """Take note of a result."""
        self.results[_key(event.agent, event.slug)] = event

    def corrected(self, event: AgentResultCorrected) -> AgentResult | None:
        """Take over a corrected result; returns what it was before."""
        key = _key(event.agent, event.slug)
        before = self.results.get(key)
        if before is not None:
            self.results[key] = msgspec.structs.replace(before, pnl_usdc=event.pnl_usdc)
        return before

    def of(self, agent: str, slug: str) -> AgentResult | None:
        """Return a result, None where none was counted."""
        return self.results.get(_key(agent, slug))

    def forget(self, slug: str) -> None:
        """Drop a window that is long over."""
        for key in [key for key, result in self.results.items() if result.slug == slug]:
            del self.results[key]

    def copy(self) -> "Earned":
        """Return a copy that later events do not change."""
        return Earned(results=dict(self.results))


def _key(agent: str, slug: str) -> str:
    return f"{agent}/{slug}"
