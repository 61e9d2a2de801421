import re
import unicodedata
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supportd.files.names import MAX_CHARS, content_disposition, display_name, with_extension

BIDI = "\u202e\u202d\u2066\u2069\u200e\u200f\u061c"


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "passwd"),
        ("/etc/shadow", "shadow"),
        ("C:\\Users\\ann\\scan 1.pdf", "scan 1.pdf"),
        ("..\\..\\windows\\x.txt", "x.txt"),
        ("a/b\\c/d.png", "d.png"),
        ("x.png\x00.exe", "x.png.exe"),
        ("a\r\nSet-Cookie: b=c.png", "aSet-Cookie: b=c.png"),
        (f"gpj{BIDI}.exe", "gpj.exe"),
        ("\ufeffa\u2028b\u2029c.txt", "abc.txt"),
        ("  two   words\t.txt ", "two words .txt"),
        ("cafe\u0301.jpg", "caf\u00e9.jpg"),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467.png", "\U0001f468\u200d\U0001f469\u200d\U0001f467.png"),
        ("отчёт.pdf", "отчёт.pdf"),
        ('say "hi".txt', 'say "hi".txt'),
        (".htaccess", "htaccess"),
        ("name. . ", "name"),
        ("lone \ud800 surrogate", "lone surrogate"),
        *((empty, "file") for empty in ("", " ", ".", "..", "/", "a/", "\\", "\x00", "\u200d", BIDI)),
    ],
)
def test_a_name_is_made_harmless(given_name: str, shown: str) -> None:
    assert display_name(given_name) == shown


@pytest.mark.parametrize(
    ("given_name", "end"),
    [("a" * 500 + ".jpeg", "a.jpeg"), ("b" * 500, "b"), ("c." + "d" * 500, "d"), ("\u0958" * 300 + ".png", ".png")],
)
def test_a_long_name_is_cut_before_its_extension(given_name: str, end: str) -> None:
    shown = display_name(given_name)
    assert len(shown) == MAX_CHARS
    assert shown.endswith(end)


def test_a_name_isnt_cut_just_after_a_space() -> None:
    assert display_name("a" * 195 + " " + "b" * 50 + ".png") == "a" * 195 + ".png"


@given(st.text())
def test_any_text_gives_a_name(given_name: str) -> None:
    shown = display_name(given_name)
    assert 0 < len(shown) <= MAX_CHARS
    assert not set(shown) & set("/\\\r\n\x00" + BIDI)
    assert unicodedata.is_normalized("NFC", shown)
    assert display_name(shown) == shown


@pytest.mark.parametrize(
    ("name", "extensions", "expected"),
    [
        ("a.txt", ("txt",), "a.txt"),
        ("A.JPEG", ("jpg", "jpeg"), "A.JPEG"),
        ("run.bat", ("txt",), "run.bat.txt"),
        ("photo", ("jpg", "jpeg"), "photo.jpg"),
        ("x" * 200, ("png",), "x" * 196 + ".png"),
    ],
)
def test_a_name_ends_as_its_type_does(name: str, extensions: tuple[str, ...], expected: str) -> None:
    assert with_extension(name, *extensions) == expected


@pytest.mark.parametrize(
    ("name", "inline", "header"),
    [
        ("photo.jpg", True, 'inline; filename="photo.jpg"'),
        ("a b (1).pdf", False, 'attachment; filename="a b (1).pdf"'),
        ('a"b;c.txt', False, "attachment; filename=\"a_b_c.txt\"; filename*=UTF-8''a%22b%3Bc.txt"),
        ("50%.txt", False, "attachment; filename=\"50_.txt\"; filename*=UTF-8''50%25.txt"),
        ("é€.txt", False, "attachment; filename=\"__.txt\"; filename*=UTF-8''%C3%A9%E2%82%AC.txt"),
        ("a\\b", False, "attachment; filename=\"a_b\"; filename*=UTF-8''a%5Cb"),
    ],
)
def test_the_header_is_rfc_6266s(name: str, *, inline: bool, header: str) -> None:
    assert content_disposition(name, inline=inline) == header


@given(st.text())
def test_no_name_breaks_out_of_the_header(name: str) -> None:
    header = content_disposition(name, inline=False)
    assert re.fullmatch(r'attachment; filename="[ -~]*"(; filename\*=UTF-8\'\'[!-~]*)?', header)
    assert header.count('"') == 2
    assert header.isprintable()


@given(st.text().map(display_name))
def test_the_header_tells_the_whole_name(name: str) -> None:
    plain, _, full = content_disposition(name, inline=True).partition("; filename*=UTF-8''")
    assert name in (unquote(full), plain.removeprefix('inline; filename="').removesuffix('"'))
