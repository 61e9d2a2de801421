"""A child process that writes to a log file and ends with us."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from supportd.dev import die_with_parent

STOP_WITHIN_S = 15.0
LAST_LINES = 15


class Child:
    """One program: started, stopped, killed, started again. Its output, stderr included, goes to `log`.

    It lives in a session of its own, so that a Ctrl-C in the terminal reaches only us, who stop it in order. It ends
    with us, see `die_with_parent`, so it has to be started from the main thread.
    """

    def __init__(
        self, name: str, command: Sequence[str], *, log: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._environ = dict(os.environ if environ is None else environ)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process's id, 0 before the first start."""
        return self._process.pid if self._process else 0

    @property
    def running(self) -> bool:
        """Whether it was started and hasn't ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How it ended: None while it runs, the signal's number with a minus where one ended it."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Starts it; what it logged in an earlier start of this object is kept. Raises `OSError`."""
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("start children from the main thread: they end with the thread that started them")
        tied = [sys.executable, "-I", "-S", die_with_parent.__file__, str(os.getpid()), *self._command]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb" if self._process is None else "ab") as log:
            self._process = subprocess.Popen(
                tied,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self, *, within_s: float = STOP_WITHIN_S) -> int | None:
        """Asks it to end, kills it if it takes longer, and returns its exit code."""
        if self._process is None:
            return None
        self._process.terminate()
        try:
            return self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self, number: signal.Signals = signal.SIGKILL) -> int | None:
        """Ends it without a chance to tidy up."""
        if self._process is None:
            return None
        self._process.send_signal(number)
        return self._process.wait()

    def last_lines(self, count: int = LAST_LINES) -> str:
        """The end of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])
