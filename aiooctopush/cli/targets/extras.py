"""Error for a command that needs the library of an extra."""

from typing import Self

from ...errors import OctopushError, Outcome


class MissingExtraError(OctopushError, ValueError):
    """A library is not installed."""

    # It is about this machine, and no message.
    outcome: Outcome | None = None

    @classmethod
    def of(cls, error: ModuleNotFoundError, what: str) -> Self:
        """
        For an import that failed.

        Args:
            error: The error that it raised.
            what: The feature that needs the library, for people.
        """
        return cls(
            f"{what} requires {error.name}, which is not installed; "
            'run pip install "aiooctopush[fleet]"'
        )
