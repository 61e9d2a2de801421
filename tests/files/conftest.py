"""What holds of the disk is shown to hold of S3."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.files.opening import CREDENTIALS, Open, local, moto, s3


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    """The session's S3."""
    with moto() as address:
        yield address


@pytest.fixture
def on_disk(tmp_path: Path) -> Open:
    """Opens a local storage."""
    return partial(local, tmp_path)


@pytest.fixture
def on_s3(tmp_path: Path, request: pytest.FixtureRequest) -> Open:
    """Opens a storage in a bucket."""
    os.environ.update(CREDENTIALS)
    return partial(s3, tmp_path, request.getfixturevalue("s3_address"))


@pytest.fixture(params=["disk", "s3"])
def opened(request: pytest.FixtureRequest) -> Open:
    """Opens each kind of storage. To be called within the test."""
    found: Open = request.getfixturevalue(f"on_{request.param}")
    return found
