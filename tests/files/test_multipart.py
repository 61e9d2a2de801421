import itertools
import random
import tracemalloc
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supportd.errors import ApiError, BadRequest, ValidationFailed
from supportd.files.multipart import MAX_HEADER_BYTES, OVERHEAD_BYTES, FileReader

TYPE = "multipart/form-data; boundary=b"
DISPOSITION = b'Content-Disposition: form-data; name="file"; filename="a.txt"'
MAX_BYTES = 1000


@dataclass(frozen=True)
class Read:
    """What came out of a body."""

    name: str = ""
    data: bytes = b""
    error: str = ""


def read(*chunks: bytes, content_type: str = TYPE, max_bytes: int = MAX_BYTES) -> Read:
    data = b""
    try:
        reader = FileReader(content_type, max_bytes=max_bytes)
        for chunk in chunks:
            data += reader.feed(chunk)
        reader.finish()
    except ApiError as error:
        return Read(error=f"{error.code}: {error.message}")
    assert reader.size == len(data)
    return Read(reader.name, data)


def part(data: bytes = b"hello", *headers: bytes, disposition: bytes = DISPOSITION) -> bytes:
    return b"--b\r\n" + b"\r\n".join([disposition, *headers]) + b"\r\n\r\n" + data + b"\r\n"


def body(data: bytes = b"hello", *headers: bytes, disposition: bytes = DISPOSITION) -> bytes:
    return part(data, *headers, disposition=disposition) + b"--b--\r\n"


TOO_LARGE = f"validation_error: file: must have at most {MAX_BYTES / 2**20:g} MB"
MUCH_BESIDE = "bad_request: The body has much beside the file"
NO_BOUNDARY = "bad_request: Content-Type must have a boundary of 1 to 70 characters"
BROKEN = "bad_request: The body isn't valid multipart/form-data"
NO_END = "bad_request: The multipart body has no end"
ONLY = "validation_error: file: must be the only part"


@pytest.mark.parametrize(
    "data",
    [
        b"hello",
        b"\r\n",
        b"\r\n--",
        b"\r\n--c\r\n",
        b"--b--",
        b"-",
        b"\r\n--\r\n-\r\n--\r",
        bytes(range(256)),
        b"\x00" * MAX_BYTES,
        b"\r\n--bx--b-\r\n--b-x\r\n--b\rx",
    ],
)
def test_the_bytes_of_the_file_come_through(data: bytes) -> None:
    assert read(body(data)) == Read("a.txt", data)


@pytest.mark.parametrize("end", [b"--b--", b"--b--\r\n", b"--b--\r\n\r\nan epilogue\r\n--b\r\n"])
def test_the_body_may_end_in_several_ways(end: bytes) -> None:
    assert read(part() + end) == Read("a.txt", b"hello")


def sent(name: str, data: bytes = b"x") -> Read:
    """As httpx sends it."""
    request = httpx.Request("POST", "http://127.0.0.1/", files={"file": (name, data)})
    return read(request.read(), content_type=request.headers["Content-Type"])


@pytest.mark.parametrize("name", ["a.txt", "отчёт 1.pdf", 'say "hi".txt', "\U0001f600.png", "a;b=c, d.txt", "a\\b.txt"])
def test_a_name_as_a_python_client_sends_it(name: str) -> None:
    assert sent(name) == Read(name, b"x")


@pytest.mark.parametrize(
    ("parameter", "name"),
    [
        ('filename="a.txt"', "a.txt"),
        ("filename=a.txt", "a.txt"),
        ("filename=a b.txt ; x=y", "a b.txt"),
        ('filename="a%22b%0D%0Ac%25.txt"', 'a"b\r\nc%25.txt'),
        (r'filename="a\"b\\c.txt"', 'a"b\\c.txt'),
        (r'filename="C:\dir\a.txt"', "C:\\dir\\a.txt"),
        ('filename="a\\"', "a\\"),
        ('filename="a;b.txt"', "a;b.txt"),
        ('filename="отчёт.pdf"', "отчёт.pdf"),
        ("filename*=utf-8''%D0%BE%D1%82.pdf", "от.pdf"),
        ("filename=\"o.pdf\"; filename*=UTF-8'ru'%D0%BE.pdf", "\u043e.pdf"),
        ("filename*=UTF-8''%D0%BE.pdf; filename=o.pdf", "\u043e.pdf"),
        ("filename*=ISO-8859-1''%E9.pdf", "é.pdf"),
        ("filename*=UTF-8''%FF.pdf", "\ufffd.pdf"),
        ("filename=o.pdf; filename*=koi8-r''%D0.pdf", "o.pdf"),
        ("filename=o.pdf; filename*=nonsense", "o.pdf"),
        ("FileName=a.txt;", "a.txt"),
        ('filename=""', ""),
        ("x=y", ""),
    ],
)
def test_a_name_as_clients_send_it(parameter: str, name: str) -> None:
    found = read(body(disposition=f'Content-Disposition: form-data; name="file"; {parameter}'.encode()))
    assert found == Read(name, b"hello")


