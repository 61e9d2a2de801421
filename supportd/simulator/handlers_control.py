"""`/_sim/...`: plays the operator and the contact, causes trouble, tells the truth."""

from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from tornado.web import HTTPError, RequestHandler

from supportd.simulator.control_actions import ACTIONS
from supportd.simulator.errors import ApiError, ControlError
from supportd.simulator.model import Contact, Conversation
from supportd.simulator.rendering import Form, contact_json, conversation_with
from supportd.simulator.services import Services

T = TypeVar("T")

OWN_HOSTS = {"127.0.0.1", "localhost", "::1"}  # another name that leads here is a trick on a browser


class ControlHandler(RequestHandler):
    """Base of the control API: JSON, no credentials, errors that say what to do."""

    def initialize(self, *, services: Services) -> None:
        """Takes the simulator's parts."""
        self.services = services

    def prepare(self) -> None:
        """What fell due meanwhile happens first. Another site's page may ask a browser on this machine for nothing."""
        origin, host = self.request.headers.get("Origin"), self.request.host
        if urlsplit(f"//{host}").hostname not in OWN_HOSTS or (origin is not None and urlsplit(origin).netloc != host):
            raise HTTPError(403, reason="Not from another site")
        self.services.wake_due()

    def body(self, kind: type[T]) -> T:
        """The body. Raises `ControlError`, which names what is wrong with it."""
        try:
            return msgspec.json.decode(self.request.body or b"{}", type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            message = f"bad body: {error}"
            raise ControlError(message) from error

    def answer(self, payload: Any) -> None:
        """Answers 200 with JSON."""
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(msgspec.json.encode(payload))

    def answer_conversation(self, conversation: Conversation) -> None:
        """Answers with the conversation and all its parts, HTML, however many there are."""
        contact = self.services.world.workspace.contacts[conversation.contact_id]
        self.services.depot.renew(conversation.source.attachments)
        for part in conversation.parts:
            self.services.depot.renew(part.attachments)
        self.answer(conversation_with(conversation, contact, conversation.parts, Form()))

    def find(self, conversation_id: str) -> Conversation:
        """The conversation by id, or the newest for `last`."""
        if conversation_id != "last":
            return self.services.world.conversation(conversation_id)
        newest = self.services.world.newest_conversation()
        if newest is None:
            message = "there is no conversation yet"
            raise ControlError(message)
        return newest

    def contact(self, external_id: str) -> Contact:
        """The contact with our user id, made where there is none."""
        world = self.services.world
        return world.contact_by_external_id(external_id) or world.add_contact(external_id=external_id)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """One sentence under `error`."""
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        if isinstance(error, ControlError):
            status_code, message = 400, str(error)
        elif isinstance(error, ApiError):
            status_code, message = error.status, error.message
        else:
            message = self._reason
        self.set_status(status_code)
        self.answer({"error": message})

    def log_exception(self, *exc_info: Any) -> None:
        """Keeps refusals out of the log; a bug in the simulator is logged."""
        if not isinstance(exc_info[1], ApiError | ControlError | HTTPError):
            super().log_exception(*exc_info)


class StatusHandler(ControlHandler):
    """`GET /_sim/status`."""

    def get(self) -> None:
        """The time, how much there is, and what became of the webhooks."""
        workspace, webhooks = self.services.world.workspace, self.services.webhooks
        tally = msgspec.to_builtins(webhooks.tally)
        self.answer(
            {
                "now": self.services.clock.time(),
                "conversations": len(workspace.conversations),
                "tickets": len(workspace.tickets),
                "contacts": len(workspace.contacts),
                "webhooks": {"url": webhooks.url, **tally, "pending": webhooks.pending},
            }
        )


class CallsHandler(ControlHandler):
    """`GET` and `DELETE /_sim/calls`."""

    def get(self) -> None:
        """The calls of Intercom's API since the start or the last DELETE."""
        counts = dict(self.services.calls.by_operation)
        self.answer({"total": sum(counts.values()), "by_operation": counts})

    def delete(self) -> None:
        """Counts from zero again."""
        self.services.calls.clear()
        self.get()


class ResetHandler(ControlHandler):
    """`POST /_sim/reset`."""

    def post(self) -> None:
        """Everything as on the first day, but that the webhook stays registered."""
        self.services.reset()
        self.answer({})


class ClockBody(Struct, forbid_unknown_fields=True):
    """Seconds to go on by, or the whole distance from the real clock."""

    advance: float | None = None
    offset: float | None = None


class ClockHandler(ControlHandler):
    """`POST /_sim/clock`."""

    def post(self) -> None:
        """Shifts the clock; snoozes that fall due end."""
        body = self.body(ClockBody)
        if (body.advance is None) == (body.offset is None):
            message = "say either advance or offset, in seconds"
            raise ControlError(message)
        clock = self.services.clock
        clock.offset = body.offset if body.offset is not None else clock.offset + (body.advance or 0.0)
        self.services.wake_due()
        self.answer({"now": clock.time(), "offset": clock.offset})


class FaultsHandler(ControlHandler):
    """`GET`, `POST` and `DELETE /_sim/faults`."""

    def get(self) -> None:
        """All switches."""
        self.answer(self.services.faults.now)

    def post(self) -> None:
        """Sets some."""
        self.services.faults.merge(self.body(dict[str, Any]))
        self.services.webhooks.faults_changed()
        self.get()

    def delete(self) -> None:
        """Turns all off."""
        self.services.faults.clear()
        self.services.webhooks.faults_changed()
        self.get()


class WebhookBody(Struct, forbid_unknown_fields=True):
    """The address that is to get the notifications."""

    url: str


class WebhookHandler(ControlHandler):
    """`POST` and `DELETE /_sim/webhook`."""

    async def post(self) -> None:
        """Registers an address, after a HEAD to it."""
        await self.services.webhooks.register(self.body(WebhookBody).url)
        self.answer({"url": self.services.webhooks.url})

    def delete(self) -> None:
        """Ends the subscription."""
        self.services.webhooks.unregister()
        self.answer({"url": None})


class RedeliverBody(Struct, forbid_unknown_fields=True):
    """Which notification is meant: the last of a topic, or the last of all."""

    topic: str | None = None


class WebhookActionHandler(ControlHandler):
    """`POST /_sim/webhook/ping`, `/flush` and `/redeliver`."""

    async def post(self, action: str) -> None:
        """Does it, and answers what became of all notifications so far."""
        webhooks = self.services.webhooks
        if action == "ping":
            webhooks.ping()
        elif action == "flush":
            await webhooks.flush()
        elif action == "redeliver":
            webhooks.redeliver(self.body(RedeliverBody).topic)
        else:
            raise HTTPError(404)
        self.answer(msgspec.to_builtins(webhooks.tally))


class ContactBody(Struct, forbid_unknown_fields=True):
    """A contact to make, or to change where the external id is known."""

    external_id: str
    name: str | None = None
    email: str | None = None
    archived: bool = False


class ContactsHandler(ControlHandler):
    """`POST /_sim/contacts`."""

    def post(self) -> None:
        """Makes or changes a contact."""
        body = self.body(ContactBody)
        contact = self.contact(body.external_id)
        contact.name = body.name or contact.name
        contact.email = body.email or contact.email
        contact.archived = body.archived
        self.answer(contact_json(contact, self.services.config.app_id))


class ConversationBody(Struct, forbid_unknown_fields=True):
    """A conversation started in the messenger, or by the team."""

    external_id: str
    body: str
    admin_initiated: bool = False


class ConversationsHandler(ControlHandler):
    """`POST /_sim/conversations`."""

    def post(self) -> None:
        """Starts it; an unknown contact is made."""
        body = self.body(ConversationBody)
        contact, messages = self.contact(body.external_id), self.services.messages
        if body.admin_initiated:
            admin = self.services.world.service_admin
            self.answer_conversation(messages.start_as_admin(admin, contact, body.body))
        else:
            self.answer_conversation(messages.start(contact, body.body))


class ConversationHandler(ControlHandler):
    """`GET` and `DELETE /_sim/conversations/{id}`."""

    def get(self, conversation_id: str) -> None:
        """The truth, with all parts."""
        self.answer_conversation(self.find(conversation_id))

    def delete(self, conversation_id: str) -> None:
        """Deletes it."""
        conversation = self.find(conversation_id)
        self.services.annotations.delete(conversation)
        self.answer({"id": conversation.id, "object": "conversation", "deleted": True})


class ActionHandler(ControlHandler):
    """`POST /_sim/conversations/{id}/{action}`."""

    def post(self, conversation_id: str, action: str) -> None:
        """Does it, and answers with the whole conversation."""
        kind = ACTIONS.get(action)
        if kind is None:
            message = f"no action {action}; there are {', '.join(ACTIONS)}"
            raise ApiError(404, "not_found", message)
        conversation = self.find(conversation_id)
        self.body(kind).apply(conversation, self.services)
        self.answer_conversation(conversation)


class TagHandler(ControlHandler):
    """`DELETE /_sim/conversations/{id}/tags/{name}`."""

    def delete(self, conversation_id: str, name: str) -> None:
        """Takes a tag off by its name."""
        conversation = self.find(conversation_id)
        self.services.annotations.untag(conversation, self.services.world.tag_id(name))
        self.answer_conversation(conversation)
