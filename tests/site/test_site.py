"""The built site: what is searched is found, and what is private is not shown."""

import json
import re
import runpy
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

import aiooctopush


search = pytest.importorskip("sphinx.search.en", reason="nox -s docs brings it")
ROOT = Path(__file__).parents[2]
SITE = ROOT / "docs" / "_build" / "html"
if not (SITE / "searchindex.js").exists():
    pytest.skip("nox -s docs builds it first", allow_module_level=True)

PAGES = sorted(
    page
    for page in SITE.rglob("*.html")
    if page.name not in {"genindex.html", "py-modindex.html", "search.html"}
    and "_static" not in page.parts
)
NAMES = [page.relative_to(SITE).with_suffix("").as_posix() for page in PAGES]
WANTED = {
    "idempotency key": {"retries", "glossary"},
    "unsubscribe": {"how-to/marketing", "glossary"},
    "opt-out": {"how-to/marketing", "reference/webhooks", "glossary"},
    "quickstart": {"tutorial", "glossary"},
    "distributed": {"fleet", "reference/fleet"},
    "crash recovery": {"how-to/resume", "ledger"},
    "deduplication": {"retries", "glossary"},
    "exactly once": {"outcomes"},
    "OTP": {"reference/api/otp", "reference/cli/otp"},
    "delivery receipt": {"how-to/receipts", "reference/webhooks"},
}


@pytest.fixture(scope="module")
def index():
    """Read what the search of the site reads."""
    text = (SITE / "searchindex.js").read_text("utf-8")
    return json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))


def found(index, words):
    """The pages that hold all of some words, in their text or in a title."""
    language = search.SearchEnglish({})
    pages = set(range(len(index["docnames"])))
    for word in set(re.findall(r"\w+", words.lower())) - language.stopwords:
        here = set()
        for terms in (index["terms"], index["titleterms"]):
            places = terms.get(language.stem(word), [])
            here |= {places} if isinstance(places, int) else set(places)
        pages &= here
    return {index["docnames"][page] for page in pages}


@pytest.mark.parametrize("words", WANTED)
def test_industry_words_find_their_pages(index, words):
    """People search for the words of the industry."""
    assert found(index, words) >= WANTED[words]


class Article(HTMLParser):
    """
    What a page says first, and its signatures.

    Attributes:
        first: The text of the paragraph that follows the title.
        signatures: As they are read.
        shown: All text, and what appears under the pointer.
    """

    def __init__(self, page):
        super().__init__()
        self.first = ""
        self.signatures = []
        self.shown = []
        self._open = []
        self._titled = self._in_first = False
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        """Note a title that appears under the pointer, and where a signature begins."""
        given = dict(attrs)
        self.shown.append(given.get("title") or "")
        if tag == "dt" and "sig-object" in (given.get("class") or ""):
            self.signatures.append("")
            self._open.append(tag)
        if self._titled and not self._in_first and not self.first:
            self._in_first = tag == "p"
            self._titled = tag not in {"pre", "ul", "table"}

    def handle_endtag(self, tag):
        """Note where the title of the page and a signature end."""
        self._titled |= tag == "h1"
        if tag == "p" and self.first:
            self._in_first = False
        if tag == "dt" and self._open:
            self._open.pop()

    def handle_data(self, data):
        """Keep the text."""
        self.shown.append(data)
        if self._open:
            self.signatures[-1] += data
        if self._in_first:
            self.first += data


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_pages_begin_with_a_sentence_and_show_nothing_private(page):
    """What a page is for comes first; files and constants of ours are not shown."""
    article = Article(page)

    assert re.match(r"\w.{20,}?[.:](\s|$)", article.first, re.DOTALL), article.first
    private = r"\baiooctopush(\.\w+)*\._[a-z]\w*\.\w+"
    assert not [one for one in article.shown if re.search(private, unescape(one))]
    constant = r"= _?(?!UNCHANGED)[A-Z][A-Z_]+\b[,)]|\b(Draft|Sent|Status|Request)T\b"
    assert not [one for one in article.signatures if re.search(constant, one)]


def test_assistants_have_a_list_of_all_pages_and_one_file():
    """llms.txt names each page as Markdown, and llms-full.txt holds them."""
    listed = (SITE / "llms.txt").read_text("utf-8")
    whole = (SITE / "llms-full.txt").read_text("utf-8")

    for page in PAGES:
        markdown = page.with_suffix(".md")
        title = markdown.read_text("utf-8").partition("\n")[0]
        assert f"({markdown.relative_to(SITE).as_posix()})" in listed
        assert title.startswith("# ")
        assert title in whole


def test_pages_show_the_version_and_copy_buttons():
    """Both are on the first page; a button copies no prompt."""
    first = (SITE / "index.html").read_text("utf-8")

    assert f"Version {aiooctopush.__version__}" in first
    assert "copybutton.js" in first
    assert r"\\$ " in (SITE / "_static" / "copybutton.js").read_text("utf-8")


def test_a_repository_is_linked_once_it_has_an_address(monkeypatch):
    """An address makes the link in the sidebar and those to the sources."""
    monkeypatch.setenv("DOCS_REPOSITORY", "https://example.org/aiooctopush")

    settings = runpy.run_path(str(ROOT / "docs" / "conf.py"))

    assert settings["html_context"] == {"repository": "https://example.org/aiooctopush"}
    assert settings["html_theme_options"]["source_directory"] == "docs/"
