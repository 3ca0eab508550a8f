"""The ``octopush`` command, also as ``python -m aiooctopush``."""

import sys


_NEEDED = {"click", "rich"}
_USAGE_ERROR = 2


def main() -> None:
    """Run the command line, or say what it needs to run."""
    try:
        from .cli.app import octopush

        octopush(prog_name="octopush")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _NEEDED:
            raise
        print(
            f"octopush: the command line requires {error.name}, which is not "
            'installed; run pip install "aiooctopush[cli]"',
            file=sys.stderr,
        )
        sys.exit(_USAGE_ERROR)


if __name__ == "__main__":
    main()
