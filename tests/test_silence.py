"""The suite itself: what it doesn't expect in the log turns it red."""

import subprocess
import sys
from pathlib import Path

from tests.system.processes import environment

PROJECT = Path(__file__).parents[1]

LOUD = """
import structlog

async def test_loud() -> None:
    structlog.get_logger("x").error("something broke")
"""


def test_an_unannounced_error_in_the_log_turns_a_test_red(tmp_path: Path) -> None:
    (tmp_path / "test_loud.py").write_text(LOUD)
    options = ["-q", "-p", "no:cacheprovider", "-p", "tests.conftest", "-c", str(PROJECT / "pyproject.toml")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path)],
        cwd=PROJECT,
        env=environment(PYTHONPATH=str(PROJECT)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    assert "something broke" in done.stdout
