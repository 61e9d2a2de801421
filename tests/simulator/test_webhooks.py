"""Delivery of webhooks: envelope, signature, retry, and every way in which it can go wrong (contract, part 9)."""

import hashlib
import hmac

import pytest

from tests.simulator.helpers import (
    SECRET,
    START,
    Delivery,
    Playground,
    eventually,
    listening,
    parts_of,
    playing,
    subscribed,
)


async def test_the_envelope_and_its_signature() -> None:
    async with subscribed() as (play, subscriber):
        conversation = await play.conversation()
        [delivery] = await subscriber.received(1)
        digest = hmac.new(SECRET.encode(), delivery.body, hashlib.sha1).hexdigest()
        assert delivery.headers["x-hub-signature"] == f"sha1={digest}"
        assert delivery.headers["content-type"] == "application/json"
        assert b'": ' not in delivery.body
        envelope = delivery.json
        assert envelope["type"] == "notification_event"
        assert (envelope["app_id"], envelope["topic"]) == ("simapp01", "conversation.user.created")
        assert envelope["id"].startswith("notif_")
        assert envelope["delivery_attempts"] == 1
        assert envelope["created_at"] == envelope["first_sent_at"] == int(START)
        assert delivery.item["id"] == conversation["id"]
        assert delivery.item["conversation_parts"]["total_count"] == 0


async def test_a_notification_has_the_header_and_one_part_as_text() -> None:
    async with subscribed() as (play, subscriber):
        await play.conversation(body="a\nb")
        await play.act("contact_reply", body="c")
        await play.act("reply", body="<p>d</p><p><b>e</b></p>")
        item = (await subscriber.received(3))[2].item
        assert [part["body"] for part in parts_of(item)] == ["d\n\ne"]
        assert item["source"]["body"] == "a\nb"
        assert item["statistics"]["count_conversation_parts"] == 2
        assert item["statistics"]["first_admin_reply_at"] == int(START)
        assert item["contacts"]["contacts"][0]["external_id"] == "u-1"


async def test_before_2_15_bodies_are_html_and_dates_are_iso() -> None:
    async with subscribed() as (play, subscriber):
        await play.faults(webhook_version="2.14")
        await play.conversation(body="a\nb")
        await play.act("reply", body="<p>d</p>")
        item = (await subscriber.received(2))[1].item
        assert (item["source"]["body"], parts_of(item)[0]["body"]) == ("<p>a<br>b</p>", "<p>d</p>")
        assert item["statistics"]["first_admin_reply_at"] == "2026-11-18T11:06:40.000Z"
        assert item["statistics"]["last_close_at"] is None


async def test_deletion_redaction_tag_and_rating() -> None:
    async with subscribed() as (play, subscriber):
        conversation = await play.conversation()
        source_id = conversation["source"]["id"]
        await play.act("tags", name="vip")
        await play.act("redact", part_id=source_id)
        await play.act("rate", rating=2, remark="slow")
        await play.sim("DELETE", "/conversations/last")
        _, tag, redaction, rating, deletion = await subscriber.received(5)
        assert tag.topic == "conversation_part.tag.created"
        assert (parts_of(tag.item)[0]["id"], tag.item["tags"]["tags"][0]["name"]) == (source_id, "vip")
        assert redaction.topic == "conversation_part.redacted"
        assert (parts_of(redaction.item)[0]["id"], parts_of(redaction.item)[0]["redacted"]) == (source_id, True)
        assert parts_of(redaction.item)[0]["body"] == "This message was deleted"
        assert rating.item["conversation_rating"]["rating"] == 2
        assert (deletion.topic, deletion.item) == (
            "conversation.deleted",
            {"type": "conversation", "conversation_id": conversation["id"]},
        )


async def test_ping_has_no_id() -> None:
    async with subscribed() as (play, subscriber):
        await play.sim("POST", "/webhook/ping")
        [delivery] = await subscriber.received(1)
        assert (delivery.topic, delivery.json["id"], delivery.item["type"]) == ("ping", None, "ping")


