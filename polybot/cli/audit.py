"""placeholder."""


def audit() -> None:
    """Audit."""
