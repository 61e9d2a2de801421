"""Whatever bytes come, verification answers a type or refuses, and reads no more than a few times what there is."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supportd.files.contents import MAX_LOOKS, WINDOW_BYTES, Contents
from supportd.files.refusal import Refused
from supportd.files.types import FileType
from supportd.files.verification import identify
from tests.files import makers as make
from tests.files.corpus import ACCEPTED_CASES

# Each pass over the file is bounded by its size; the beginning, the end and each jump between them cost a window.
MAX_PASSES = 4
MAX_WINDOWS = 16

LENGTHS = (1000, 33_000, WINDOW_BYTES - 150, WINDOW_BYTES, 100_000)
SEEDS = [case.content for case in ACCEPTED_CASES if len(case.content) < 4096]
PIECES = [
    b"PK\x05\x06",
    b"\xff\xd8\xff",
    b"\xff\xd9",
    b"\xff\xda",
    b"IEND",
    b"GIF89a",
    b"%PDF-1.7",
    b"%%EOF",
    b"<html>",
]
PIECES += [
    b"PK\x01\x02",
    b"SEFH",
    b"moov",
    b"trak",
    b"tkhd",
    b"RIFF",
    b"BM",
    b"\x89PNG\r\n\x1a\n",
    b"startxref 0 %%EOF",
]
PIECES += [b"\x00\x00\x00\x08free", b"\x00\x00\x00\x00mdat", b"\x00\x00\x00\x01mdat", b"SEFT", b"\x00" * 8, b"\xff" * 8]

seeds = st.sampled_from(SEEDS)
positions = st.integers(0, 4096)


@contextmanager
def contents_of(data: bytes) -> Iterator[Contents]:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        yield Contents(file.fileno())


def answer(data: bytes) -> FileType | None:
    """What is said of these bytes; any exception but the refusal fails the test. The cost is checked too."""
    with contents_of(data) as contents:
        taken = None
        with suppress(Refused):
            taken = identify(contents)
        assert contents.bytes_read <= MAX_PASSES * len(data) + MAX_WINDOWS * WINDOW_BYTES
        return taken


@given(st.binary(max_size=2048))
@settings(deadline=None)
def test_random_bytes(data: bytes) -> None:
    answer(data)


@given(st.sampled_from([seed[:length] for seed in SEEDS for length in (4, 8, 12, 16, 32)]), st.binary(max_size=1024))
@settings(deadline=None)
def test_a_true_beginning_and_random_bytes(beginning: bytes, rest: bytes) -> None:
    answer(beginning + rest)


@given(seeds, st.lists(st.tuples(positions, st.integers(0, 255)), min_size=1, max_size=8))
@settings(deadline=None, max_examples=500)
def test_changed_bytes(seed: bytes, changes: list[tuple[int, int]]) -> None:
    data = bytearray(seed)
    for position, value in changes:
        data[position % len(data)] = value
    answer(bytes(data))


@given(seeds, positions, st.sampled_from(PIECES) | st.binary(max_size=16), st.integers(0, 16))
@settings(deadline=None, max_examples=500)
def test_pieces_put_in_or_over(seed: bytes, position: int, piece: bytes, removed: int) -> None:
    position %= len(seed)
    answer(seed[:position] + piece + seed[position + removed :])


@given(seeds, seeds, positions, positions)
@settings(deadline=None, max_examples=500)
def test_spliced(first: bytes, second: bytes, cut: int, resume: int) -> None:
    answer(first[: cut % len(first)] + second[resume % len(second) :])


@given(
    seeds,
    st.sampled_from([make.zip_archive(), make.zip_archive(comment=b"x" * 999), make.pdf(), make.png(), make.mp4()]),
)
@settings(deadline=None)
def test_nothing_takes_another_file_after_its_end_but_a_jpeg_its_video(seed: bytes, other: bytes) -> None:
    of_the_same_kind = {FileType.JPEG: make.mp4(), FileType.MP4: make.mp4(), FileType.PDF: make.pdf()}
    before, taken = answer(seed), answer(seed + other)
    assert taken is None or of_the_same_kind.get(before or FileType.TXT) == other


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """A good file, or the ends of two, with up to eight pieces changed, put in, taken out or repeated."""
    data = draw(seeds)
    if draw(st.booleans()):
        data = data[: draw(positions)] + draw(seeds)[draw(positions) :]
    for _ in range(draw(st.integers(0, 8))):
        place, length = draw(positions) % (len(data) + 1), draw(st.integers(0, 12))
        piece = draw(st.sampled_from(PIECES) | st.binary(max_size=8)) * draw(st.sampled_from([1, 1, 1, 2, 300, 30_000]))
        data = data[:place] + piece + data[place + length :]
    return data


@given(spoiled())
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.large_base_example])
def test_spoiled_in_many_places(data: bytes) -> None:
    answer(data)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@given(spoiled())
@settings(deadline=None, max_examples=100_000, suppress_health_check=[HealthCheck.large_base_example])
def test_spoiled_in_many_places_a_hundred_thousand_times(data: bytes) -> None:
    answer(data)


@given(seeds, positions)
@settings(deadline=None)
def test_cut_short(seed: bytes, length: int) -> None:
    answer(seed[: length % len(seed)])


@given(st.binary(min_size=1, max_size=6), st.sampled_from(SEEDS), positions)
@settings(deadline=None, max_examples=60)
def test_the_cost_stays_in_proportion_when_a_piece_is_repeated(piece: bytes, seed: bytes, position: int) -> None:
    position %= len(seed)
    answer(seed[:position] + piece * (300_000 // len(piece)) + seed[position:])


def test_the_cost_of_what_is_made_to_be_costly() -> None:
    start = make.jpeg(scans=b"", end=b"")
    for data in (
        start + b"\xff" * 1_000_000,
        start + make.SCAN * 100_000 + b"\xff\xd9",
        make.jpeg() * 5_000,
        make.jpeg(after=b"\x00\xff" * 500_000),
        make.jpeg(after=(b"\x00" * WINDOW_BYTES + make.jpeg()) * 20),
        make.gif(blocks=make.gif_image() * 50_000),
        make.png(chunks=make.IDAT * 50_000),
        make.mp4(boxes=make.box(b"free") * 100_000),
        make.mp4(boxes=make.box(b"moov", make.track() * 10_000)),
        *(make.mp4(boxes=make.moov(*[make.track(more=b"x" * length)] * 40) + make.MDAT) for length in LENGTHS),
        *(make.webp(make.vp8x(), *[make.riff_chunk(b"ANMF", b"x" * length)] * 40) for length in LENGTHS),
        *(make.jpeg(first=make.segment(0xE2, b"x" * 60_000)) + make.mp4() + b"\x00" * length for length in LENGTHS),
        make.jpeg(after=make.mp4() * 3_000),
        make.png(chunks=make.chunk(b"abCd", b"__HALT_COMPILER(" * 60_000) + make.IDAT),
        b"rem \n" * 200_000,
        b"<a" + b" x" * 500_000,
        b" " * 1_000_000 + b"<html>",
        make.pdf() + b"startxref 1 %%EOF " * 50_000,
        make.png(after=b"PK\x05\x06" * 250_000),
    ):
        answer(data)


def test_the_number_of_looks_is_bounded() -> None:
    with contents_of(os.urandom(64)) as contents:
        for _ in range(MAX_LOOKS):
            contents.at(0, 1)
        with pytest.raises(Refused, match="too many pieces"):
            contents.at(0, 1)
