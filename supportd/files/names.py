"""The names that files are shown and saved by: what a client said, made harmless."""

import re
import unicodedata
from urllib.parse import quote

MAX_CHARS = 200
MAX_EXTENSION_CHARS = 20
UNNAMED = "file"

# Invisible characters that words and emoji are made with: the joiner and the non-joiner.
JOINERS = "\u200c\u200d"
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

ATTR_CHARS = "!#$&+-.^_`|~"  # RFC 8187, 3.2.1; letters and digits are never quoted
NOT_PLAIN = re.compile(r"[^A-Za-z0-9 !#$&'()+,.=@^_`{}~-]")


def display_name(given: str) -> str:
    """A client's file name without its path, control and bidirectional characters, NFC, and never empty.

    It has at most 200 characters and keeps its extension. It is for people and `Content-Disposition`, never a path.
    """
    name = re.split(r"[/\\]", given)[-1]
    name = "".join(char for char in name if char in JOINERS or unicodedata.category(char) not in UNSEEN or char == "\t")
    name = _trimmed(unicodedata.normalize("NFC", " ".join(name.split())))
    if len(name) > MAX_CHARS:
        stem, extension = _split(name)
        name = stem[: MAX_CHARS - len(extension)].rstrip(" ." + JOINERS) + extension
    return name or UNNAMED


def with_extension(name: str, *extensions: str) -> str:
    """The name, ending in one of the extensions (without the dot); else the first is appended.

    So a text that is called `.bat` isn't one for who saves and opens it.
    """
    if name.lower().endswith(tuple(f".{extension}" for extension in extensions)):
        return name
    return display_name(f"{name[: MAX_CHARS - len(extensions[0]) - 1]}.{extensions[0]}")


def content_disposition(name: str, *, inline: bool) -> str:
    """The header for a name (RFC 6266): in plain ASCII, and in full (RFC 8187) where that differs."""
    kind = "inline" if inline else "attachment"
    plain = NOT_PLAIN.sub("_", name)
    header = f'{kind}; filename="{plain}"'
    return header if plain == name else f"{header}; filename*=UTF-8''{quote(name, safe=ATTR_CHARS, errors='ignore')}"


def _split(name: str) -> tuple[str, str]:
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension) > MAX_EXTENSION_CHARS:
        return name, ""
    return stem, dot + extension


def _trimmed(name: str) -> str:
    """Without dots around it, which hide a name on one system and are lost on another, or what can't be seen."""
    return name.strip(" ." + JOINERS)
