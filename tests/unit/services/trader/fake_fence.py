"""A fake of the fence as the trader sees it."""


class FakeFence:
    """A fence as a test wants it; `asked` keeps since when each order asked waited."""

    epoch = 1

    def __init__(self) -> None:
        self.raised = ""
        self.stale = ""
        self.cleared = True
        self.asked: list[int] = []

    def is_raised(self) -> bool:
        return bool(self.raised)

    def refusal(self, since_ns: int) -> str:
        self.asked.append(since_ns)
        return self.raised or self.stale

    def is_cleared(self) -> bool:
        return self.cleared
