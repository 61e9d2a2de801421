"""The loop as supportd goes through it, driven by Intercom's own client."""

import pytest
from intercom import (
    AdminReplyConversationRequest,
    AsyncIntercom,
    ContactReplyIntercomUserIdRequest,
    CreateContactRequestWithExternalId,
    MultipleFilterSearchRequest,
    RedactConversationRequest_ConversationPart,
    SingleFilterSearchRequest,
    StartingAfterPaging,
)
from intercom.conversations import (
    ConversationsManageRequestBody_Assignment,
    ConversationsManageRequestBody_Close,
    ConversationsManageRequestBody_Open,
    ConversationsManageRequestBody_Snoozed,
    CreateConversationRequestFrom,
)
from intercom.core.api_error import ApiError
from intercom.errors import NotFoundError, UnauthorizedError

from tests.simulator.helpers import ADMIN_ID, START, Playground, playing


async def started(play: Playground) -> tuple[str, str]:
    """A contact and a conversation of theirs."""
    contact = await play.official.contacts.create(
        request=CreateContactRequestWithExternalId(external_id="u-1", name="Joe")
    )
    assert contact.id is not None
    message = await play.official.conversations.create(
        from_=CreateConversationRequestFrom(type="user", id=contact.id), body="Where is my order?"
    )
    assert message.conversation_id is not None
    return contact.id, message.conversation_id


async def test_identity() -> None:
    async with playing() as play:
        me = await play.official.admins.identify()
        assert me is not None
        assert (me.id, me.app and me.app.id_code) == (ADMIN_ID, "simapp01")
        admins = await play.official.admins.list()
        assert [admin and admin.id for admin in admins.admins or []] == [ADMIN_ID]


async def test_the_message_is_not_the_conversation() -> None:
    async with playing() as play:
        contact_id, conversation_id = await started(play)
        found = await play.official.conversations.find(conversation_id)
        assert found.source is not None
        assert found.source.body == "<p>Where is my order?</p>"
        assert found.source.author is not None
        assert found.source.author.id == contact_id
        assert found.conversation_parts is not None
        assert found.conversation_parts.conversation_parts == []


async def test_reply_close_reopen() -> None:
    async with playing() as play:
        contact_id, conversation_id = await started(play)
        conversations = play.official.conversations
        reply = AdminReplyConversationRequest(message_type="comment", type="admin", admin_id=ADMIN_ID, body="On it")
        answered = await conversations.reply(conversation_id, request=reply)
        assert answered.waiting_since is None
        close = ConversationsManageRequestBody_Close(type="admin", admin_id=ADMIN_ID, body="Bye")
        closed = await conversations.manage(conversation_id, request=close)
        assert (closed.state, closed.open) == ("closed", False)
        again = ContactReplyIntercomUserIdRequest(
            message_type="comment", type="user", intercom_user_id=contact_id, body="One more thing"
        )
        reopened = await conversations.reply(conversation_id, request=again)
        assert reopened.state == "open"
        assert reopened.conversation_parts is not None
        shown = [(part.part_type, part.body) for part in reopened.conversation_parts.conversation_parts or []]
        assert shown == [("comment", "<p>On it</p>"), ("close", "<p>Bye</p>"), ("open", "<p>One more thing</p>")]


async def test_snooze_open_and_assign() -> None:
    async with playing() as play:
        _, conversation_id = await started(play)
        manage = play.official.conversations.manage
        until = int(START) + 3600
        snoozed = await manage(
            conversation_id,
            request=ConversationsManageRequestBody_Snoozed(admin_id=ADMIN_ID, snoozed_until=until),
        )
        assert (snoozed.state, snoozed.open, snoozed.snoozed_until) == ("snoozed", True, until)
        opened = await manage(conversation_id, request=ConversationsManageRequestBody_Open(admin_id=ADMIN_ID))
        assert (opened.state, opened.snoozed_until) == ("open", None)
        assigned = await manage(
            conversation_id,
            request=ConversationsManageRequestBody_Assignment(
                type="admin", admin_id=ADMIN_ID, assignee_id=ADMIN_ID, body="Yours"
            ),
        )
        assert assigned.admin_assignee_id == int(ADMIN_ID)


