"""Text: what is left when the bytes are no other format, if they are text throughout."""

import codecs
import re

from supportd.files.contents import Contents
from supportd.files.refusal import NotText, require

BEGINS = re.compile(rb"")

# Unicode's category Cc but for tab, CR and LF.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

# What browsers take for a page (WHATWG, MIME Sniffing, 7.1), and the other tags that a page or an image may begin with.
_TAGS = (
    "html|head|body|script|style|title|meta|link|base|iframe|frameset|object|embed|applet|form|input|button|svg|math|xml|"
    "img|image|video|audio|source|canvas|template|details|marquee|div|span|font|table|center|h[1-6]|ul|ol|pre|a|b|i|br|p|"
    "noscript|plaintext|xmp|hta:application|package|job|component|scriptlet"
)
_MARKUP = re.compile(rf"<(?:!|\?|%|/?(?:{_TAGS})(?:[\s/>]|\Z)|[\w:.-]+[^<>]*\sxmlns)", re.IGNORECASE)

# What runs by its beginning: execve(2), DOS and Windows programs, PostScript, RTF with its objects, batches,
# PowerShell, Windows Script Host, and the files for which a desktop opens something else.
_PROGRAM = re.compile(
    r"""\#!|(?-i:MZ)|%!|%PDF|\{\\rtf|(?:javascript|vbscript):|
    (?:rem\b[^\n]*\n\s*)*@(?:echo\s+o(?:ff|n)\b|set\s+\w+=|(?:rem|setlocal|cls|powershell|cmd)\b)|
    \#requires\s+-|param\s*\(\s*\[|powershell(?:\.exe)?\s+-|
    on\s+error\s+resume\s+next|option\s+explicit\s*[\r\n]|set\s+\w+\s*=\s*(?:wscript\.)?createobject\s*\(|
    wscript\.\w|new\s+activexobject\s*\(|
    windows\s+registry\s+editor|regedit4\b|\[(?:internetshortcut|autorun|\.shellclassinfo|desktop\s+entry)\]""",
    re.IGNORECASE | re.VERBOSE,
)
_PDF = re.compile(r"[\r\n]%PDF-\d")  # viewers take up to 1,024 bytes before it

_BLANK = re.compile(r"[\s\u00ad\u180e\u200b-\u200f\u2060\ufeff]*")
_BEGINNING_CHARS = 1024


def confirm(contents: Contents) -> None:
    """UTF-8 (RFC 3629), a BOM allowed; no control characters; no markup, script or program by its beginning.

    Raises `NotText` if the bytes are none, else `Refused`.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    beginning = ""
    for block in contents.blocks():
        text = _decoded(decoder, block)
        if len(beginning) < _BEGINNING_CHARS:
            beginning = _without_blanks(beginning + text)
    _decoded(decoder, b"", final=True)
    require(not _MARKUP.match(beginning), "has markup, which isn't accepted as text")
    require(not _PROGRAM.match(beginning), "has a program or script, which isn't accepted as text")
    require(not _PDF.search(beginning), "is a PDF as well")


def _decoded(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> str:
    try:
        text = decoder.decode(block, final)
    except UnicodeDecodeError:
        raise NotText("is none of the accepted types, and no text in UTF-8") from None
    if _CONTROL.search(text):
        raise NotText("is none of the accepted types, and has control characters that text may not have")
    return text


def _without_blanks(text: str) -> str:
    """After a BOM and what can't be seen, which viewers skip."""
    blanks = _BLANK.match(text)
    return text[blanks.end() if blanks else 0 :][:_BEGINNING_CHARS]
