"""What the pictures share: a page for light and for dark, and words on it."""

from collections.abc import Iterable
from html import escape
from typing import Final


_STYLE: Final = """\
  text {{ font-family: system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }}
  .page {{ fill: #ffffff; }} .ink {{ fill: #1f2328; }} .soft {{ fill: #59636e; }}
  .line {{ stroke: #d1d9e0; }}
{light}
  @media (prefers-color-scheme: dark) {{
    .page {{ fill: #0d1117; }} .ink {{ fill: #f0f6fc; }} .soft {{ fill: #9198a1; }}
    .line {{ stroke: #3d444d; }}
{dark}
  }}"""


def frame(
    title: str,
    content: Iterable[str],
    *,
    size: tuple[int, int],
    light: str = "",
    dark: str = "",
) -> str:
    """
    Put a picture on a page.

    Args:
        title: For those who cannot see it.
        content: Elements, in the order in which they are painted.
        size: Width and height.
        light: Further rules of style.
        dark: The same where the page is dark.
    """
    width, height = size
    view = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    space = "http://www.w3.org/2000/svg"
    return "\n".join(
        [
            f'<svg xmlns="{space}" {view} role="img" aria-labelledby="title">',
            f'<title id="title">{escape(title)}</title>',
            f"<style>\n{_STYLE.format(light=light, dark=dark)}\n</style>",
            f'<rect class="page" width="{width}" height="{height}" rx="8"/>',
            *content,
            "</svg>\n",
        ]
    )


def text(
    x: float,
    y: float,
    words: str,
    colour: str,
    size: float,
    *,
    bold: bool = False,
    end: bool = False,
) -> str:
    """Words at a place, which they begin at or end at."""
    weight = ' font-weight="600"' if bold else ""
    anchor = ' text-anchor="end"' if end else ""
    return (
        f'<text class="{colour}" x="{x:g}" y="{y:g}" font-size="{size:g}"'
        f"{weight}{anchor}>{escape(words)}</text>"
    )
