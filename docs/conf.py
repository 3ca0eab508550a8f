"""How Sphinx builds these pages: `nox -s docs`, without a network."""

import os
import re
import sys
import tomllib
from html import escape
from pathlib import Path

from docutils.nodes import Element, Node, document, entry, literal, literal_block, raw
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.domains.python import PyObject
from sphinx.environment import BuildEnvironment

import aiooctopush


HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extension"))

project = "aiooctopush"
author = "The aiooctopush authors"
project_copyright = author
version = release = aiooctopush.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_llm.txt",  # llms.txt, and each page as Markdown
    "generated",  # ours: tables and the command line, from the code itself
    "signatures",  # ours: what they show
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_extension", "_templates"]
default_role = "py:obj"  # what docstrings mean by `Name`

smartquotes_action = "D"  # dashes alone: quotes are to be copied
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 72
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # an attribute that is told of twice is no duplicate

# A repository has no address yet. Once it has, `[project.urls]` says so, or, for a
# copy of it, this variable: the pages then link to it, and to their own sources.
PROJECT = tomllib.loads((HERE.parent / "pyproject.toml").read_text("utf-8"))["project"]
REPOSITORY = os.environ.get("DOCS_REPOSITORY") or PROJECT["urls"].get("Repository")

html_theme = "furo"
html_title = "aiooctopush"
html_static_path = ["_static"]
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "release.html",  # ours: the version, and the repository
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
html_context = {"repository": REPOSITORY}
if REPOSITORY:
    html_theme_options = {
        "source_repository": REPOSITORY,
        "source_branch": os.environ.get("DOCS_BRANCH", "main"),
        "source_directory": "docs/",
    }
html_css_files = ["extra.css"]
html_copy_source = False
# Prompts and what is printed are not copied.
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True
copybutton_line_continuation_character = "\\"
copybutton_selector = (
    "div.highlight-python pre, div.highlight-sh pre, div.highlight-console pre,"
    " div.highlight-sql pre, div.highlight-yaml pre, div.highlight-ini pre"
)

llms_txt_description = PROJECT["description"]
llms_txt_full_build = True  # all pages in one file: llms-full.txt
llms_txt_suffix_mode = "replace"  # tutorial.md beside tutorial.html
llms_txt_nested_enabled = False
llms_txt_build_parallel = False  # what was read for the pages is not read again
llms_txt_suppress_unknown_node_warnings = True  # `*` of a signature

pygments_style = "friendly"
pygments_dark_style = "github-dark"

# Names of other libraries cannot be resolved without a network; ours must be.
nitpick_ignore_regex = [
    (r"py:.*", r"(?!aiooctopush\b).*\..+"),
    (r"py:.*", r"(?!aiooctopush\b)[a-z_]+"),
    (r"py:.*", r"[A-Z]|Path|Decimal|datetime|Final|Callable|Mapping|Self"),
    (r"py:exc", r"SendTaskError"),  # of taskiq
    (r"py:.*", r".*[^\w.].*"),  # `+` is no name, nor is half a union
    # Not for users: type variables, and what only our own classes hand around.
    (r"py:class", r"aiooctopush\..+\.([A-Z]\w*T|[A-Z]|Commit|State)"),
]


def find_public_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: Element
) -> Node | None:
    """
    Find a name where it is public: `aiooctopush.ledgers.records.Ledger` is
    `aiooctopush.Ledger`, and `Ledger` anywhere is the same.
    """
    if node.get("refdomain") != "py":
        return None
    python = env.domains.python_domain
    parts = str(node["reftarget"]).split(".")
    # An attribute has its class before it.
    for name in (".".join(parts[-2:]), parts[-1]):
        found = [
            place
            for place in python.objects
            if place == name or place.endswith(f".{name}")
        ]
        public = [place for place in found if place == f"aiooctopush.{name}"]
        for place in public or found[:1]:
            return python.resolve_xref(
                env, node["refdoc"], app.builder, "obj", place, node, content
            )
    return None


WIDE, WIDER = 100, 145  # characters; a line of a page has some 85


def mark_wide_blocks(app: Sphinx, tree: document, page: str) -> None:
    """Let the style sheet know which tables of plain text do not fit into a page."""
    for block in tree.findall(literal_block):
        width = max(map(len, block.astext().splitlines()), default=0)
        if block.get("language") == "text" and width >= WIDE:
            block["classes"].append("wider" if width >= WIDER else "wide")


LONG = 14  # characters; a cell of a narrow window has about as many


def let_names_break(app: Sphinx, tree: document, page: str) -> None:
    """Let long names in tables break after a dot, a slash or an underscore."""
    if app.builder.format != "html":
        return
    for cell in tree.findall(entry):
        for name in list(cell.findall(literal)):
            if len(name.astext()) > LONG:
                shown = re.sub(r"([./_])(?=\w)", r"\1<wbr>", escape(name.astext()))
                code = f'<code class="docutils literal notranslate">{shown}</code>'
                name.replace_self(raw("", code, format="html"))


def setup(app: Sphinx) -> None:
    """Add what is ours."""
    for one in PyObject.doc_field_types:
        if one.name == "variable":
            one.label = "Attributes"  # as docstrings call them
    app.connect("doctree-resolved", mark_wide_blocks)
    app.connect("doctree-resolved", let_names_break)
    app.connect("missing-reference", find_public_name)
