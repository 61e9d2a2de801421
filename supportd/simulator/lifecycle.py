"""What moves a conversation between open, snoozed and closed, and between teammates."""

from supportd.simulator import richtext
from supportd.simulator.errors import ApiError, invalid
from supportd.simulator.model import Admin, Conversation, ConversationState, Part, Reference
from supportd.simulator.recording import Recorder
from supportd.simulator.world import World, admin_author

NOBODY = frozenset({"", "0"})


class Lifecycle:
    """Operators' actions of the contract, part 4.5. Bodies are HTML."""

    def __init__(self, *, world: World, recorder: Recorder) -> None:
        self._world = world
        self._recorder = recorder

    def close(self, conversation: Conversation, admin: Admin, *, body: str | None, via_api: bool = False) -> Part:
        """Closes, with a last word or without."""
        self._enter(conversation, "closed")
        conversation.waiting_since = None
        html = richtext.from_operator(body) if body else None
        part = self._recorder.part(conversation, "close", admin_author(admin), body=html, via_api=via_api)
        self._recorder.announce(conversation, part, "conversation.admin.closed")
        return part

    def open(self, conversation: Conversation, admin: Admin, *, via_api: bool = False) -> Part:
        """Opens again what is closed or snoozed."""
        self._enter(conversation, "open")
        conversation.read = True
        part = self._recorder.part(conversation, "open", admin_author(admin), via_api=via_api)
        self._recorder.announce(conversation, part, "conversation.admin.opened")
        return part

    def snooze(self, conversation: Conversation, admin: Admin, *, until: int, via_api: bool = False) -> Part:
        """Snoozes until a time (s). Raises 400 for a time that has passed."""
        if until <= self._recorder.now:
            raise invalid("snoozed_until must be in the future", field="snoozed_until")
        self._enter(conversation, "snoozed", until=until)
        part = self._recorder.part(conversation, "snoozed", admin_author(admin), via_api=via_api)
        self._recorder.announce(conversation, part, "conversation.admin.snoozed")
        return part

    def unsnooze(self, conversation: Conversation, admin: Admin) -> Part:
        """Ends a snooze by hand."""
        self._enter(conversation, "open")
        part = self._recorder.part(conversation, "unsnoozed", admin_author(admin))
        self._recorder.announce(conversation, part, "conversation.admin.unsnoozed")
        return part

    def wake_due(self) -> None:
        """Ends each snooze whose time has come."""
        now = self._recorder.now
        for conversation_id in sorted(self._world.snoozed):
            conversation = self._world.workspace.conversations[conversation_id]
            if (conversation.snoozed_until or 0) <= now:
                self._enter(conversation, "open")
                part = self._recorder.part(conversation, "timer_unsnooze", self._world.bot)
                self._recorder.announce(conversation, part, "conversation.admin.unsnoozed")

    def assign(
        self,
        conversation: Conversation,
        admin: Admin,
        *,
        assignee_id: str,
        to_team: bool = False,
        body: str | None = None,
        via_api: bool = False,
    ) -> Part:
        """Hands over to an admin or team, `"0"` to nobody. A closed conversation opens."""
        was = conversation.state
        assigned_to = self._hand_over(conversation, assignee_id, to_team=to_team)
        part_type = "assign_and_reopen" if was == "closed" else "assignment"
        if was == "closed":
            self._enter(conversation, "open")
        if body:
            conversation.waiting_since = None
        part = self._recorder.part(
            conversation,
            part_type,
            admin_author(admin),
            body=richtext.from_operator(body) if body else None,
            assigned_to=assigned_to,
            via_api=via_api,
        )
        topic = "conversation.admin.open.assigned" if was == "closed" else "conversation.admin.assigned"
        self._recorder.announce(conversation, part, topic)
        return part

    def _hand_over(self, conversation: Conversation, assignee_id: str, *, to_team: bool) -> Reference:
        nobody = assignee_id in NOBODY
        if to_team:
            conversation.team_assignee_id = None if nobody else assignee_id
            return Reference("team", None if nobody else assignee_id)
        if not nobody and assignee_id not in self._world.workspace.admins:
            raise ApiError(404, "assignee_not_found", "Assignee not found")
        conversation.admin_assignee_id = None if nobody else assignee_id
        return Reference("nobody_admin", None) if nobody else Reference("admin", assignee_id)

    def _enter(self, conversation: Conversation, state: ConversationState, *, until: int | None = None) -> None:
        conversation.state = state
        conversation.snoozed_until = until
        if state == "snoozed":
            self._world.snoozed.add(conversation.id)
        else:
            self._world.snoozed.discard(conversation.id)
