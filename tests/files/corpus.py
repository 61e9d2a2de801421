"""The corpus: files that must be taken, and files that must not, each a row with a name.

`python -m tests.files.corpus FOLDER` writes them all, to be tried on other programs.
"""

import sys
from pathlib import Path
from typing import NamedTuple

from tests.files import makers as make
from tests.files.makers import BIG


class Case(NamedTuple):
    """A file, and what is said of it: the type's name, or a part of the reason for which it is refused."""

    name: str
    content: bytes
    said: str


PHAR = b"<?php __HALT_COMPILER(); ?>\r\n\x2f\x00\x00\x00\x01\x00\x00\x00\x11\x00"
THUMBNAIL = make.segment(0xE1, b"Exif\x00\x00MM\x00*" + make.jpeg())
MPF = make.segment(0xE2, b"MPF\x00MM\x00*" + b"\x00" * 40)
PHP = b"<?php system($_GET['c']); ?>"
SCRIPT = b"<script>alert(1)</script>"
PROFILE = b"ICC_PROFILE\x00\x01\x01" + b"\x00" * 3000
MOTION = make.mp4(begins=make.ftyp(b"mp42", b"isom", b"mp42"))

JPEGS = {
    "baseline": make.jpeg(),
    "grey without JFIF": make.jpeg(first=b""),
    "EXIF with a thumbnail": make.jpeg(first=THUMBNAIL),
    "progressive, many scans": make.jpeg(frame=make.frame(marker=0xC2), scans=(make.SCAN + make.PIXELS) * 10),
    "restart markers": make.jpeg(scans=make.SCAN + b"\x3f\xff\xd0\x3f\xff\xd7\x3f"),
    "stuffed FF": make.jpeg(scans=make.SCAN + b"\xff\x00" * BIG),
    "fill before a marker": make.jpeg(first=b"\xff\xff\xff" + make.JFIF),
    "a comment": make.jpeg(first=make.segment(0xFE, b"hello")),
    "PHP in a comment": make.jpeg(first=make.segment(0xFE, PHP)),
    "a segment of the largest size": make.jpeg(first=make.segment(0xE2, b"x" * 65_533)),
    "zeros after the end": make.jpeg(after=b"\x00" * BIG),
    "FF after the end": make.jpeg(after=b"\xff" * 4096),
    "multi-picture": make.jpeg(first=MPF, after=make.jpeg()),
    "multi-picture, aligned": make.jpeg(first=MPF, after=b"\x00" * 500 + make.jpeg() + b"\x00" * 7 + make.jpeg()),
    "a motion photo": make.jpeg(after=MOTION),
    "a motion photo with a maker's text": make.jpeg(after=MOTION + b"v3_f30:1234          LIVE_1234567     "),
    "a motion photo with HDR": make.jpeg(first=MPF, after=make.jpeg() + MOTION),
    "a Samsung trailer": make.jpeg(after=make.samsung_trailer((0x0A01, b"Image_UTC_Data", b"1700000000000"))),
    "a Samsung motion photo": make.jpeg(
        after=make.samsung_trailer((0x0A30, b"MotionPhoto_Data", MOTION + b"\x55" * BIG), (0x0A01, b"Image_UTC", b"1"))
    ),
    "an XMP of several kilobytes and a profile": make.jpeg(
        first=make.segment(0xE1, b"http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta/>" * 90) + make.segment(0xE2, PROFILE)
    ),
    "four colours, with Adobe's segment": make.jpeg(
        first=make.segment(0xEE, b"Adobe\x00\x64\x00\x00\x00\x00\x02"), frame=make.frame(colours=4)
    ),
    "an HTML page in a comment": make.jpeg(first=make.segment(0xFE, b"<html>" + SCRIPT)),
    "a maker's text after the end": make.jpeg(after=b'{"watermark":"shot on a phone"}'),
    "10,000 by 10,000": make.jpeg(frame=make.frame(10_000, 10_000)),
}
PNGS = {
    "grey": make.png(),
    "ancillary chunks": make.png(chunks=make.chunk(b"tEXt", b"a\x00b") + make.IDAT + make.chunk(b"tIME", b"\x07" * 7)),
    "many IDATs": make.png(chunks=make.IDAT * 1000),
    "APNG": make.png(
        chunks=make.chunk(b"acTL", b"\x00\x00\x00\x01\x00\x00\x00\x00")
        + make.chunk(b"fcTL", b"\x00" * 26)
        + make.IDAT
        + make.chunk(b"fdAT", b"\x00" * 40)
    ),
    "a palette": make.png(header=make.ihdr(depth=1, colour=3), chunks=make.chunk(b"PLTE", b"abc") + make.IDAT),
    "PHP in a comment": make.png(chunks=make.chunk(b"tEXt", b"Comment\x00" + PHP) + make.IDAT),
    "a private chunk beyond the window": make.png(chunks=make.chunk(b"prVt", b"x" * BIG) + make.IDAT),
    "zeros after the end": make.png(after=b"\x00" * BIG),
    "a line feed after the end": make.png(after=b"\r\n"),
    "a Samsung phone's shot of the screen": make.png(
        after=make.samsung_trailer((0x0BF1, b"Samsung_Capture_Info", b"com.example.app"))
    ),
    "a Samsung phone's edited shot": make.png(
        after=make.samsung_trailer((0x0BA1, b"PhotoEditor_Re_Edit_Data", b'{"rotation":0}' * 900))
    ),
    "few bytes after the end": make.png(after=b"\x01\x02\x03\x04"),
}
GIFS = {
    "87a": make.gif(version=b"GIF87a"),
    "89a": make.gif(),
    "a comment": make.gif(blocks=b"\x21\xfe\x05hello\x00" + make.gif_image()),
    "a script in a comment": make.gif(blocks=b"\x21\xfe\x19" + SCRIPT + b"\x00" + make.gif_image()),
    "animated": make.gif(
        blocks=b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
        + (b"\x21\xf9\x04\x00\x0a\x00\x00\x00" + make.gif_image()) * 9
    ),
    "no colours of the screen's": make.gif(screen=make.screen(flags=0)),
    "a zero after the end": make.gif(after=b"\x00"),
    "the end twice": make.gif(after=b";"),
}
WEBPS = {
    "lossless": make.webp(),
    "lossy": make.webp(make.VP8),
    "extended with EXIF": make.webp(make.vp8x(), make.VP8L, make.riff_chunk(b"EXIF", b"odd")),
    "animated": make.webp(
        make.vp8x(flags=2), make.riff_chunk(b"ANIM", b"\x00" * 6), make.riff_chunk(b"ANMF", b"\x00" * 16 + make.VP8L)
    ),
    "an unknown chunk": make.webp(make.vp8x(), make.VP8L, make.riff_chunk(b"abcd", b"x" * BIG)),
}
BMPS = {
    "24 bits": make.bmp(),
    "rows from the top": make.bmp(height=-2),
    "OS/2's second header": make.bmp(header_size=64),
    "version 2": make.bmp(header_size=52),
    "version 3": make.bmp(header_size=56),
    "32 bits with masks": make.bmp(depth=32, compression=3, between=b"\xff" * 12),
    "256 colours": make.bmp(depth=8, between=b"\x00" * 1024),
    "four bits a pixel, run lengths": make.bmp(depth=4, compression=2, stored=16),
    "version 4": make.bmp(header_size=108),
    "version 5": make.bmp(header_size=124),
    "run lengths": make.bmp(depth=8, compression=1, stored=16),
    "a colour profile after the pixels": make.profiled_bmp(),
    "OS/2's header": make.old_bmp(),
    "two bytes of padding": make.bmp(pixels=b"\x80" * 16 + b"\x00\x00"),
}
PDFS = {
    "plain": make.pdf(),
    "version 2.0": make.pdf(header=b"%PDF-2.0\n"),
    "updated": make.update(make.pdf()),
    "updated twice": make.update(make.update(make.pdf())),
    "linearised, with an end near its beginning": make.pdf(header=b"%PDF-1.5\nstartxref\n0\n%%EOF\n" + b"%x\n" * BIG),
    "a BOM before": make.pdf(before=b"\xef\xbb\xbf"),
    "blank lines before": make.pdf(before=b"\r\n\n"),
    "another file attached": make.pdf(header=b"%PDF-1.7\n" + make.png() + b"Rar!\x1a\x07"),
    "an old Mac's line ends": make.pdf().replace(b"\n", b"\r"),
    "no line feed at the end": make.pdf().rstrip(),
    "zeros after the end": make.pdf() + b"\x00" * 600,
}
MP4S = {
    **{
        f"brand {brand.decode().strip()}": make.mp4(begins=make.ftyp(brand))
        for brand in (
            b"isom",
            b"mp41",
            b"mp42",
            b"avc1",
            b"M4V ",
            b"dash",
            b"cmfc",
            *(b"iso%d" % n for n in range(2, 10)),
        )
    },
    "an iPhone's export": make.mp4(begins=make.ftyp(b"mp42", b"isom", b"mp41", b"mp42")),
    "Sony's brand with mp42": make.mp4(begins=make.ftyp(b"XAVC", b"XAVC", b"mp42", b"iso2")),
    "the movie at the end": make.mp4(boxes=make.MDAT + make.moov()),
    "free boxes": make.mp4(boxes=make.box(b"free") + make.MDAT + make.box(b"free", b"\x00" * BIG) + make.moov()),
    "a media box of 64 bits": make.mp4(boxes=make.moov() + make.long_box(b"mdat", b"x" * BIG)),
    "media to the end": make.mp4(boxes=make.moov() + make.box(b"mdat", b"x" * BIG, size=0)),
    "a track header of version 1": make.mp4(boxes=make.moov(make.track(version=1)) + make.MDAT),
    "zeros after the movie's boxes": make.mp4(boxes=make.moov(make.track(), b"\x00" * 4) + make.MDAT),
    "sound alone": make.mp4(boxes=make.moov(make.track(0, 0)) + make.MDAT),
    "picture and sound": make.mp4(boxes=make.moov(make.track(), make.track(0, 0)) + make.MDAT),
    "fragments": make.mp4(
        begins=make.ftyp(b"iso5", b"iso5", b"iso6", b"mp41"),
        boxes=make.moov() + (make.box(b"moof", b"\x00" * 90) + make.MDAT) * 20 + make.box(b"mfra", b"\x00" * 30),
    ),
    "a maker's box": make.mp4(boxes=make.moov() + make.MDAT + make.box(b"sefd", b"x" * 100)),
    "a box of a user's UUID": make.mp4(boxes=make.box(b"uuid", b"u" * 40) + make.moov() + make.MDAT),
    "zeros after the end": make.mp4() + b"\x00" * 100,
}
TEXTS = {
    "ASCII": b"Hello\r\n\tworld\n",
    "a BOM": b"\xef\xbb\xbfHello",
    "other scripts": "Ünïcode, Ελληνικά, 日本語, 🙂\n".encode(),
    "a letter across the window": b"x" * 65_535 + "é".encode(),
    "one letter": b"x",
    "begins like a BMP": b"BMW is a maker of cars, and this is a text of some length about it.",
    "begins like a GIF": b"GIFs are fun, and GIF89 is a version of them.",
    "begins like an MP3": b"ID3 tags are missing",
    "a nick in angle brackets": b"<john> hello\n<mary> hi\n",
    "an address in angle brackets": b"<john@example.com> wrote:",
    "less than": b"< 5 is less than five",
    "JSON": b'{"a": [1, 2]}',
    "CSV": b"a,b\n1,2\n",
    "a page further on": b"Look at this:\n<script>alert(1)</script>",
    "data and a colon": b"data: 5\n",
    "words that scripts begin with": b"Set the table. Option explicit? Dim lights; param, REM, echo off.",
    "a mention": b"@echo can you look at this? @set too",
    "right to left, with marks": "\u200f\u05d0\u05d1 \u202babc\u202c".encode(),
    "a PDF's mark within a line": b"The file began with %PDF-1.7 and was empty.",
    "no characters that Unicode has": "\ufffe\U0010ffff".encode(),
}

