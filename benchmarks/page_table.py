"""A table of a page of the documentation, whose figures stand to the right."""

from collections.abc import Iterable, Sequence


def page_table(
    head: Sequence[str], rows: Iterable[Sequence[object]], *, words: int = 1
) -> str:
    """
    Markdown, with a comma in each whole number over a thousand.

    Args:
        head: The headings.
        rows: Cells; what is no whole number is shown as it is.
        words: How many columns hold words; all others stand to the right.
    """
    rule = [":---"] * words + ["---:"] * (len(head) - words)
    shown = [
        [f"{one:,}" if isinstance(one, int) else str(one) for one in row]
        for row in rows
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, rule, *shown])
