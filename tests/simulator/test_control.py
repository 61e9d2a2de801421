"""The control API besides operators' actions and faults."""

from tests.simulator.helpers import ADMIN_ID, START, parts_of, playing, subscribed


async def test_calls_are_counted_by_route_and_only_intercoms() -> None:
    async with playing() as play:
        conversation = await play.conversation()
        for _ in range(2):
            await play.api("GET", f"/conversations/{conversation['id']}")
        await play.api("GET", "/nowhere", status=404)
        await play.http.get("/me")
        calls = await play.sim("GET", "/calls")
        assert calls == {
            "total": 4,
            "by_operation": {"GET /conversations/{id}": 2, "GET unknown": 1, "GET /me": 1},
        }
        assert (await play.sim("DELETE", "/calls"))["total"] == 0


async def test_status() -> None:
    async with subscribed() as (play, subscriber):
        await play.conversation()
        await play.sim("POST", "/webhook/flush")
        status = await play.sim("GET", "/status")
        assert status == {
            "now": START,
            "conversations": 1,
            "tickets": 0,
            "contacts": 1,
            "webhooks": {
                "url": subscriber.url,
                "sent": 1,
                "delivered": 1,
                "failed": 0,
                "dropped": 0,
                "pending": 0,
            },
        }


async def test_reset_keeps_the_webhook() -> None:
    async with subscribed() as (play, subscriber):
        first = await play.conversation()
        await play.sim("POST", "/webhook/flush")
        await play.faults(force_429=True)
        await play.advance(5)
        await play.sim("POST", "/reset")
        status = await play.sim("GET", "/status")
        assert (status["now"], status["conversations"], status["contacts"]) == (START, 0, 0)
        assert status["webhooks"] == {
            "url": subscriber.url,
            "sent": 0,
            "delivered": 0,
            "failed": 0,
            "dropped": 0,
            "pending": 0,
        }
        assert (await play.sim("GET", "/faults"))["force_429"] is False
        assert (await play.conversation())["id"] == first["id"]


async def test_the_same_seed_gives_the_same_ids() -> None:
    runs = []
    for seed in (3, 3, 4):
        async with playing(seed=seed) as play:
            conversation = await play.conversation()
            await play.act("tags", name="vip")
            runs.append(await play.act("reply", body="hi"))
            assert conversation["id"] == runs[-1]["id"]
    assert runs[0] == runs[1]
    assert runs[0]["id"] != runs[2]["id"]
    assert runs[0]["contacts"] != runs[2]["contacts"]


async def test_ids_of_different_kinds_differ() -> None:
    async with playing() as play:
        await play.conversation()
        conversation = await play.act("reply", body="hi")
        ids = {conversation["id"], conversation["source"]["id"], parts_of(conversation)[0]["id"]}
        assert len(ids) == 3
        assert all(each.isdecimal() for each in ids)


async def test_the_clock() -> None:
    async with playing() as play:
        assert (await play.sim("POST", "/clock", {"advance": 5}))["now"] == START + 5
        assert (await play.sim("POST", "/clock", {"offset": 2}))["now"] == START + 2
        await play.sim("POST", "/clock", {}, status=400)
        await play.sim("POST", "/clock", {"advance": 1, "offset": 1}, status=400)


async def test_last_and_unknown_conversations() -> None:
    async with playing() as play:
        refusal = await play.sim("GET", "/conversations/last", status=400)
        assert refusal["error"] == "there is no conversation yet"
        await play.conversation("u-1")
        newest = await play.conversation("u-2")
        assert (await play.sim("GET", "/conversations/last"))["id"] == newest["id"]
        await play.sim("GET", "/conversations/1", status=404)


async def test_mistakes_are_explained() -> None:
    async with playing() as play:
        await play.conversation()
        path = "/conversations/last"
        assert "no action dance" in (await play.sim("POST", f"{path}/dance", {}, status=404))["error"]
        assert "body" in (await play.sim("POST", f"{path}/reply", {}, status=400))["error"]
        assert "boddy" in (await play.sim("POST", f"{path}/note", {"boddy": "x"}, status=400))["error"]
        assert "rating" in (await play.sim("POST", f"{path}/rate", {"rating": 6}, status=400))["error"]
        assert (await play.sim("DELETE", f"{path}/tags/vip", status=404))["error"] == "Tag not found"
        assert (await play.sim("POST", "/webhook/dance", {}, status=404))["error"] == "Not Found"
        assert (await play.sim("GET", "/reset", status=405))["error"] == "Method Not Allowed"


async def test_other_operators_can_answer() -> None:
    async with playing() as play:
        await play.conversation()
        await play.act("reply", body="hi")
        after = await play.act("reply", body="me too", admin_id=42)
        assert [part["author"]["id"] for part in parts_of(after)] == [ADMIN_ID, "42"]
        assert [each["id"] for each in after["teammates"]["admins"]] == [ADMIN_ID, "42"]


async def test_a_bot_is_no_admin() -> None:
    async with playing() as play:
        await play.conversation()
        [part] = parts_of(await play.act("bot_reply", body="<p>Have you tried…</p>"))
        assert (part["author"]["type"], part["author"]["name"], part["author"]["from_ai_agent"]) == ("bot", "Fin", True)


async def test_tags_by_name_titles_ratings_and_attachments() -> None:
    async with playing() as play:
        await play.conversation()
        await play.act("tags", name="vip")
        assert (await play.sim("DELETE", "/conversations/last/tags/VIP"))["tags"]["tags"] == []
        assert (await play.act("title", title="Order 7"))["title"] == "Order 7"
        await play.act("rate", rating=1)
        rated = await play.act("rate", rating=3, remark="better")
        assert (rated["conversation_rating"]["rating"], rated["conversation_rating"]["remark"]) == (3, "better")
        file = {"name": "a.png", "url": "https://x.example/a.png", "content_type": "image/png", "filesize": 7}
        answered = await play.act("reply", body="see", attachments=[file])
        assert parts_of(answered)[-1]["attachments"] == [{"type": "upload", **file}]
        raw = await play.act("part", part_type="comment", body="<p>?</p>", author_type="lead")
        assert parts_of(raw)[-1]["author"]["type"] == "lead"


async def test_reading_changes_nothing_else() -> None:
    async with playing() as play:
        conversation = await play.conversation()
        await play.advance(5)
        read = await play.api("PUT", f"/conversations/{conversation['id']}", {"read": True, "unknown": 1})
        assert read["read"] is True
        assert read["updated_at"] == conversation["updated_at"]
        assert (await play.act("contact_reply", body="?"))["read"] is False
        titled = await play.api("PUT", f"/conversations/{conversation['id']}", {"title": "T"})
        assert titled["title"] == "T"


async def test_the_time_of_a_message_can_be_given() -> None:
    async with playing() as play:
        sender = {"type": "user", "id": (await play.contact())["id"]}
        body = {"from": sender, "body": "Hello", "created_at": 1_700_000_000}
        message = await play.api("POST", "/conversations", body)
        assert message["created_at"] == 1_700_000_000
        reply = {"message_type": "comment", "type": "user", "user_id": "u-1", "body": "x", "created_at": 1_700_000_001}
        after = await play.api("POST", f"/conversations/{message['conversation_id']}/reply", reply)
        assert parts_of(after)[0]["created_at"] == 1_700_000_001
        assert after["updated_at"] == int(START)
