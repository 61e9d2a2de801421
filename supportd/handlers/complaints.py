"""`/api/complaints`. A complaint is stored here and nowhere else, so it goes through while Intercom is down."""

from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from supportd.handlers import bodies
from supportd.handlers.base import BaseHandler
from supportd.handlers.sends import Sent, answer_once
from supportd.idempotency import Attempt, Sends
from supportd.stores.complaints import Category, Complaint, ComplaintStore
from supportd.stores.idempotency import Intent

MIN_DESCRIPTION_CHARS = 10
MAX_DESCRIPTION_CHARS = 4000
MAX_ID_CHARS = 128


class ComplaintBody(Struct, rename="camel"):
    """The body of a complaint."""

    category: Category
    description: str
    chat_id: str | None = None
    dialog_id: str | None = None


class ComplaintsHandler(BaseHandler):
    """Takes complaints."""

    def initialize(self, *, complaints: ComplaintStore, sends: Sends) -> None:
        """Takes the store, and what makes a retry the same complaint."""
        self.complaints = complaints
        self.sends = sends

    async def post(self) -> None:
        """Stores a complaint. The answer is the same whatever its ids name: they aren't looked up."""
        complaint = self._complaint(self.json_body(ComplaintBody))

        async def store(attempt: Attempt) -> Sent:
            named = msgspec.structs.replace(complaint, id=attempt.reserved_id())
            async with attempt.sending(Intent()):
                await self.complaints.add(named, at=datetime.fromtimestamp(self.web.clock.time(), UTC))
            return Sent({"id": named.id})

        await answer_once(self, self.sends, store, of=complaint)

    def _complaint(self, given: ComplaintBody) -> Complaint:
        return Complaint(
            id="",
            user_id=self.caller.user_id,
            category=given.category,
            description=bodies.text(
                "description", given.description, least=MIN_DESCRIPTION_CHARS, most=MAX_DESCRIPTION_CHARS
            ),
            chat_id=_id("chatId", given.chat_id),
            dialog_id=_id("dialogId", given.dialog_id),
        )


def _id(field: str, given: str | None) -> str | None:
    return None if given is None else bodies.verbatim(field, given, most=MAX_ID_CHARS)