TAKEN = {
    "JPEG": JPEGS, "PNG": PNGS, "GIF": GIFS, "WEBP": WEBPS, "BMP": BMPS, "PDF": PDFS, "MP4": MP4S, "TXT": TEXTS,
}  # fmt: skip


REFUSED_JPEGS = [
    Case("three bytes", b"\xff\xd8\xff", "cut short"),
    Case("no end", make.jpeg(end=b""), "cut short"),
    Case("no frame", make.jpeg(frame=b""), "without a frame"),
    Case("no scan", make.jpeg(scans=b""), "no pixels"),
    Case("two frames", make.jpeg(frame=make.frame() * 2), "without a frame"),
    Case("a lossless frame", make.jpeg(frame=make.frame(marker=0xC3)), "don't know"),
    Case("a segment that overruns", make.jpeg(first=b"\xff\xe1\xff\xff"), "the JPEG"),
    Case("a segment of no length", make.jpeg(first=b"\xff\xe1\x00\x00"), "damaged segment"),
    Case("a scan of no length", make.jpeg(scans=b"\xff\xda\x00\x00" + make.PIXELS), "damaged segment"),
    Case(
        "a frame with wrong components", make.jpeg(frame=make.segment(0xC0, b"\x08\0\x08\0\x08\x09")), "damaged frame"
    ),
    Case("rubbish between segments", make.jpeg(first=make.JFIF + b"rubbish"), "damaged segment"),
    Case("no height", make.jpeg(frame=make.frame(8, 0)), "has no pixels"),
    Case("60,000 wide", make.jpeg(frame=make.frame(60_000, 1)), "too many pixels"),
    Case("20,000 by 20,000", make.jpeg(frame=make.frame(20_000, 20_000)), "too many pixels"),
    Case("a script as well", make.jpeg(first=b"\xff\xe0/*" + b"\x00" * 0x2F28, after=b"*/=1"), "a script as well"),
    Case("a PHAR in a comment", make.jpeg(first=make.segment(0xFE, PHAR)), "a PHAR as well"),
    Case("a PHAR in a motion photo", make.jpeg(after=MOTION + make.box(b"free", bytes(BIG) + PHAR)), "a PHAR as well"),
    Case("a ZIP after", make.jpeg(after=make.zip_archive()), "another file after its end"),
    Case("a ZIP in a segment", make.jpeg(first=make.segment(0xFE, make.zip_archive())), "a ZIP archive as well"),
    Case("a PDF after", make.jpeg(after=make.pdf()), "another file after its end"),
    Case("a PDF in a segment", make.jpeg(first=make.segment(0xFE, make.pdf())), "a PDF as well"),
    Case(
        "a RAR in a segment", make.jpeg(first=make.segment(0xFE, b"Rar!\x1a\x07\x00" + b"x" * 50)), "an archive as well"
    ),
    Case("a script after", make.jpeg(after=b"\x00" * 5 + SCRIPT), "another file after its end"),
    Case("PHP after", make.jpeg(after=PHP), "another file after its end"),
    Case("a PNG after a maker's text", make.jpeg(after=b"words" + make.png()), "another file after its end"),
    Case("a PHAR after", make.jpeg(after=b"a __HALT_COMPILER(); ?>"), "another file after its end"),
    Case("a program after", make.jpeg(after=b"MZ" + b"\x90" * 100), "another file after its end"),
    Case("much data after", make.jpeg(after=b"\x01\x02\x03" * BIG), "data after its end"),
    Case("a cut multi-picture", make.jpeg(after=make.jpeg(end=b"")), "cut short"),
    Case("a cut motion photo", make.jpeg(after=MOTION[:-1]), "no movie"),
    Case("a MOV after", make.jpeg(after=make.mp4(begins=make.ftyp(b"qt  "))), "MOV"),
    Case("a ZIP in a motion photo", make.jpeg(after=MOTION + make.box(b"free", make.zip_archive())), "ZIP"),
    Case("a ZIP after a second image", make.jpeg(after=make.jpeg(after=make.zip_archive())), "another file"),
    Case("Samsung's end without its list", make.jpeg(after=b"x" * BIG + b"\x0c\x00\x00\x00SEFT"), "data after its end"),
    Case(
        "data before Samsung's blocks",
        make.jpeg(after=b"x" * BIG + make.samsung_trailer((0x0A01, b"Image_UTC_Data", b"1"))),
        "data after its end",
    ),
]
REFUSED_PNGS = [
    Case("the signature alone", make.PNG_SIGNATURE, "cut short"),
    Case("half of the signature", b"\x89PNG" + b"\x00" * 60, "the PNG is damaged"),
    Case("line ends that were converted", make.png().replace(b"\r\n", b"\n", 1), "the PNG is damaged"),
    Case("no header", make.png(header=b""), "no header"),
    Case("two headers", make.png(header=make.ihdr() * 2), "second header"),
    Case("a header with a wrong checksum", make.png(header=make.ihdr()[:-1] + b"\x00"), "damaged header"),
    Case("a depth that there isn't", make.png(header=make.ihdr(depth=3)), "damaged header"),
    Case("a colour that there isn't", make.png(header=make.ihdr(colour=5)), "damaged header"),
    Case("no pixels", make.png(chunks=b""), "no pixels"),
    Case("no end", make.png(end=b""), "cut short"),
    Case("cut in a chunk", make.png()[:50], "cut short"),
    Case("a chunk that overruns", make.png(chunks=b"\x7f\xff\xff\xffIDATx"), "cut short"),
    Case("a chunk longer than any", make.png(chunks=b"\xff\xff\xff\xffIDATx"), "chunk that is none"),
    Case("a chunk without a name", make.png(chunks=make.chunk(b"a\x00bc")), "chunk that is none"),
    Case("no width", make.png(header=make.ihdr(0, 1)), "has no pixels"),
    Case("40,000 high", make.png(header=make.ihdr(1, 40_000)), "too many pixels"),
    Case("30,000 by 30,000", make.png(header=make.ihdr(30_000, 30_000)), "too many pixels"),
    Case("a ZIP after", make.png(after=make.zip_archive()), "another file after its end"),
    Case(
        "a ZIP in a chunk",
        make.png(chunks=make.IDAT + make.chunk(b"zIPp", make.zip_archive())),
        "a ZIP archive as well",
    ),
    Case(
        "a ZIP with a wrong count, which few unpackers read",
        make.png(chunks=make.IDAT + make.chunk(b"zIPp", make.zip_archive(counts=(9, 8)))),
        "a ZIP archive as well",
    ),
    Case(
        "a ZIP on a second disk, which few unpackers ask for",
        make.png(chunks=make.IDAT + make.chunk(b"zIPp", make.zip_archive(disk=1))),
        "a ZIP archive as well",
    ),
    Case(
        "a ZIP before Samsung's blocks",
        make.png(after=make.zip_archive() + make.samsung_trailer((1, b"a", b"b" * 2000))),
        "data after its end",
    ),
    Case("another PNG after", make.png(after=make.png()), "another file after its end"),
    Case("a page after", make.png(after=b"<html><body>hi"), "another file after its end"),
    Case("words after", make.png(after=b"alert(1)//"), "text after its end"),
    Case("what was cut away from a picture", make.png(after=b"\x80\x01" * BIG), "data after its end"),
    Case("a PDF in a comment", make.png(chunks=make.chunk(b"tEXt", make.pdf()) + make.IDAT), "a PDF as well"),
    Case(
        "a 7z in a chunk", make.png(chunks=make.chunk(b"abCd", b"7z\xbc\xaf\x27\x1c") + make.IDAT), "an archive as well"
    ),
    Case(
        "a tar's mark", make.png(chunks=make.chunk(b"abCd", b"\x00" * 216 + b"ustar") + make.IDAT), "an archive as well"
    ),
]
REFUSED_GIFS = [
    Case("six bytes", b"GIF89a\x00", "cut short"),
    Case("a version that there isn't", make.gif(version=b"GIF90a"), "the GIF is damaged"),
    Case("no image", make.gif(blocks=b""), "no pixels"),
    Case("no end", make.gif(end=b""), "cut short"),
    Case("sub-blocks that overrun", make.gif(blocks=make.gif_image(pixels=b"\x02\xffabc"), end=b""), "cut short"),
    Case("a block that is none", make.gif(blocks=b"?" + make.gif_image()), "block that is none"),
    Case("a code size that there isn't", make.gif(blocks=make.gif_image(pixels=b"\x0c\x00")), "damaged image"),
    Case("a screen without height", make.gif(screen=make.screen(1, 0) + make.COLOURS), "has no pixels"),
    Case("a screen of 65,535 squared", make.gif(screen=make.screen(65_535, 65_535) + make.COLOURS), "too many pixels"),
    Case("an image of 65,535 squared", make.gif(blocks=make.gif_image(65_535, 65_535)), "too many pixels"),
    Case("a script after", make.gif(after=SCRIPT), "another file after its end"),
    Case("JavaScript after", make.gif(after=b"*/=alert(1)"), "text after its end"),
    *(
        Case(
            f"a script as well, by {begins.decode()}", make.gif(screen=begins + b"\x01" + bytes(4)), "a script as well"
        )
        for begins in (b"/*", b"//", b"='", b'="', b"=`")
    ),
    Case("a JAR after", make.gif(after=make.zip_archive(b"META-INF/MANIFEST.MF")), "another file after its end"),
    Case(
        "a JAR in a comment", make.gif(blocks=make.gif_image() + b"\x21\xfe\x70" + make.zip_archive() + b"\x00"), "GIF"
    ),
    Case("a million blocks", make.gif(blocks=make.gif_image(pixels=b"\x02" + b"\x01a" * 600_000 + b"\x00")), "pieces"),
]
REFUSED_WEBPS = [
    Case("no chunk", make.webp(b""), "none of the accepted types"),
    Case("cut", make.webp()[:-1], "cut short"),
    Case("longer than it says", make.webp(after=b"\x80\x01" * BIG), "data after its end"),
    Case("shorter than it says", make.webp(length=BIG), "cut short"),
    Case("a length within the image", make.webp(length=20), "chunk that overruns"),
    Case("a canvas alone", make.webp(make.vp8x()), "no image"),
    Case("another chunk first", make.webp(make.riff_chunk(b"EXIF", b"ab"), make.VP8L), "none of the accepted types"),
    Case("a chunk that overruns", make.webp(make.vp8x(), b"VP8L\xff\xff\x00\x00ab"), "chunk that overruns"),
    Case("bytes after the last chunk", make.webp(make.VP8L, b"abc"), "chunk that overruns"),
    Case("a first chunk that there isn't", make.webp(make.riff_chunk(b"VP9 ", b"ab"), make.VP8L), "no image"),
    Case("a canvas of 16,777,216", make.webp(make.vp8x(2**24, 2**24), make.VP8L), "too many pixels"),
    Case("lossy without a start code", make.webp(make.riff_chunk(b"VP8 ", b"\x00" * 20)), "damaged image"),
    Case("lossless without a mark", make.webp(make.riff_chunk(b"VP8L", b"\x00" * 20)), "damaged image"),
    Case("a ZIP after", make.webp(after=make.zip_archive()), "another file after its end"),
    Case("a ZIP in a chunk", make.webp(make.vp8x(), make.VP8L, make.riff_chunk(b"XMP ", make.zip_archive())), "a ZIP"),
    Case(
        "a script as well",
        make.webp(make.vp8x(), make.VP8L, make.riff_chunk(b"abcd", bytes(0x29FB)), length=0x2A2F),
        "a script as well",
    ),
    Case("a WAV", b"RIFF\x24\x00\x00\x00WAVEfmt " + b"\x00" * 28, "WAV files"),
]
REFUSED_BMPS = [
    Case("two letters and zeros", b"BM" + b"\x00" * 60, "the BMP is damaged"),
    Case("shorter than it says", make.bmp(file_size=BIG), "as long as it says"),
    Case("longer than it says", make.bmp() + b"\x00" * 100, "as long as it says"),
    Case("pixels that aren't there", make.bmp(width=1000, height=1000), "cut short"),
    Case("pixels within the header", make.put(make.bmp(), 10, b"\x14\x00\x00\x00"), "damaged header"),
    Case("a colour profile that overruns", make.profiled_bmp(length=2001), "cut short"),
    Case("three planes", make.bmp(planes=3), "damaged header"),
    Case("seven bits", make.bmp(depth=7), "damaged header"),
    Case("a header that there isn't", make.bmp(header_size=41), "the BMP is damaged"),
    Case("a JPEG within", make.bmp(compression=4, stored=16), "compressed"),
    Case("no width", make.bmp(width=0), "has no pixels"),
    Case("a width below zero", make.bmp(width=-2), "has no pixels"),
    Case("40,000 wide", make.bmp(width=40_000), "too many pixels"),
    Case("much data before its pixels", make.bmp(between=b"\x80\x01" * BIG), "damaged header"),
    Case("a script as well", make.bmp(pixels=b"\x80" * 16 + b"\x00" * (0x2A2F - 54 - 16)), "a script as well"),
    Case("a ZIP after its pixels", make.bmp(pixels=b"\x80" * 16 + make.zip_archive()), "another file after its end"),
    Case("a page after its pixels", make.bmp(pixels=b"\x80" * 16 + b"<html>"), "another file after its end"),
    Case("much data after its pixels", make.bmp(pixels=b"\x80\x01" * BIG), "data after its end"),
]
REFUSED_PDFS = [
    Case("the header alone", b"%PDF-1.4", "no end"),
    Case("four letters", b"%PDF", "script"),
    Case("a version without a number", make.pdf(header=b"%PDF-x\x80\n"), "the PDF is damaged"),
    Case("no end", make.pdf(end=b""), "no end"),
    Case("an end without a place", make.pdf(end=b"%%EOF\n"), "no end"),
    Case("cut", make.pdf()[:-20], "no end"),
    Case("an end far before the file's", make.pdf() + b"\x80" * 2000, "no end"),
    Case("a page before", make.pdf(before=b"<html><script>alert(1)</script>"), "none of the accepted types"),
    Case("a program before", make.pdf(before=b"MZ\x90\x00" + b"\x00" * 60), "EXE files"),
    Case("a ZIP after", make.pdf() + make.zip_archive(), "another file after its end"),
    Case("a ZIP in its last object", make.pdf(header=b"%PDF-1.7\n" + make.zip_archive()), "a ZIP archive as well"),
    Case("a script after", make.pdf() + SCRIPT, "another file after its end"),
    Case("words after", make.pdf() + b"rm -rf /\n", "text after its end"),
]
REFUSED_MP4S = [
    Case("a MOV", make.mp4(begins=make.ftyp(b"qt  ")), "a MOV video isn't accepted"),
    Case("a MOV with isom", make.mp4(begins=make.ftyp(b"qt  ", b"qt  ", b"isom")), "a MOV video isn't accepted"),
    Case("a HEIC", make.mp4(begins=make.ftyp(b"heic", b"mif1", b"heic")), "a HEIC image isn't accepted"),
    Case("a HEIC by mif1", make.mp4(begins=make.ftyp(b"mif1", b"mif1", b"heic")), "a HEIC image isn't accepted"),
    Case("a HEIC with isom", make.mp4(begins=make.ftyp(b"heix", b"isom")), "a HEIC image isn't accepted"),
    Case("an AVIF", make.mp4(begins=make.ftyp(b"avif", b"mif1", b"miaf")), "an AVIF image isn't accepted"),
    Case("an AVIF by mif1", make.mp4(begins=make.ftyp(b"mif1", b"avif")), "an AVIF image isn't accepted"),
    Case("a HEIC's boxes under isom", make.ftyp() + make.box(b"meta", b"\x00" * 50) + make.MDAT, "no movie"),
    Case("a 3GP", make.mp4(begins=make.ftyp(b"3gp4", b"3gp4", b"isom")), "a 3GP video isn't accepted"),
    Case("an M4A", make.mp4(begins=make.ftyp(b"M4A ", b"mp42")), "an audio file isn't accepted"),
    Case("a brand that there isn't", make.mp4(begins=make.ftyp(b"abcd")), "kind that isn't accepted"),
    Case("brands alone", make.ftyp(), "no movie"),
    Case("no brand", make.mp4(begins=make.box(b"ftyp")), "damaged header"),
    Case("brands of an odd length", make.mp4(begins=make.box(b"ftyp", b"isom\x00\x00\x00\x00is")), "damaged header"),
    Case("no movie", make.mp4(boxes=make.MDAT), "no movie"),
    Case("no media", make.mp4(boxes=make.moov()), "no movie"),
    Case("two movies", make.mp4(boxes=make.moov() * 2), "two movies"),
    Case("no track", make.mp4(boxes=make.box(b"moov", make.box(b"mvhd", b"\x00" * 100)) + make.MDAT), "no movie"),
    Case(
        "a track without a header", make.mp4(boxes=make.moov(make.box(b"trak", make.box(b"mdia")))), "without a header"
    ),
    Case("no movie header", make.mp4(boxes=make.box(b"moov", make.track()) + make.MDAT), "no movie"),
    Case(
        "a short track header", make.mp4(boxes=make.moov(make.box(b"trak", make.box(b"tkhd", b"\x00" * 20)))), "track"
    ),
    Case("rubbish after the movie's boxes", make.mp4(boxes=make.moov(make.track(), b"abcde") + make.MDAT), "overruns"),
    Case("a box that overruns the file", make.mp4(boxes=make.moov() + make.box(b"mdat", size=BIG)), "overruns"),
    Case("a 64-bit box that overruns", make.mp4(boxes=make.moov() + make.long_box(b"mdat", size=2**63)), "overruns"),
    Case("a box smaller than its header", make.mp4(boxes=make.moov() + make.box(b"mdat", size=4)), "overruns"),
    Case("a box within that overruns", make.mp4(boxes=make.box(b"moov", make.box(b"trak", size=999))), "overruns"),
    Case("a movie to the end", make.mp4(boxes=make.box(b"moov", make.moov()[8:], size=0)), "overruns"),
    Case("60,000 wide", make.mp4(boxes=make.moov(make.track(60_000, 10))), "too many pixels"),
    Case("cut", make.mp4()[:-1], "overruns"),
    Case("a ZIP after", make.mp4() + make.zip_archive(), "the MP4"),
    Case("a ZIP in a free box", make.mp4() + make.box(b"free", make.zip_archive()), "a ZIP archive as well"),
    Case(
        "a PDF in a free box", make.mp4(boxes=make.box(b"free", make.pdf()) + make.moov() + make.MDAT), "a PDF as well"
    ),
    Case("a segment of a stream", make.box(b"styp", b"msdh\x00\x00\x00\x00msdh") + make.MDAT, "none of the accepted"),
]
NO_TEXT = "none of the accepted types"
REFUSED_TEXTS = [
    Case("a zero", b"hello\x00world", NO_TEXT),
    Case("an escape", b"\x1b[31mred", "control characters"),
    Case("a form feed", b"page\x0cpage", "control characters"),
    Case("a delete", b"a\x7f", "control characters"),
    Case("a control of the second row", "a\x85b".encode(), "control characters"),
    Case("Latin-1", "Grüße".encode("latin-1"), "no text in UTF-8"),
    Case("UTF-16", "hello".encode("utf-16"), NO_TEXT),
    Case("an overlong slash", b"a\xc0\xaf", "no text in UTF-8"),
    Case("a surrogate", b"a\xed\xa0\x80", "no text in UTF-8"),
    Case("cut within a letter", "日本".encode()[:-1], "no text in UTF-8"),
    Case("a control far behind", b"x" * BIG + b"\x01", "control characters"),
    *(
        Case(f"begins with {text[:12].decode()}", text, "markup")
        for text in (
            b"<!DOCTYPE html>", b"<html>", b"<HTML lang=en>", b"<script>alert(1)</script>", b"<svg xmlns='x'/>",
            b"<?xml version='1.0'?><svg/>", b"<?php echo 1;", b"<?= 1 ?>", b"<!-- x --><script>", b"<% eval %>",
            b"<iframe src=x>", b"<img src=x onerror=alert(1)>", b"<body onload=x>", b"<a href=x>", b"</p><script>",
            b"<job id=a>", b"<package>", b"<scriptlet>", b"<hta:application x>", b"<plaintext>", b"<noscript>",
            b"<x:svg xmlns:x='http://www.w3.org/2000/svg'>", b"<math><mi>", b"<p>hello",
        )
    ),
    *(
        Case(f"begins with {text[:12].decode()}", text, "program or script")
        for text in (
            b"#!/bin/sh\n", b"MZ is a program", b"@echo off\r\n", b"%!PS", b"{\\rtf1 hi}", b"javascript:",
            b"@set A=1\r\n", b"@Powershell -c x", b"rem x\r\n@echo off", b"#Requires -Version 5", b"param(\n[string]$a",
            b"powershell.exe -nop", b"On Error Resume Next", b"Option Explicit\r\n", b"Set x = CreateObject(1)",
            b"WScript.Echo 1", b"new ActiveXObject(1)", b"Windows Registry Editor Version 5.00", b"REGEDIT4\r\n",
            b"[InternetShortcut]\nURL=x", b"[autorun]\n", b"[.ShellClassInfo]", b"[Desktop Entry]\n",
        )
    ),
    Case("a page after a BOM", b"\xef\xbb\xbf<html>", "markup"),
    Case("a page after white space", b" \r\n\t" * BIG + b"<html>", "markup"),
    Case("a page after white space and across the window", b" " * 65_533 + b"<script>", "markup"),
    Case("a PDF after a line", b"Hello\n" + b"%PDF-1.4\n1 0 obj", "a PDF as well"),
    Case("a page in UTF-16 with a BOM", "<svg/>".encode("utf-16"), NO_TEXT),
    Case("a page after invisible characters", "\u200e\u2060\u00ad<svg>".encode(), "markup"),
    Case("a page after a blank of Unicode's", "\u2003\ufeff<svg>".encode(), "markup"),
]  # fmt: skip
REFUSED_OTHERS = [
    Case("nothing", b"", "is empty"),
    Case("a ZIP", make.zip_archive(), "ZIP files"),
    Case("an ELF program", b"\x7fELF\x02\x01\x01" + b"\x00" * 60, "ELF files"),
    Case("a Windows program", b"MZ\x90\x00\x03" + b"\x00" * 60, "EXE files"),
    Case("a gzip", b"\x1f\x8b\x08\x00" + b"\x00" * 20, "GZ files"),
    Case("a TIFF", b"II*\x00\x08\x00\x00\x00" + b"\x00" * 20, "TIF files"),
    Case("an MP3", b"ID3\x04\x00\x00\x00\x00\x00\x00" + b"\xff\xfb" * 9, "MP3 files"),
    Case("random bytes", bytes(range(255, 0, -1)), NO_TEXT),
]
REFUSED = {
    "JPEG": REFUSED_JPEGS, "PNG": REFUSED_PNGS, "GIF": REFUSED_GIFS, "WEBP": REFUSED_WEBPS, "BMP": REFUSED_BMPS,
    "PDF": REFUSED_PDFS, "MP4": REFUSED_MP4S, "TXT": REFUSED_TEXTS, "other": REFUSED_OTHERS,
}  # fmt: skip

ACCEPTED_CASES = [
    Case(f"{kind}: {name}", content, kind) for kind, files in TAKEN.items() for name, content in files.items()
]
REFUSED_CASES = [case._replace(name=f"{kind}: {case.name}") for kind, cases in REFUSED.items() for case in cases]


def write(folder: Path) -> None:
    """Every file, under a number and `taken` or `refused`."""
    folder.mkdir(parents=True, exist_ok=True)
    for verdict, cases in (("taken", ACCEPTED_CASES), ("refused", REFUSED_CASES)):
        for number, case in enumerate(cases):
            slug = "".join(letter if letter.isalnum() else "-" for letter in case.name)
            (folder / f"{verdict}-{number:03}-{slug}").write_bytes(case.content)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