async def test_the_address_must_answer_head() -> None:
    async with listening() as subscriber, playing() as play:
        subscriber.head_status = 401
        refusal = await play.sim("POST", "/webhook", {"url": subscriber.url}, status=400)
        assert "401" in refusal["error"]
        assert (await play.sim("GET", "/status"))["webhooks"]["url"] is None
    async with playing() as play:
        await play.sim("POST", "/webhook", {"url": subscriber.url}, status=400)
        await play.sim("POST", "/webhook", {"url": "nonsense"}, status=400)


async def test_after_unregistering_nothing_is_sent() -> None:
    async with subscribed() as (play, subscriber):
        await play.sim("DELETE", "/webhook")
        await play.conversation()
        assert (await play.sim("POST", "/webhook/flush"))["sent"] == 0
        assert subscriber.deliveries == []


@pytest.mark.parametrize("status", [500, 401, 404, 302])
async def test_one_retry_with_the_same_id(status: int) -> None:
    async with subscribed(webhook_retry_s=0.01) as (play, subscriber):
        subscriber.statuses = [status]
        await play.conversation()
        first, second = await subscriber.received(2)
        assert first.json["id"] == second.json["id"]
        assert [each.json["delivery_attempts"] for each in (first, second)] == [1, 2]
        assert await settled(play) == {"sent": 2, "delivered": 1, "failed": 0, "dropped": 0}


async def test_after_the_retry_it_is_lost() -> None:
    async with subscribed(webhook_retry_s=0.01) as (play, subscriber):
        subscriber.statuses = [500, 503]
        await play.conversation()
        await subscriber.received(2)
        assert await settled(play) == {"sent": 2, "delivered": 0, "failed": 1, "dropped": 0}


async def test_no_answer_in_time_is_retried() -> None:
    async with subscribed(webhook_timeout_s=0.4, webhook_retry_s=0.01) as (play, subscriber):
        subscriber.statuses = [0]
        await play.conversation()
        await subscriber.received(2)
        assert (await settled(play))["delivered"] == 1


async def test_a_retry_holds_up_nobody() -> None:
    async with subscribed(webhook_retry_s=3600) as (play, subscriber):
        subscriber.statuses = [500]
        await play.conversation()
        await play.act("reply", body="hi")
        await subscriber.received(2)
        assert subscriber.topics == ["conversation.user.created", "conversation.admin.replied"]
        assert (await play.sim("GET", "/status"))["webhooks"]["pending"] == 1


async def test_410_ends_the_subscription() -> None:
    async with subscribed() as (play, subscriber):
        subscriber.statuses = [410]
        await play.conversation()
        await play.sim("POST", "/webhook/flush")
        await play.act("reply", body="hi")
        await play.sim("POST", "/webhook/flush")
        assert len(subscriber.deliveries) == 1
        assert (await play.sim("GET", "/status"))["webhooks"]["url"] is None


async def test_429_delays_everything_in_order() -> None:
    async with subscribed(webhook_retry_s=0.05) as (play, subscriber):
        subscriber.statuses = [429]
        await play.conversation()
        await play.act("reply", body="hi")
        await subscriber.received(3)
        assert subscriber.topics == ["conversation.user.created"] * 2 + ["conversation.admin.replied"]


async def test_drop() -> None:
    async with subscribed() as (play, subscriber):
        await play.faults(webhook_drop=1)
        await play.conversation()
        assert await play.sim("POST", "/webhook/flush") == {"sent": 0, "delivered": 0, "failed": 0, "dropped": 1}
        assert subscriber.deliveries == []


async def test_duplicate() -> None:
    async with subscribed() as (play, subscriber):
        await play.faults(webhook_duplicate=1)
        await play.conversation()
        first, second = await subscriber.received(2)
        assert first.json["id"] == second.json["id"]
        assert first.item == second.item


