"""The version, as in the package's metadata; a test keeps the two equal."""

from typing import Final


__version__: Final = "0.1.0"
