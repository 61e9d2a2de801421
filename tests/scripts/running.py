"""A script as a program, with just the settings given."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from tests.harness import MongoDatabase

SCRIPTS = Path(__file__).parents[2] / "scripts"


async def run(name: str, *arguments: str, mongo: MongoDatabase | None = None) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(SCRIPTS / name), *arguments]
    environment = {"PATH": os.environ["PATH"]}
    if mongo is not None:
        environment |= {"MONGO_URI": mongo.uri, "MONGO_DB": mongo.name, "FILES_DIR": str(mongo.files_dir)}
    return await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=50, check=False, env=environment
    )