async def test_redeliver() -> None:
    async with subscribed() as (play, subscriber):
        await play.sim("POST", "/webhook/redeliver", {}, status=400)
        await play.conversation()
        await play.act("reply", body="hi")
        await play.sim("POST", "/webhook/redeliver", {"topic": "conversation.user.created"})
        await play.sim("POST", "/webhook/redeliver")
        created, replied, created_again, replied_again = await subscriber.received(4)
        assert created.json["id"] == created_again.json["id"]
        assert replied.json["id"] == replied_again.json["id"]


async def test_hold_until_flush() -> None:
    async with subscribed() as (play, subscriber):
        await play.faults(webhook_hold=True)
        await talk(play)
        assert (await play.sim("GET", "/status"))["webhooks"]["pending"] == 4
        await play.sim("POST", "/webhook/flush")
        assert said(subscriber.deliveries) == ["1", "2", "3"]


async def test_turning_the_hold_off_releases() -> None:
    async with subscribed() as (play, subscriber):
        await play.faults(webhook_hold=True)
        await talk(play)
        await play.sim("DELETE", "/faults")
        await subscriber.received(4)
        assert said(subscriber.deliveries) == ["1", "2", "3"]


async def test_newest_first_after_an_outage() -> None:
    async with subscribed() as (play, subscriber):
        await play.faults(webhook_reorder=True)
        await talk(play)
        await play.sim("POST", "/webhook/flush")
        assert said(subscriber.deliveries) == ["3", "2", "1"]


async def test_shuffled_the_same_way_under_the_same_seed() -> None:
    orders = []
    for seed in (5, 5, 7):
        async with subscribed(seed=seed) as (play, subscriber):
            await play.faults(webhook_reorder="shuffle")
            await talk(play)
            await play.sim("POST", "/webhook/flush")
            orders.append(subscriber.topics + said(subscriber.deliveries))
    assert orders[0] == orders[1] != orders[2]


async def test_delay() -> None:
    async with subscribed() as (play, subscriber):
        await play.faults(webhook_delay_s=0.4)
        await play.conversation()
        assert subscriber.deliveries == []
        assert (await play.sim("GET", "/status"))["webhooks"]["pending"] == 1
        await play.sim("POST", "/webhook/flush")
        assert len(subscriber.deliveries) == 1


async def test_bad_signature() -> None:
    async with subscribed() as (play, subscriber):
        await play.faults(webhook_bad_signature=True)
        await play.conversation()
        [delivery] = await subscriber.received(1)
        digest = hmac.new(SECRET.encode(), delivery.body, hashlib.sha1).hexdigest()
        assert delivery.headers["x-hub-signature"] != f"sha1={digest}"
        assert len(delivery.headers["x-hub-signature"]) == len("sha1=") + 40


async def test_any_topic_can_be_sent() -> None:
    async with subscribed() as (play, subscriber):
        before = await play.conversation()
        await play.advance(5)
        after = await play.act("emit", topic="conversation.from.the.future")
        assert (await subscriber.received(2))[1].topic == "conversation.from.the.future"
        assert after == before


async def test_a_notification_shows_the_state_of_its_moment() -> None:
    async with subscribed() as (play, subscriber):
        await play.faults(webhook_hold=True)
        await play.conversation()
        await play.act("close")
        await play.sim("POST", "/webhook/flush")
        assert [each.item["state"] for each in subscriber.deliveries] == ["open", "closed"]


async def settled(play: Playground) -> dict[str, int]:
    """The tally once no retry is left."""

    async def nothing_waits() -> bool:
        return not (await play.sim("GET", "/status"))["webhooks"]["pending"]

    await eventually(nothing_waits)
    tally: dict[str, int] = await play.sim("POST", "/webhook/flush")
    return tally


async def talk(play: Playground) -> None:
    await play.conversation()
    for text in ("1", "2", "3"):
        await play.act("reply", body=text)


def said(deliveries: list[Delivery]) -> list[str]:
    return [part["body"] for each in deliveries for part in parts_of(each.item)]