def test_a_name_that_isnt_utf_8_is_read_as_latin_1() -> None:
    assert read(body(disposition=DISPOSITION.replace(b"a.txt", b"caf\xe9.txt"))).name == "café.txt"


@pytest.mark.parametrize(
    ("sent_body", "error"),
    [
        pytest.param(body(b"x" * (MAX_BYTES + 1)), TOO_LARGE, id="large"),
        pytest.param(part() + body(), ONLY, id="two files"),
        pytest.param(part(disposition=b'Content-Disposition: form-data; name="x"') + body(), ONLY, id="another first"),
        pytest.param(part() + part(disposition=b'Content-Disposition: form-data; name="x"'), ONLY, id="another after"),
        pytest.param(b"--b--\r\n", "validation_error: file: is required", id="no part"),
        pytest.param(body(b""), "validation_error: file: is empty", id="empty"),
        pytest.param(
            body(b"x", b"Content-Type: Multipart/mixed; boundary=c"),
            "validation_error: file: must be one file",
            id="nested",
        ),
        pytest.param(
            body(b"eA==", b"Content-Transfer-Encoding: BASE64"),
            "validation_error: file: must not be encoded (Content-Transfer-Encoding)",
            id="encoded",
        ),
        pytest.param(b"", NO_END, id="nothing"),
        pytest.param(part()[:-3], NO_END, id="cut off in the file"),
        pytest.param(part() + b"--b-", NO_END, id="cut off in the end"),
        pytest.param(b"--b\r\nContent-Disp", NO_END, id="cut off in a header"),
        pytest.param(part() + b"--b\r\n", ONLY, id="cut off after a boundary"),
        pytest.param(b"preamble\r\n" + body(), BROKEN, id="preamble"),
        pytest.param(b"\r\n" + body(), BROKEN, id="empty preamble"),
        pytest.param(body().replace(b"--b\r\n", b"--c\r\n"), BROKEN, id="another boundary"),
        pytest.param(body().replace(b"--b\r\n", b"--b\n"), BROKEN, id="bare LF after the boundary"),
        pytest.param(body(disposition=b"X: y"), BROKEN, id="no disposition"),
        pytest.param(body(disposition=b"Content-Disposition: attachment; name=file"), BROKEN, id="no form-data"),
        pytest.param(body(disposition=b"Content-Disposition: form-data"), BROKEN, id="no name"),
        pytest.param(body(disposition=b"Content-Disposition: form-data; name=file; name=file"), BROKEN, id="two names"),
        pytest.param(body(disposition=b'Content-Disposition: form-data; name="file'), BROKEN, id="open quote"),
        pytest.param(body(disposition=b"Content-Disposition: form-data; name"), BROKEN, id="no value"),
        pytest.param(body(b"x", DISPOSITION), BROKEN, id="two dispositions"),
        pytest.param(body(b"x", b"X-Y: a\nb"), BROKEN, id="LF in a header"),
        pytest.param(body(b"x", b"X-Y: a\rb"), BROKEN, id="CR in a header"),
        pytest.param(body(b"x", b"X-Y: a\x00b"), BROKEN, id="NUL in a header"),
        pytest.param(body(b"x", b": y"), BROKEN, id="header without a name"),
        pytest.param(body(b"x", b"X Y: z"), BROKEN, id="space in a header's name"),
        pytest.param(body(b"x", b"\xc3\xa9: z"), BROKEN, id="header's name not ASCII"),
        pytest.param(body(b"x", *(b"X-%d: y" % number for number in range(8))), BROKEN, id="many headers"),
        pytest.param(body(b"x", b"X: " + b"y" * MAX_HEADER_BYTES), BROKEN, id="long header"),
        pytest.param(body(b"x", b"X" * MAX_HEADER_BYTES + b": y"), BROKEN, id="long name of a header"),
        pytest.param(
            body() + b"x" * (OVERHEAD_BYTES + MAX_BYTES),
            MUCH_BESIDE,
            id="epilogue",
        ),
        pytest.param(
            part() + b"--b" + b" " * (OVERHEAD_BYTES + MAX_BYTES) + b"\r\n",
            MUCH_BESIDE,
            id="padding",
        ),
    ],
)
def test_what_is_refused(sent_body: bytes, error: str) -> None:
    assert read(sent_body) == Read(error=error)
    assert read(*(sent_body[place : place + 1] for place in range(len(sent_body)))) == Read(error=error)


@pytest.mark.parametrize(
    ("content_type", "error"),
    [
        ("", BROKEN),
        ("application/json", "bad_request: Content-Type must be multipart/form-data"),
        ("multipart/mixed; boundary=b", "bad_request: Content-Type must be multipart/form-data"),
        *(
            (f"multipart/form-data{rest}", NO_BOUNDARY)
            for rest in ("", ";", "; boundary=", '; boundary=""', f"; boundary={'b' * 71}", '; boundary="b "', "; x=y")
        ),
        (
            'multipart/form-data; boundary="b\\"c"',
            "bad_request: Content-Type must have a boundary of 1 to 70 characters",
        ),
        ("multipart/form-data; boundary=bé", NO_BOUNDARY),
        ("multipart/form-data; boundary=b; boundary=b", BROKEN),
        ("multipart/form-data boundary=b", BROKEN),
        ("multipart/form-data" + "; x" * 5000, BROKEN),
    ],
)
def test_a_content_type_that_is_refused(content_type: str, error: str) -> None:
    assert read(body(), content_type=content_type) == Read(error=error)


