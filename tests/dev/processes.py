"""A look at the processes of this machine."""

from pathlib import Path


def is_alive(pid: int) -> bool:
    """Whether it runs; one that ended and that nobody has asked after doesn't."""
    return _stat(Path(f"/proc/{pid}"))[0] not in {"", "Z"}


def children_of(pid: int) -> dict[int, str]:
    """The processes that it started, with their command lines."""
    folders = [path for path in Path("/proc").iterdir() if path.name.isdecimal()]
    return {int(path.name): _command(path) for path in folders if _stat(path)[1] == str(pid)}


def _stat(process: Path) -> tuple[str, str]:
    """State and parent (proc(5)); the name before them may hold spaces."""
    try:
        state, parent = (process / "stat").read_text().rpartition(")")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return "", ""
    return state, parent


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""
