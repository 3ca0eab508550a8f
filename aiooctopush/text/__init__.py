"""
Price and encoding of a text, and its changes by the gateway.

Pure functions: number of parts of a text, its most expensive character, the gateway's
replacements, merged values, STOP mentions, and quiet hours of marketing.
"""

from .. import _lazy


with _lazy.late_imports(globals()):
    from .merging import (
        MERGE_FIELDS,
        as_sent,
        check_placeholders,
        merge,
        placeholders,
        problem_of_placeholder,
        suggested_placeholder,
        unknown_placeholders,
    )
    from .quiet_hours import (
        FRENCH_QUIET_HOURS,
        QuietHours,
        easter_sunday,
        in_france,
        public_holidays,
        quiet_until,
    )
    from .segments import (
        DOUBLE_FOR_THE_GATEWAY,
        GSM_BASIC,
        GSM_EXTENSION,
        REPLACEMENTS,
        CostlyCharacter,
        Encoding,
        TextMeasure,
        character_in_words,
        costly_characters,
        measure,
        optimize,
        plain,
    )
    from .stop import (
        has_low_cost_stop,
        has_stop_mention,
        placeholder_runs,
    )


__all__ = [
    "DOUBLE_FOR_THE_GATEWAY",
    "FRENCH_QUIET_HOURS",
    "GSM_BASIC",
    "GSM_EXTENSION",
    "MERGE_FIELDS",
    "REPLACEMENTS",
    "CostlyCharacter",
    "Encoding",
    "QuietHours",
    "TextMeasure",
    "as_sent",
    "character_in_words",
    "check_placeholders",
    "costly_characters",
    "easter_sunday",
    "has_low_cost_stop",
    "has_stop_mention",
    "in_france",
    "measure",
    "merge",
    "optimize",
    "placeholder_runs",
    "placeholders",
    "plain",
    "problem_of_placeholder",
    "public_holidays",
    "quiet_until",
    "suggested_placeholder",
    "unknown_placeholders",
]
