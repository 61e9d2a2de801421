"""Telegram: that something came, never what; and what follows from each of its answers."""

import pytest
from structlog.typing import EventDict

from tests.capturing import captured
from tests.harness import MongoDatabase
from tests.push.pushing import Pushing, pushing
from tests.push.telegram import BLOCKED, BOT_TOKEN, NO_CHAT, Fault

CHAT = "99887766"
APP = "https://wallet.example/support"


async def told(run: Pushing, chat_id: str, words: str = "canary-words") -> None:
    await run.answer(chat_id, words)
    await run.push()


async def test_it_says_that_something_came_and_opens_the_app(mongo: MongoDatabase) -> None:
    async with pushing(mongo, telegram_mini_app_url=APP) as run:
        await run.register(CHAT, platform="tma", language="ru")
        ticket_id = await run.ticket()
        chat_id = await run.chat()
        run.telegram.messages.clear()
        await told(run, chat_id)
        await run.world.operator.act_on_ticket(ticket_id, "reply", body="<p>canary-words</p>")
        await run.world.settle()
        await run.push()
        message = {
            "chat_id": int(CHAT),
            "text": "Для вас есть новости от поддержки.",
            "reply_markup": {"inline_keyboard": [[{"text": "Открыть", "web_app": {"url": APP}}]]},
        }
        assert run.telegram.messages == [message, message]
        assert (run.count("sent", "telegram") >= 2, run.fcm.asked) == (True, 0)


async def test_without_an_app_there_is_no_button(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register(CHAT, platform="tma")
        await told(run, await run.chat())
        assert run.telegram.messages == [{"chat_id": int(CHAT), "text": "There is news for you from support."}]


async def test_a_chat_that_cannot_be_reached_goes(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        for chat in ("7001", "7002", CHAT):
            await run.register(chat, platform="tma")
        run.telegram.of_chats = {7001: BLOCKED, 7002: NO_CHAT}
        await told(run, await run.chat())
        assert (await run.devices(), run.telegram.chats, run.count("gone", "telegram")) == ([CHAT], [int(CHAT)], 2)


async def test_only_a_users_own_chat_is_ever_told(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        for token in ("@everybody", "-1001234567890", "7001.5", "0", "seven"):
            await run.register(token, platform="tma")
        await told(run, await run.chat())
        assert (run.telegram.asked, await run.devices()) == (0, [])


NOT_THE_CHATS = [
    (Fault(400, "Bad Request: BUTTON_URL_INVALID"), False),
    (Fault(401, "Unauthorized"), True),
    (Fault(404, "Not Found"), True),
]


@pytest.mark.logs("push refused")
async def test_a_fault_that_is_not_the_chats_keeps_it(mongo: MongoDatabase, logged: list[EventDict]) -> None:
    async with pushing(mongo) as run:
        await run.register(CHAT, platform="tma")
        chat_id = await run.chat()
        for fault, again in NOT_THE_CHATS:
            run.telegram.messages.clear()
            run.telegram.faults.append(fault)
            await told(run, chat_id)
            assert (await run.devices(), run.telegram.messages) == ([CHAT], [])
            await run.push(120)
            assert run.telegram.chats == ([int(CHAT)] if again else [])
        assert all(each not in repr(logged) for each in ("canary", BOT_TOKEN, CHAT))


async def test_telegrams_retry_after_is_waited_out(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register(CHAT, platform="tma")
        run.telegram.faults.append(Fault(429, "Too Many Requests: retry after 90", retry_after=90))
        chat_id = await run.chat()
        await told(run, chat_id)
        await run.push(60)
        assert (run.telegram.asked, run.count("retried", "telegram")) == (1, 1)
        await told(run, chat_id, "More news don't make it sooner")
        assert run.telegram.asked == 1
        await run.push(60)
        assert run.telegram.chats == [int(CHAT)]


async def test_a_chat_gets_no_more_than_one_a_second(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register(CHAT, platform="tma")
        for chat_id in (await run.chat(), await run.chat()):
            await run.answer(chat_id)
        await run.push()
        assert run.telegram.chats == [int(CHAT)]
        await run.push()
        assert run.telegram.chats == [int(CHAT)] * 2


async def test_the_bots_token_is_in_no_line_however_much_is_logged_and_whatever_fails(mongo: MongoDatabase) -> None:
    with captured("debug") as log:
        async with pushing(mongo) as run:
            await run.register(CHAT, platform="tma")
            chat_id = await run.chat()
            run.telegram.faults.append(Fault(401, "Unauthorized"))
            await told(run, chat_id)
            await run.telegram.close()
            await run.push(120)
            await run.push(120)
            assert run.count("retried", "telegram") >= 2
    assert "push refused" in log.getvalue()
    assert all(each not in log.getvalue() for each in (BOT_TOKEN, BOT_TOKEN.partition(":")[2], CHAT, "canary"))


async def test_telegram_down_holds_up_no_phone(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register("phone")
        await run.register(CHAT, platform="tma")
        run.telegram.of_chats[int(CHAT)] = Fault(502, "Bad Gateway")
        await told(run, await run.chat(), "Hello")
        assert (run.fcm.tokens, run.telegram.messages) == (["phone"], [])
        run.telegram.of_chats.clear()
        await run.push(60)
        assert (run.fcm.tokens, run.telegram.chats) == (["phone"], [int(CHAT)])
