"""Keeps the workspace between runs."""

from pathlib import Path

import msgspec

from supportd.simulator.workspace import Workspace


class DamagedState(Exception):
    """The state file can't be read; the message names it."""


def load(path: Path | None) -> Workspace:
    """The workspace of the last run, an empty one where there is none. Raises `DamagedState`."""
    if path is None or not path.exists():
        return Workspace()
    try:
        return msgspec.json.decode(path.read_bytes(), type=Workspace)
    except msgspec.MsgspecError as error:
        message = f"{path} can't be read ({error}): delete it to start afresh"
        raise DamagedState(message) from error


def save(path: Path, workspace: Workspace) -> None:
    """Writes beside and renames, so that the file is whole at any time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.new")
    beside.write_bytes(msgspec.json.encode(workspace))
    beside.replace(path)
