"""The corpus: what users send is taken for what it is, and everything else is refused with a reason that helps."""

from pathlib import Path

import pytest

from supportd.files import verification
from supportd.files.refusal import Refused
from supportd.files.types import FileType
from tests.files import makers as make
from tests.files.corpus import ACCEPTED_CASES, REFUSED_CASES, Case, write


@pytest.mark.parametrize("case", ACCEPTED_CASES, ids=lambda case: case.name)
def test_taken(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(case.content)
    assert verification.verify(path).name == case.said


@pytest.mark.parametrize("case", REFUSED_CASES, ids=lambda case: case.name)
def test_refused(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(case.content)
    with pytest.raises(Refused) as refused:
        verification.verify(path)
    assert case.said in refused.value.reason
    assert len(refused.value.reason) < 100


def test_every_case_has_a_name_of_its_own() -> None:
    names = [case.name for case in (*ACCEPTED_CASES, *REFUSED_CASES)]
    assert len(set(names)) == len(names)


def test_only_raster_images_and_video_are_shown_in_place() -> None:
    assert {each.name for each in FileType if each.inline} == {"JPEG", "PNG", "GIF", "WEBP", "BMP", "MP4"}


@pytest.mark.parametrize("file_type", FileType, ids=lambda each: each.name)
def test_every_proper_beginning_of_a_small_file_is_refused(file_type: FileType, tmp_path: Path) -> None:
    """Nothing that arrived in part counts as whole."""
    whole = next(case.content for case in ACCEPTED_CASES if case.said == file_type.name).rstrip(b"\n")
    path = tmp_path / "upload"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        try:
            taken = verification.verify(path)
        except Refused:
            continue
        assert taken is FileType.TXT  # a few letters, such as "GIF"
        assert length < 10 or file_type is FileType.TXT


def test_a_file_whose_content_is_a_path_is_text_and_isnt_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(make.png())
    path = tmp_path / "upload"
    path.write_text(str(secret))
    assert verification.verify(path) is FileType.TXT


def test_a_missing_file_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        verification.verify(tmp_path / "gone")


def test_the_corpus_can_be_written(tmp_path: Path) -> None:
    write(tmp_path)
    assert len(list(tmp_path.iterdir())) == len(ACCEPTED_CASES) + len(REFUSED_CASES)
