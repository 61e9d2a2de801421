"""Words made short without tearing a sign apart: accents stay on their letters, emoji and flags whole."""

from itertools import takewhile
from unicodedata import category

JOINER = "\u200d"  # makes one emoji of two, such as a family of people
MARKS = {"Mn", "Mc", "Me"}  # accents, vowel signs, variation selectors


def cut(words: str, *, most: int) -> str:
    """The words in `most` characters, with an ellipsis in place of what is left out."""
    if len(words) <= most:
        return words
    end = most - 1
    while end and _belongs_to_what_is_before(words, end):
        end -= 1
    return f"{words[: end or most - 1].rstrip()}…"


def _belongs_to_what_is_before(words: str, at: int) -> bool:
    """Whether the sign goes on here (Unicode's annex 29, as far as chats need it)."""
    before, char = words[at - 1], words[at]
    if JOINER in (before, char) or category(char) in MARKS or _is_skin_colour(char) or _is_tag(char):
        return True
    flags = sum(1 for _ in takewhile(_is_half_a_flag, reversed(words[:at])))
    return _is_half_a_flag(char) and flags % 2 == 1


def _is_skin_colour(char: str) -> bool:
    return "\U0001f3fb" <= char <= "\U0001f3ff"


def _is_tag(char: str) -> bool:
    """Of which the flags of Scotland and others are made."""
    return "\U000e0020" <= char <= "\U000e007f"


def _is_half_a_flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"
