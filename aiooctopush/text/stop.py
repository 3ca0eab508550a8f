"""STOP mentions that marketing needs in France."""

import re


_stop_mention = re.compile(r"STOP au (?:X{5}(?!X)|[0-9]{5}(?![0-9]))").search
_five_x = re.compile(r"(?<!X)X{5}(?!X)").findall


def has_stop_mention(text: str) -> bool:
    """
    Return whether a text has the mention that premium marketing needs in France.

    ``STOP au XXXXX``, for which the gateway fills in the carrier's short number, or
    that number itself, as in ``STOP au 30101``. The case counts.

    Source: gateway documentation, "Return codes", and a response captured by a
    third-party client.
    """
    return _stop_mention(text) is not None


def has_low_cost_stop(text: str) -> bool:
    """
    Return whether a text has ``no PUB=STOP``, which low-cost marketing needs.

    The case counts.

    Source: gateway documentation, "Return codes" (documented, unseen).
    """
    return "no PUB=STOP" in text


def placeholder_runs(text: str) -> int:
    """
    Count the runs of exactly five X.

    The gateway puts the carrier's short number in place of each, not only in the
    mention: more than one is worth a warning.

    Source: the gateway's blog, 2013 (documented, unseen).
    """
    return len(_five_x(text))
