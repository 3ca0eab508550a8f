"""
Standard streams whose failures decide nothing.

A full disk, a dead terminal or a closed pipe must not end a command that is sending.
Output that cannot be written is dropped, and the exit code reports the outcome of the
messages.
"""

import codecs
import io
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TextIO


# Replacements of characters that an encoding lacks; the others are decomposed by
# Unicode, so that only an accent is lost.
_REPLACEMENTS: Final = {
    "€": "EUR",
    "…": "...",
    "–": "-",
    "—": "-",
    "×": "x",
    "’": "'",
    "“": '"',
    "”": '"',
}
_FALLBACK: Final = "aiooctopush.similar"


def _similar(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    similar = ""
    for character in error.object[error.start : error.end]:
        parts = unicodedata.normalize("NFKD", character).encode("ascii", "ignore")
        similar += (
            _REPLACEMENTS.get(character) or parts.decode() or ascii(character)[1:-1]
        )
    return similar, error.end


codecs.register_error(_FALLBACK, _similar)


class SteadyStream(io.TextIOBase):
    """
    Write to a stream until it fails, and drop everything from then on.

    Args:
        stream: None for one that is closed, as Python has it then.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_FALLBACK)
        self._encoding = getattr(stream, "encoding", None) or "utf-8"

    @property
    def failed(self) -> bool:
        """Whether nothing can be written any more."""
        return self._stream is None

    @property
    def encoding(self) -> str:  # type: ignore[override]  # fixed here
        """Return the encoding of the stream."""
        return self._encoding

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        """Return the descriptor, for the size of a terminal."""
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return self._stream.fileno()

    def writable(self) -> bool:
        """Return True: output that cannot be written is dropped."""
        return True

    def write(self, text: str, /) -> int:
        """Write, or drop it if the stream fails."""
        if not isinstance(text, str):
            raise TypeError(f"must be a str, not {type(text).__name__}")
        if self._stream is not None:
            try:
                self._stream.write(text)
            except (OSError, ValueError):  # ValueError: it was closed
                self._stream = None
        return len(text)

    def flush(self) -> None:
        """Flush the buffer, or drop it if the stream fails."""
        if self._stream is not None:
            try:
                self._stream.flush()
            except (OSError, ValueError):
                self._stream = None


@contextmanager
def steady_streams() -> Iterator[None]:
    """Let nothing that is written to stdout or stderr raise while the block runs."""
    before = sys.stdout, sys.stderr
    steady = SteadyStream(sys.stdout), SteadyStream(sys.stderr)
    sys.stdout, sys.stderr = steady
    try:
        yield
    finally:
        for one in steady:
            one.flush()
        # One that failed stays: Python would write to the original on its way out,
        # and report that as an error.
        sys.stdout = steady[0] if steady[0].failed else before[0]
        sys.stderr = steady[1] if steady[1].failed else before[1]