@pytest.mark.parametrize("content_type", ["Multipart/Form-Data; Boundary=b", 'multipart/form-data;x=1;boundary="b" ;'])
def test_a_content_type_that_is_taken(content_type: str) -> None:
    assert read(body(), content_type=content_type) == Read("a.txt", b"hello")


@pytest.mark.parametrize("boundary", ["x" * 70, "----WebKitFormBoundary0123456789abcdef", "a b'(c)+_,-./:=?d", "-"])
def test_a_boundary_of_any_allowed_form(boundary: str) -> None:
    sent_body = body().replace(b"--b", b"--" + boundary.encode())
    found = read(sent_body, content_type=f'multipart/form-data; boundary="{boundary}"')
    assert found == Read("a.txt", b"hello")


@pytest.mark.parametrize("encoding", [b"binary", b"8bit", b"7bit", b"Binary"])
def test_an_encoding_that_changes_nothing_is_taken(encoding: bytes) -> None:
    assert read(body(b"x", b"content-transfer-encoding: " + encoding)) == Read("a.txt", b"x")


def test_the_byte_that_is_too_much_stops_it_and_nothing_starts_it_again() -> None:
    reader = FileReader(TYPE, max_bytes=MAX_BYTES)
    whole = body(b"x" * MAX_BYTES)
    assert reader.feed(whole[:-20]) + reader.feed(b"")
    with pytest.raises(ValidationFailed) as first:
        reader.feed(b"x" * 100)
    for again in (lambda: reader.feed(whole), reader.finish):
        with pytest.raises(ValidationFailed) as caught:
            again()
        assert caught.value is first.value


# Bodies that come near to what ends a part, whole ones and ones of which something is missing or doubled.
pieces = st.sampled_from(
    [
        b"\r",
        b"\n",
        b"\r\n",
        b"-",
        b"--",
        b"b",
        b"\r\n--",
        b"\r\n--b",
        b"--b",
        b" ",
        b"\t",
        b"x",
        b":",
        b"\r\n--b--",
        b"",
    ]
)
bodies = st.one_of(
    st.lists(pieces, max_size=12).map(b"".join).map(body),
    st.lists(st.one_of(pieces, st.just(part()), st.just(DISPOSITION)), max_size=8).map(b"".join),
    st.tuples(st.binary(max_size=40), st.integers(0, 120)).map(lambda given: body(given[0])[: given[1]]),
    st.tuples(st.integers(0, 90), pieces).map(lambda at: body()[: at[0]] + at[1] + body()[at[0] :]),
)


@given(bodies, st.lists(st.integers(0, 200), max_size=10))
@example(body(b"\r\n--bx"), [])
def test_however_the_body_is_cut_the_result_is_the_same(sent_body: bytes, cuts: list[int]) -> None:
    whole = read(sent_body, max_bytes=20)
    places = [0, *sorted(cuts), len(sent_body)]
    chunks = [sent_body[start:end] for start, end in itertools.pairwise(places)]
    if sum(map(len, chunks)) == len(sent_body):
        assert read(*chunks, max_bytes=20) == whole
    assert read(*(sent_body[place : place + 1] for place in range(len(sent_body))), max_bytes=20) == whole


@given(st.binary(max_size=200), st.text(max_size=100))
def test_nothing_but_our_errors_comes_out(sent_body: bytes, content_type: str) -> None:
    assert read(sent_body).error
    assert read(sent_body, content_type=content_type).error
    assert read(sent_body, content_type=f"multipart/form-data; boundary={content_type}").error


def traffic(kind: str, size: int) -> Any:
    chance = random.Random(1)
    near = {"noise": chance.randbytes(65536), "near boundaries": b"\r\n--" * 16384, "CR": b"\r" * 65536}[kind]
    return (near for _ in range(size // len(near)))


@pytest.mark.parametrize("kind", ["noise", "near boundaries", "CR"])
def test_no_more_than_a_few_chunks_are_in_memory(kind: str) -> None:
    reader = FileReader(TYPE, max_bytes=64 * 2**20)
    reader.feed(part()[:-2])
    tracemalloc.start()
    try:
        taken = sum(len(reader.feed(chunk)) for chunk in traffic(kind, 16 * 2**20))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert taken > 16 * 2**20 - 100
    assert peak < 256 * 1024


def test_a_refusal_quotes_nothing_that_was_sent(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(BadRequest) as caught:
        FileReader(TYPE, max_bytes=1).feed(body(b"x", b"X-canary\xff: y"))
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert caplog.records == [], "the library's own lines quote bytes"
