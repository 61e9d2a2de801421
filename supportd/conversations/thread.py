"""Messages merged into a thread, each with a place that is given once."""

from collections.abc import Iterable

import msgspec

from supportd.conversations import richtext
from supportd.conversations.messages import Found
from supportd.conversations.state import Message, Part


class Thread:
    """The parts being merged; `latest` is the cursor (ms) given last, `fresh` the parts that weren't known before.

    `partial` says that the news is a webhook's: it says nothing new of what is known, unless that was redacted.
    """

    def __init__(self, known: Iterable[Part], *, latest: int, partial: bool = False) -> None:
        self.parts = {part.message.id: part for part in known}
        self.latest = latest
        self.fresh: list[Part] = []
        self._partial = partial

    def add(self, found: Found) -> None:
        """Takes a message in: at the end if it is new, in its place if it changed."""
        known = self.parts.get(found.message.id)
        if known is None:
            self._place(found.message, unformatted=found.unformatted)
        else:
            self._change(known, found.message, unformatted=found.unformatted)

    def in_order(self) -> tuple[Part, ...]:
        """The parts, the oldest first."""
        return tuple(sorted(self.parts.values(), key=lambda part: part.message.created_at))

    def _place(self, message: Message, *, unformatted: bool) -> None:
        self.latest = max(message.created_at, self.latest + 1)
        placed = msgspec.structs.replace(message, created_at=self.latest)
        part = Part(placed, self.latest, unformatted)
        self.parts[message.id] = part
        self.fresh.append(part)

    def _change(self, known: Part, message: Message, *, unformatted: bool) -> None:
        before = known.message
        message = msgspec.structs.replace(message, created_at=before.created_at)
        if before.redacted or message == before or (unformatted and not known.unformatted):
            return  # nothing is undone by late news: neither a redaction nor formatting
        if self._partial and not message.redacted and not known.unformatted:
            return  # a webhook says nothing new of what is known already, and its text may be without the formatting
        cursor = known.cursor
        if _differs(before, message):
            self.latest += 1
            cursor = self.latest
        self.parts[message.id] = Part(message, cursor, unformatted)


def _differs(before: Message, after: Message) -> bool:
    """Whether a client that has the one must be given the other: not for white space, nor for a file's renewed URL."""
    if before.redacted != after.redacted or richtext.squeezed(before.body) != richtext.squeezed(after.body):
        return True
    if [file.name for file in before.attachments] != [file.name for file in after.attachments]:
        return True
    if before.html is None and after.html is not None:
        return not richtext.is_plain(after.html)
    return richtext.without_signatures(before.html) != richtext.without_signatures(after.html)
