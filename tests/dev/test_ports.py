import subprocess
import sys
from pathlib import Path

import pytest

from supportd.dev import ports

FEW = 6


@pytest.fixture(autouse=True)
def _few_ports_of_our_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody listens on them, whatever other tests do meanwhile."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(ports, "HIGHEST", ports.LOWEST + FEW)
    monkeypatch.setattr(ports, "is_free", lambda _: True)


def test_no_port_is_handed_out_twice() -> None:
    assert len({ports.free_port() for _ in range(FEW)}) == FEW
    with pytest.raises(OSError, match="no free port"):
        ports.free_port()


def test_nor_by_another_process(tmp_path: Path) -> None:
    script = f"from supportd.dev import ports; ports.HIGHEST = {ports.HIGHEST}; ports.is_free = lambda _: True; "
    script += "print(*(ports.free_port() for _ in range(4)))"
    environ = {"TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(ports.__file__).parents[2])}
    told = subprocess.run([sys.executable, "-c", script], env=environ, check=True, capture_output=True, text=True)
    theirs = {int(word) for word in told.stdout.split()}
    assert len(theirs) == 4
    assert theirs.isdisjoint({ports.free_port(), ports.free_port()})


def test_after_a_minute_a_port_is_free_again(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = {ports.free_port() for _ in range(FEW)}
    monkeypatch.setattr(ports, "HELD_S", -1)
    assert ports.free_port() in taken


def test_ports_side_by_side_are_held_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "HIGHEST", ports.LOWEST + 1)
    assert ports.free_port(1, 2) == ports.LOWEST
    monkeypatch.setattr(ports, "HIGHEST", ports.LOWEST + 3)
    with pytest.raises(OSError, match="no free port"):
        ports.free_port()
