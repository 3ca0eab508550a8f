"""The logger of the package. It prints nothing until a program sets up logging."""

import logging
from typing import Final


logger: Final = logging.getLogger("aiooctopush")
logger.addHandler(logging.NullHandler())
