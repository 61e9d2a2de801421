"""PDF, by ISO 32000-1. What is inside isn't judged: a PDF is only ever sent as a download."""

import re

from supportd.files import ending
from supportd.files.contents import Contents
from supportd.files.refusal import require

# The header is the first line (7.5.2). Web servers' scripts let a BOM or blank lines slip before it, and viewers take
# up to 1,024 bytes of anything; ours is only what can't be the beginning of another file.
BEGINS = re.compile(rb"(?:\xef\xbb\xbf)?[\t\n\f\r ]{0,1021}%PDF-\d\.\d")

_END_WITHIN = 1024  # annex H of ISO 32000-1: viewers look for the end in the last 1,024 bytes
_END = re.compile(rb"startxref[\t\n\f\r ]+\d+[\t\n\f\r ]+%%EOF")


def confirm(contents: Contents) -> None:
    """The last of its ends: the place of the cross-references and `%%EOF` (7.5.5).

    Updates add an end each (7.5.6), and a linearised file has one near its beginning (annex F).
    """
    start = max(0, contents.size - _END_WITHIN)
    ends = [start + match.end() for match in _END.finditer(contents.at(start, contents.size - start))]
    require(ends, "has no end")
    ending.check(contents, ends[-1])
