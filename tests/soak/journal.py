"""What happened in a soak, when and to whom; and what was found to be wrong."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

AROUND_S = 4.0
MOST_WRONGS = 12  # told at length; the rest is counted
MOST_LINES = 60  # around each


@dataclass(frozen=True)
class Line:
    """Something that happened. `where` is the conversation or ticket that it is about, or empty: then about all."""

    at_s: float
    who: str
    what: str
    where: str = ""

    def __str__(self) -> str:
        where = f" [{self.where}]" if self.where else ""
        return f"t={self.at_s:7.2f} s{where} {self.who}: {self.what}"


@dataclass
class Journal:
    """The lines of a run, in order, and those that say what is wrong.

    Times are seconds since the start, which was at `started_at`, in seconds since the epoch.
    """

    elapsed_s: Callable[[], float]
    started_at: float = 0.0
    lines: list[Line] = field(default_factory=list)
    wrongs: list[Line] = field(default_factory=list)

    def note(self, who: str, what: str, where: str = "") -> None:
        self.lines.append(Line(self.elapsed_s(), who, what, where))

    def wrong(self, who: str, what: str, where: str = "", *, about: str = "", at: float = 0.0) -> None:
        """Something that must not be.

        The report dates it by Intercom's time `at` (s since the epoch), else by the first line on `about`, a message's
        id or words, else by now.
        """
        lines = (line.at_s for line in self.lines if about and about in line.what)
        at_s = at - self.started_at if at else next(lines, self.elapsed_s())
        self.wrongs.append(Line(at_s, who, what, where))

    def save(self, path: Path) -> None:
        """Writes all of it to a file."""
        path.write_text("\n".join(map(str, [*self.lines, "WRONG", *self.wrongs])))

    def report(self, heading: str, faults: Iterable[object]) -> str:
        """What was wrong, each with what happened around that time in the same place, and the faults of the run."""
        told = [self._told(wrong) for wrong in self.wrongs[:MOST_WRONGS]]
        left = len(self.wrongs) - len(told)
        more = [f"... and {left} more"] if left > 0 else []
        return "\n".join([heading, "", *told, *more, "", "The schedule:", *(f"  {fault}" for fault in faults)])

    def _told(self, wrong: Line) -> str:
        near = [line for line in self.lines if abs(line.at_s - wrong.at_s) <= AROUND_S]
        near = [line for line in near if not line.where or line.where == wrong.where]
        return "\n".join([f"WRONG {wrong}", *(f"      {line}" for line in near[:MOST_LINES])])
