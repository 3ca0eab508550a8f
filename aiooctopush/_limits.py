"""How long what is sent may be: apart from `text`, which a send does not load."""

from typing import Final


MAX_TEXT: Final = 1224
"""
Characters of a text: 8 parts of 153.

Source: gateway documentation, "Send SMS". Some pages add "not unicode"; whether
Unicode or escaped characters lower the limit, none says (documented, unseen).
"""

MAX_MERGE_FIELD: Final = 50
"""
Characters of one merged value.

Source: gateway documentation, "Personalized sendings" (documented, unseen).
"""

LOW_COST_MAX: Final = 160
"""
Characters of a low-cost text; a longer one is refused.

Source: gateway documentation, "Special characters" (documented, unseen).
"""
