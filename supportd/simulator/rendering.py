"""The wire forms of REST answers and webhook items (contract, parts 2 to 4 and 9.5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from supportd.simulator import richtext
from supportd.simulator.model import (
    Admin,
    AppliedTag,
    Attachment,
    Author,
    Contact,
    Conversation,
    Part,
    Reference,
)
from supportd.simulator.statistics import statistics_of
from supportd.simulator.world import World

NEWEST_PARTS = 500

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Form:
    """How to render a conversation: text or HTML, statistics or none, their dates."""

    plaintext: bool = False
    statistics: bool = True
    iso_dates: bool = False

    def body(self, html: str | None) -> str | None:
        """A body in this form."""
        return richtext.to_text(html) if self.plaintext and html is not None else html


def conversation_header(conversation: Conversation, contact: Contact, form: Form) -> Json:
    """A conversation without its parts, as lists and searches give it."""
    tags = [applied_tag(each) for each in conversation.tags]
    return {
        "type": "conversation",
        "id": conversation.id,
        "title": conversation.title,
        "created_at": conversation.created_at,
        "updated_at": conversation.updated_at,
        "waiting_since": conversation.waiting_since,
        "snoozed_until": conversation.snoozed_until,
        "open": conversation.state != "closed",
        "state": conversation.state,
        "read": conversation.read,
        "priority": "not_priority",
        "admin_assignee_id": _number(conversation.admin_assignee_id),
        "team_assignee_id": _number(conversation.team_assignee_id),
        "company": None,
        "tags": {"type": "tag.list", "tags": tags},
        "conversation_rating": _rating(conversation, contact),
        "source": _source(conversation, form),
        "contacts": {
            "type": "contact.list",
            "contacts": [{"type": "contact", "id": contact.id, "external_id": contact.external_id}],
        },
        "teammates": _teammates(conversation),
        "custom_attributes": dict(conversation.custom_attributes),
        "first_contact_reply": _first_contact_reply(conversation),
        "sla_applied": None,
        "statistics": statistics_of(conversation, iso_dates=form.iso_dates) if form.statistics else None,
        "topics": {},
        "ticket": {"type": "ticket", "id": conversation.id} if conversation.is_ticket else None,
        "linked_objects": {"type": "list", "data": [], "total_count": 0, "has_more": False},
        "ai_agent": None,
        "ai_agent_participated": any(part.author.from_ai_agent for part in conversation.parts),
    }


def conversation_with(conversation: Conversation, contact: Contact, parts: Sequence[Part], form: Form) -> Json:
    """A conversation with these of its parts."""
    return conversation_header(conversation, contact, form) | {
        "conversation_parts": {
            "type": "conversation_part.list",
            "conversation_parts": [_part(part, form) for part in parts],
            "total_count": len(parts),
        }
    }


def rest_conversation(world: World, conversation: Conversation, form: Form) -> Json:
    """A conversation with its newest 500 parts, as `GET /conversations/{id}` gives it."""
    contact = world.workspace.contacts[conversation.contact_id]
    return conversation_with(conversation, contact, conversation.parts[-NEWEST_PARTS:], form)


def contact_json(contact: Contact, app_id: str) -> Json:
    """A contact."""
    return {
        "type": "contact",
        "id": contact.id,
        "workspace_id": app_id,
        "external_id": contact.external_id,
        "role": contact.role,
        "email": contact.email,
        "phone": contact.phone,
        "name": contact.name,
        "avatar": None,
        "owner_id": contact.owner_id,
        "has_hard_bounced": False,
        "marked_email_as_spam": False,
        "unsubscribed_from_emails": contact.unsubscribed_from_emails,
        "created_at": contact.created_at,
        "updated_at": contact.updated_at,
        "signed_up_at": contact.signed_up_at,
        "last_seen_at": contact.last_seen_at,
        "last_replied_at": contact.last_replied_at,
        "last_contacted_at": contact.last_contacted_at,
        "custom_attributes": dict(contact.custom_attributes),
        "tags": _empty_list(contact, "tags"),
        "notes": _empty_list(contact, "notes"),
        "companies": _empty_list(contact, "companies"),
    }


def admin_json(admin: Admin) -> Json:
    """An admin, as `GET /admins` lists them."""
    return {
        "type": "admin",
        "id": admin.id,
        "name": admin.name,
        "email": admin.email,
        "away_mode_enabled": False,
        "away_mode_reassign": False,
        "has_inbox_seat": True,
        "team_ids": [],
    }


def me_json(admin: Admin, app_id: str) -> Json:
    """The admin whom the token belongs to, with the app."""
    return {
        "type": "admin",
        "id": admin.id,
        "name": admin.name,
        "email": admin.email,
        "email_verified": True,
        "has_inbox_seat": True,
        "avatar": {"type": "avatar", "image_url": None},
        "app": {
            "type": "app",
            "id_code": app_id,
            "name": "Simulated workspace",
            "created_at": 1734537243,
            "secure": False,
            "identity_verification": False,
            "timezone": "Etc/UTC",
            "region": "US",
        },
    }


def applied_tag(tag: AppliedTag) -> Json:
    """A tag on a conversation."""
    return {
        "type": "tag",
        "id": tag.id,
        "name": tag.name,
        "applied_at": tag.applied_at,
        "applied_by": reference_json(tag.applied_by),
    }


def _part(part: Part, form: Form) -> Json:
    return {
        "type": "conversation_part",
        "id": part.id,
        "part_type": part.part_type,
        "body": form.body(part.body),
        "created_at": part.created_at,
        "updated_at": part.updated_at,
        "notified_at": part.created_at,
        "assigned_to": reference_json(part.assigned_to) if part.assigned_to else None,
        "author": _author(part.author),
        "attachments": [attachment_json(each) for each in part.attachments],
        "external_id": None,
        "redacted": part.redacted,
        "metadata": part.metadata,
        "email_message_metadata": None,
        "state": part.state,
        "tags": [reference_json(tag) for tag in part.tags],
        "event_details": {},
        "app_package_code": part.app_package_code,
    }


def _source(conversation: Conversation, form: Form) -> Json:
    source = conversation.source
    return {
        "type": "conversation",
        "id": source.id,
        "delivered_as": source.delivered_as,
        "subject": source.subject,
        "body": form.body(source.body),
        "author": _author(source.author),
        "attachments": [attachment_json(each) for each in source.attachments],
        "url": None,
        "redacted": source.redacted,
    }


def _author(author: Author) -> Json:
    return {
        "id": author.id,
        "type": author.type,
        "name": author.name,
        "email": author.email,
        "from_ai_agent": author.from_ai_agent,
        "is_ai_answer": False,
    }


def attachment_json(attachment: Attachment) -> Json:
    """A file on a part."""
    return {
        "type": "upload",
        "name": attachment.name,
        "url": attachment.url,
        "content_type": attachment.content_type,
        "filesize": attachment.filesize,
    }


def _rating(conversation: Conversation, contact: Contact) -> Json | None:
    rating = conversation.rating
    if rating is None:
        return None
    return {
        "rating": rating.rating,
        "remark": rating.remark,
        "created_at": rating.created_at,
        "updated_at": rating.updated_at,
        "contact": {"type": "contact", "id": contact.id, "external_id": contact.external_id},
        "teammate": {"type": "admin", "id": conversation.admin_assignee_id},
    }


def _teammates(conversation: Conversation) -> Json | None:
    """Live payloads name the list `admins`, whatever the OpenAPI file says."""
    involved = [conversation.source.author, *(part.author for part in conversation.parts)]
    ids = dict.fromkeys(author.id for author in involved if author.type == "admin")
    if not ids:
        return None
    return {"type": "admin.list", "admins": [{"type": "admin", "id": each} for each in ids]}


def _first_contact_reply(conversation: Conversation) -> Json | None:
    replied_at = conversation.first_contact_reply_at
    if replied_at is None:
        return None
    return {"created_at": replied_at, "type": "conversation", "url": None}


def reference_json(reference: Reference) -> Json:
    """A pointer at an admin, a team, a tag or nobody."""
    return {"type": reference.type, "id": reference.id}


def _empty_list(contact: Contact, name: str) -> Json:
    url = f"/contacts/{contact.id}/{name}"
    return {"type": "list", "data": [], "url": url, "total_count": 0, "has_more": False}


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None
