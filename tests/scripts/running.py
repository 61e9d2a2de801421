"""A script as a program, with just the settings given."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from tests.harness import MongoDatabase

SCRIPTS = Path(__file__).parents[2] / "scripts"


def command(name: str, *arguments: str) -> list[str]:
    return [sys.executable, str(SCRIPTS / name), *arguments]


def environ(mongo: MongoDatabase | None = None, **values: str) -> dict[str, str]:
    """The settings given, and those that say where the database is."""
    found = {"PATH": os.environ["PATH"]}
    if mongo is not None:
        found |= {"MONGO_URI": mongo.uri, "MONGO_DB": mongo.name, "FILES_DIR": str(mongo.files_dir)}
    return {**found, **values}


async def run(
    name: str, *arguments: str, mongo: MongoDatabase | None = None, **values: str
) -> "subprocess.CompletedProcess[str]":
    return await asyncio.to_thread(
        subprocess.run,
        command(name, *arguments),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        env=environ(mongo, **values),
    )
