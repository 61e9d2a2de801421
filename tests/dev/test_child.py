"""Children: logged, apart from the terminal, and gone with their parent."""

import os
import signal
import sys
from pathlib import Path

import pytest

from supportd.dev.child import Child
from tests.dev.processes import is_alive
from tests.waiting import eventually

WAITS = "import signal; print('waiting', flush=True); signal.pause()"
IS_DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAITS}"
HAS_A_CHILD = f"""
import signal, sys
from pathlib import Path
from supportd.dev.child import Child
child = Child("inner", [sys.executable, "-c", {WAITS!r}], log=Path(sys.argv[1]))
child.start()
signal.pause()
"""


def python(code: str, folder: Path, *arguments: str) -> Child:
    return Child("python", [sys.executable, "-c", code, *arguments], log=folder / "python.log")


async def is_waiting(child: Child) -> None:
    await eventually(lambda: "waiting" in child.last_lines())


async def test_a_child_ends_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    pid_and_wait = WAITS.replace("'waiting'", "__import__('os').getpid()")
    inner_log = tmp_path / "inner.log"
    parent = python(HAS_A_CHILD.replace(repr(WAITS), repr(pid_and_wait)), tmp_path, str(inner_log))
    parent.start()
    try:
        inner = int(await eventually(lambda: inner_log.exists() and inner_log.read_text().strip()))
        assert is_alive(inner)
    finally:
        parent.kill()
    await eventually(lambda: not is_alive(inner))


async def test_a_ctrl_c_in_the_terminal_doesnt_reach_it(tmp_path: Path) -> None:
    child = python(WAITS, tmp_path)
    child.start()
    await is_waiting(child)
    assert os.getsid(child.pid) == child.pid
    assert child.stop() == -signal.SIGTERM
    assert not child.running


async def test_what_it_prints_is_kept_across_starts(tmp_path: Path) -> None:
    child = python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)", tmp_path)
    for _ in range(2):
        child.start()
        await eventually(lambda: not child.running)
    assert child.exit_code == 3
    assert sorted(child.last_lines().split()) == ["err", "err", "out", "out"]
    assert child.last_lines(1) in {"out", "err"}


async def test_one_that_wont_stop_is_killed(tmp_path: Path) -> None:
    child = python(IS_DEAF, tmp_path)
    child.start()
    await is_waiting(child)
    assert child.stop(within_s=0.1) == -signal.SIGKILL


async def test_a_program_that_cant_run_says_so_in_its_log(tmp_path: Path) -> None:
    child = Child("none", [str(tmp_path / "missing")], log=tmp_path / "log")
    child.start()
    await eventually(lambda: not child.running)
    assert child.exit_code == 126
    assert "missing: No such file or directory" in child.last_lines()


@pytest.mark.parametrize("end", [Child.stop, Child.kill])
def test_ending_one_that_was_never_started_is_harmless(tmp_path: Path, end: object) -> None:
    assert callable(end)
    assert end(python(WAITS, tmp_path)) is None
