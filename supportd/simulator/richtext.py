"""Bodies: plain text to the HTML that Intercom stores, and back for `display_as=plaintext` and webhooks."""

import html
import re
from html.parser import HTMLParser

_TAG = re.compile(r"</?[a-zA-Z][^>]*>")
_BLOCKS = frozenset({"p", "div", "h1", "h2", "h3", "h4", "ul", "ol", "blockquote", "pre"})


def from_text(text: str) -> str:
    """Escapes text: a paragraph per block, a `<br>` per single line break."""
    blocks = [block for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n")) if block.strip()]
    return "".join(f"<p>{html.escape(block).replace(chr(10), '<br>')}</p>" for block in blocks)


def from_operator(body: str) -> str:
    """Keeps what an operator wrote as HTML, and wraps what has no markup."""
    return body if _TAG.search(body) else from_text(html.unescape(body))


def to_text(body: str) -> str:
    """The text of a fragment; images vanish, links keep their label (Intercom at 2.15)."""
    parser = _TextParser()
    parser.feed(body)
    parser.close()
    lines = "".join(parser.pieces).split("\n")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.strip() for line in lines)).strip()


class _TextParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 (HTMLParser's)
        if tag in {"br", "li", "tr"}:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.pieces.append("\n\n")

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)