async def test_tags() -> None:
    async with playing() as play:
        _, conversation_id = await started(play)
        tag = await play.api("POST", "/tags", {"name": "csat-5"})
        assert (await play.api("POST", "/tags", {"name": "CSAT-5"}))["id"] == tag["id"]
        catalogue = await play.official.tags.list()
        assert [each.name for each in catalogue.data or []] == ["csat-5"]
        await play.official.tags.tag_conversation(conversation_id, tag_id=tag["id"], admin_id=ADMIN_ID)
        tagged = await play.official.conversations.find(conversation_id)
        assert tagged.tags is not None
        assert [each.name for each in tagged.tags.tags or []] == ["csat-5"]
        await play.official.tags.untag_conversation(conversation_id, tag["id"], admin_id=ADMIN_ID)
        bare = await play.official.conversations.find(conversation_id)
        assert bare.tags is not None
        assert bare.tags.tags == []


async def test_search_and_its_pages() -> None:
    async with playing() as play:
        contact_id, first = await started(play)
        second = (await play.conversation("u-2"))["id"]
        of_contact = SingleFilterSearchRequest(field="contact_ids", operator="=", value=contact_id)
        pager = await play.official.conversations.search(query=of_contact)
        assert [found.id async for found in pager] == [first]
        everything = MultipleFilterSearchRequest(
            operator="OR",
            value=[
                SingleFilterSearchRequest(field="state", operator="=", value="open"),
                SingleFilterSearchRequest(field="state", operator="=", value="closed"),
            ],
        )
        page = await play.official.conversations.search(query=everything, pagination=StartingAfterPaging(per_page=1))
        assert page.response.pages is not None
        assert page.response.pages.next is not None
        rest = await play.official.conversations.search(query=everything, pagination=page.response.pages.next)
        assert not rest.has_next
        assert {each.id for each in (page.items or []) + (rest.items or [])} == {first, second}
        listed = await play.official.conversations.list(per_page=1)
        assert sorted([found.id or "" async for found in listed]) == sorted([first, second])


async def test_contacts() -> None:
    async with playing() as play:
        contact_id, _ = await started(play)
        contacts = play.official.contacts
        found = await contacts.show_contact_by_external_id("u-1")
        assert found.id == contact_id
        changed = await contacts.update(contact_id, name="Joanna", custom_attributes={"plan": "pro"})
        assert (changed.name, changed.custom_attributes) == ("Joanna", {"plan": "pro"})
        pager = await contacts.search(query=SingleFilterSearchRequest(field="external_id", operator="=", value="u-1"))
        assert [each.id async for each in pager] == [contact_id]
        with pytest.raises(ApiError) as refusal:
            await contacts.create(
                request=CreateContactRequestWithExternalId(external_id="u-1"), request_options={"max_retries": 0}
            )
        assert refusal.value.status_code == 409
        assert contact_id in str(refusal.value.body)


async def test_redaction_and_deletion() -> None:
    async with playing() as play:
        _, conversation_id = await started(play)
        part = (await play.act("contact_reply", body="4111 1111 1111 1111"))["conversation_parts"]
        redacted = await play.official.conversations.redact_conversation_part(
            request=RedactConversationRequest_ConversationPart(
                conversation_id=conversation_id, conversation_part_id=part["conversation_parts"][0]["id"]
            )
        )
        assert redacted.conversation_parts is not None
        assert redacted.conversation_parts.conversation_parts is not None
        gone = redacted.conversation_parts.conversation_parts[0]
        assert (gone.redacted, gone.body) == (True, "<p><i>This message was deleted</i></p>")
        deleted = await play.official.conversations.delete_conversation(int(conversation_id))
        assert (deleted.id, deleted.deleted) == (conversation_id, True)
        with pytest.raises(NotFoundError):
            await play.official.conversations.find(conversation_id)


async def test_a_wrong_token_is_refused() -> None:
    async with playing() as play:
        stranger = AsyncIntercom(base_url=play.simulator.base_url, token="stale", httpx_client=play.http)
        with pytest.raises(UnauthorizedError):
            await stranger.admins.list()
