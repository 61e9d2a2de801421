"""Conversations, read, listed and searched (contract, parts 4.1 to 4.3, 4.7, 4.8, 4.10)."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from supportd.simulator.annotations import message_not_found
from supportd.simulator.handlers_base import ApiHandler, Id
from supportd.simulator.model import Conversation
from supportd.simulator.paging import PageRequest, cut, page_size
from supportd.simulator.rendering import Form, rest_conversation
from supportd.simulator.search import Dialect, Predicate, compile_query
from supportd.simulator.search_index import CONVERSATION_FIELDS
from supportd.simulator.search_request import SearchBody

DEFAULT_PAGE = 20


class Sender(Struct):
    """Who starts a conversation: a contact by Intercom's id."""

    type: str
    id: Id


class StartBody(Struct, rename={"sender": "from"}):
    """A first message."""

    sender: Sender
    body: str
    attachment_urls: list[str] = []
    created_at: int | None = None


class UpdateBody(Struct):
    """What can be changed of a conversation itself."""

    read: bool | UnsetType = UNSET
    title: str | UnsetType = UNSET
    custom_attributes: dict[str, Any] | UnsetType = UNSET


class RedactBody(Struct):
    """Which part, or which first message, is to be emptied."""

    type: str
    conversation_id: Id
    conversation_part_id: Id | None = None
    source_id: Id | None = None


class ConversationHandler(ApiHandler):
    """Base of the routes that answer with one conversation."""

    def answer_conversation(self, conversation: Conversation) -> None:
        """Answers with it and its newest 500 parts, in HTML unless `display_as=plaintext`."""
        self.services.depot.renew(conversation.source.attachments)
        for part in conversation.parts:
            self.services.depot.renew(part.attachments)
        form = Form(
            plaintext=self.get_query_argument("display_as", "") == "plaintext",
            statistics=self.services.faults.now.statistics,
        )
        self.answer(rest_conversation(self.world, conversation, form))


class ConversationPageHandler(ApiHandler):
    """Base of the list and the search."""

    def answer_page(self, matches: Predicate, request: PageRequest) -> None:
        """Answers with a page of those that match, without their parts."""
        drift = self.services.faults.now.search_drift
        hits = [hit for hit in self.services.conversation_index.hits() if matches(hit.fields)]
        page = cut(hits, request, by_position=drift > 0)
        items = page.items
        for item in items[:drift] if "next" in page.pages else ():
            self.services.messages.note(self.world.conversation(item["id"]), self.world.service_admin, "Meanwhile")
        if not self.services.faults.now.statistics:
            items = [item | {"statistics": None} for item in items]
        answer = {"type": "conversation.list", "conversations": items, "total_count": page.total_count}
        self.answer(answer | {"pages": page.pages})


class ConversationsHandler(ConversationPageHandler):
    """`GET` and `POST /conversations`."""

    def get(self) -> None:
        """The list, most recently updated first."""
        request = PageRequest(
            per_page=page_size(self.get_query_argument("per_page", None), DEFAULT_PAGE),
            starting_after=self.get_query_argument("starting_after", None),
            sort_field="updated_at",
            descending=True,
        )
        self.answer_page(lambda _: True, request)

    async def post(self) -> None:
        """Starts a conversation. Answers with a message, whose id isn't the conversation's."""
        body = self.body(StartBody)
        self.refuse_new_contacts()
        contact = self.world.contact(str(body.sender.id))
        attachments = await self.services.depot.received(body.attachment_urls)
        conversation = self.services.messages.start(
            contact, body.body, attachments=attachments, created_at=body.created_at
        )
        self.answer(
            {
                "type": "user_message",
                "id": conversation.source.id,
                "created_at": conversation.created_at,
                "body": body.body,
                "message_type": "inapp",
                "conversation_id": conversation.id,
            }
        )


class ConversationSearchHandler(ConversationPageHandler):
    """`POST /conversations/search`."""

    def post(self) -> None:
        """A page of those that match. Sorting is by `updated_at`, newest first, unless asked otherwise."""
        body = self.body(SearchBody)
        dialect = Dialect(CONVERSATION_FIELDS, strict=self.services.faults.now.strict_search)
        request = body.page(default_size=DEFAULT_PAGE, fields=CONVERSATION_FIELDS)
        self.answer_page(compile_query(body.query, dialect), request)


class ConversationByIdHandler(ConversationHandler):
    """`GET`, `PUT` and `DELETE /conversations/{id}`."""

    def get(self, conversation_id: str) -> None:
        """The conversation, as it is now."""
        self.answer_conversation(self.world.conversation(conversation_id))

    def put(self, conversation_id: str) -> None:
        """Sets its read flag, title or attributes."""
        conversation, body = self.world.conversation(conversation_id), self.body(UpdateBody)
        if body.read is not UNSET:
            self.services.annotations.mark_read(conversation, read=body.read)
        if body.title is not UNSET:
            self.services.annotations.set_title(conversation, body.title)
        if body.custom_attributes is not UNSET:
            self.services.annotations.set_attributes(conversation, body.custom_attributes)
        self.answer_conversation(conversation)

    def delete(self, conversation_id: str) -> None:
        """Deletes it."""
        self.services.annotations.delete(self.world.conversation(conversation_id))
        self.answer({"id": conversation_id, "object": "conversation", "deleted": True})


class RedactHandler(ConversationHandler):
    """`POST /conversations/redact`."""

    def post(self) -> None:
        """Empties a part or the first message."""
        body = self.body(RedactBody)
        message_id = body.source_id if body.type == "source" else body.conversation_part_id
        conversation = self.world.workspace.conversations.get(str(body.conversation_id))
        if conversation is None:
            raise message_not_found()
        self.services.annotations.redact(conversation, str(message_id))
        self.answer_conversation(conversation)
