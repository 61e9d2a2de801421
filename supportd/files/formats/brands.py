"""The brands of ISO base media files (registered at mp4ra.org): which of them are MP4, and what the others are.

The `filetype` library knows three, so it refuses what phones, browsers and streams write, and takes a QuickTime movie
for MP4 if it lists one of the three among the compatible ones. The main brand decides here.
"""

from supportd.files.refusal import AnotherKind

# ISO/IEC 14496-12 (iso*), 14496-14 (mp4*), 14496-15 (avc1, hvc1), 23000-19 (cmf*), 23009-1 (dash, msdh), Apple (M4V),
# Sony's memory sticks (MSNV). XAVC and others are MP4 by their compatible brands.
MP4 = frozenset(
    {
        b"isom",
        b"iso2",
        b"iso3",
        b"iso4",
        b"iso5",
        b"iso6",
        b"iso7",
        b"iso8",
        b"iso9",
        b"isoa",
        b"isob",
        b"isoc",
        b"mp41",
        b"mp42",
        b"mp71",
        b"avc1",
        b"hvc1",
        b"dash",
        b"msdh",
        b"cmfc",
        b"cmf2",
        b"M4V ",
        b"M4VH",
        b"M4VP",
        b"MSNV",
    }
)

HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1"})
AVIF = frozenset({b"avif", b"avis"})
QUICKTIME = b"qt  "
AUDIO = frozenset({b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B "})
MOBILE = (b"3gp", b"3g2", b"3ge", b"3gr", b"3gs")


def check(main: bytes, compatible: frozenset[bytes]) -> None:
    """Raises `AnotherKind` unless it is MP4; what it is then is named, as users of iPhones send HEIC unknowingly."""
    other = _other(main, compatible)
    if other:
        raise AnotherKind(f"{other} isn't accepted")
    if main not in MP4 and not compatible & MP4:
        raise AnotherKind("is a video of a kind that isn't accepted")


def _other(main: bytes, compatible: frozenset[bytes]) -> str | None:
    if main in AVIF or (main in HEIC and compatible & AVIF):
        return "an AVIF image"
    if main in HEIC:
        return "a HEIC image"
    if main == QUICKTIME:
        return "a MOV video"
    if main in AUDIO:
        return "an audio file"
    return "a 3GP video" if main.startswith(MOBILE) else None
