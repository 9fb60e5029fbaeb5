"""placeholder."""

EXAMPLES = ("polybot simulator",)


def simulator() -> None:
    """Run the simulated exchange alone."""
