"""Operators' HTML: made harmless for a browser, and rendered as plain text."""

import html
import itertools
import re
from collections.abc import Callable
from html.parser import HTMLParser

import nh3

MAX_HTML_CHARS = 200_000

TAGS = {"p", "br", "a", "b", "strong", "i", "em", "u", "ul", "ol", "li", "code", "pre", "blockquote", "img"}
ATTRIBUTES = {"a": {"href"}, "img": {"src", "alt"}}
SCHEMES = {"http", "https", "mailto"}
UNSEEN = {"script", "style", "title", "template", "noscript", "iframe", "object", "svg", "math", "textarea"}

BLOCKS = {"p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote", "pre", "table"}
LINES = {"br", "li", "tr"}

# Intercom wraps every HTML body in a block; a body that doesn't begin with one is plain text (webhooks since 2.15).
_BLOCK = re.compile(r"\s*<(p|div|h[1-6]|ul|ol|pre|blockquote|table|img|br|figure)\b[^>]*>", re.IGNORECASE)
_IMAGE_QUERY = re.compile(r'(<img\b[^>]*?\bsrc="[^"?]*)\?[^"]*')
_IMAGE = re.compile(r'(<img(?: alt="[^"]*")? src=")([^"]*)')
_PLAIN_TAGS = re.compile(r"</?p>|<br>")


def is_html(body: str) -> bool:
    """Whether a body of Intercom's is HTML rather than plain text."""
    return _BLOCK.match(body) is not None


def sanitised(body: str) -> str:
    """The HTML with only the tags of the contract, links to http, https and mailto, and no attribute that could act."""
    return nh3.clean(
        body[:MAX_HTML_CHARS],
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes=SCHEMES,
        url_relative="deny",
        clean_content_tags=UNSEEN,
        link_rel="noopener noreferrer nofollow",
    )


def without_signatures(clean: str | None) -> str | None:
    """Sanitised HTML without the queries of its images: Intercom signs those anew in each answer."""
    return clean and _IMAGE_QUERY.sub(r"\1", clean)


def images(clean: str | None) -> list[str]:
    """The addresses of the images in sanitised HTML, in their order."""
    return [html.unescape(found[2]) for found in _IMAGE.finditer(clean or "")]


def with_images(clean: str, address: Callable[[int], str]) -> str:
    """Sanitised HTML with other addresses of its images, each by its place among them."""
    places = itertools.count()
    return _IMAGE.sub(lambda found: found[1] + html.escape(address(next(places))), clean)


def is_plain(clean: str) -> bool:
    """Whether sanitised HTML says no more than its text: paragraphs and line breaks only."""
    return "<" not in _PLAIN_TAGS.sub("", clean)


def as_text(body: str, *, with_targets: bool = True) -> str:
    """The HTML as plain text: blocks as paragraphs, list items with a dash, links followed by where they lead.

    Without `with_targets` a link is its words only: Intercom makes links of addresses that a user typed.
    """
    well_formed = nh3.clean(
        body[:MAX_HTML_CHARS],
        tags=TAGS | BLOCKS | LINES,
        attributes={"a": {"href"} if with_targets else set(), "img": {"alt"}},
        url_schemes=SCHEMES,
        url_relative="deny",
        clean_content_tags=UNSEEN,
        link_rel=None,
    )
    reader = _TextReader()
    reader.feed(well_formed)
    reader.close()
    return reader.text()


def squeezed(text: str) -> str:
    """The text with its white space folded, for comparing."""
    return " ".join(text.split())


def unescaped(name: str) -> str:
    """A name as written: Intercom may encode it for HTML (Intercom's docs, encoding)."""
    return html.unescape(name)


class _TextReader(HTMLParser):
    """Collects the text of HTML that nh3 has made well formed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._out: list[str] = []
        self._verbatim = 0
        self._links: list[tuple[str, int]] = []

    def text(self) -> str:
        joined = re.sub(r"[ \t]+\n", "\n", "".join(self._out))
        return re.sub(r"\n{3,}", "\n\n", joined).strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in BLOCKS or tag in LINES:
            self._break(tag)
            self._verbatim += tag == "pre"
        elif tag == "a":
            self._links.append((dict(attrs).get("href") or "", len(self._out)))
        if tag == "li":
            self._out.append("- ")
        if tag == "img":
            self._out.append(f"[{dict(attrs).get('alt') or 'image'}]")

    def handle_endtag(self, tag: str) -> None:
        if tag in BLOCKS or tag in LINES - {"br", "li"}:
            self._break(tag)
            self._verbatim -= tag == "pre"
        elif tag == "a" and self._links:
            self._close_link(*self._links.pop())

    def handle_data(self, data: str) -> None:
        if not self._verbatim:
            data = re.sub(r"\s+", " ", data)
            if not self._out or self._out[-1].endswith(("\n", " ")):
                data = data.removeprefix(" ")
        self._out.append(data)

    def _break(self, tag: str) -> None:
        self._out.append("\n\n" if tag in BLOCKS else "\n")

    def _close_link(self, target: str, start: int) -> None:
        shown = target.removeprefix("mailto:")
        if shown and shown != "".join(self._out[start:]).strip():
            self._out.append(f" ({shown})")
