"""`python die_with_parent.py PARENT_PID COMMAND...` becomes COMMAND, and the kernel ends it when its parent ends.

It ends by SIGTERM, so that it may save what it has, and also where the parent was killed with SIGKILL and could stop
nobody (Linux, prctl(2), PR_SET_PDEATHSIG). This runs between fork and exec as a program of its own, not as a
`preexec_fn`: Python code in a forked copy of a process that has threads may deadlock. To the kernel the parent is the
*thread* that forked: start children from one that outlives them, such as the main thread.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h
CANNOT_RUN = 126  # as a shell says it


def main() -> None:
    """Never returns."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it ended before the kernel was told
            sys.exit(1)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and exec would hand that on
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(CANNOT_RUN)


if __name__ == "__main__":
    main()
