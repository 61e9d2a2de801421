"""A stand-in for Telegram's Bot API: it takes messages of one bot to the chats that it has."""

from dataclasses import dataclass
from typing import Any

import msgspec
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

BOT_TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
KNOWN = {"chat_id", "text", "reply_markup"}  # of what sendMessage takes, what is used


@dataclass(frozen=True)
class Fault:
    """What is answered instead."""

    status: int
    description: str
    retry_after: int | None = None


BLOCKED = Fault(403, "Forbidden: bot was blocked by the user")
NO_CHAT = Fault(400, "Bad Request: chat not found")


class Telegram:
    """Takes messages. `faults` are answered one after the other, `of_chats` for a chat whenever it is told."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.bot_token = BOT_TOKEN
        self.asked = 0
        self.faults: list[Fault] = []
        self.of_chats: dict[int, Fault] = {}
        self._server = HTTPServer(
            Application(
                [
                    (r"/bot([^/]+)/sendMessage", _SendMessage, {"telegram": self}),
                    (r"/bot([^/]+)/getMe", _GetMe, {"telegram": self}),
                ],
                log_function=lambda _: None,
            )
        )
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def chats(self) -> list[int]:
        """The chats that were told, in order."""
        return [message["chat_id"] for message in self.messages]

    def listen(self) -> None:
        sockets = bind_sockets(self.port, "127.0.0.1")
        self.port = sockets[0].getsockname()[1]
        self._server.add_sockets(sockets)

    async def close(self) -> None:
        self._server.stop()
        await self._server.close_all_connections()


class _GetMe(RequestHandler):
    def initialize(self, telegram: Telegram) -> None:
        self.telegram = telegram

    def post(self, token: str) -> None:
        if token == self.telegram.bot_token:
            self.finish({"ok": True, "result": {"id": int(token.partition(":")[0]), "is_bot": True}})
        else:
            self.set_status(401)
            self.finish({"ok": False, "error_code": 401, "description": "Unauthorized"})


class _SendMessage(RequestHandler):
    def initialize(self, telegram: Telegram) -> None:
        self.telegram = telegram

    def post(self, token: str) -> None:
        self.telegram.asked += 1
        message = msgspec.json.decode(self.request.body)
        fault = self._fault(token, message)
        if fault is None:
            self.telegram.messages.append(message)
            self.finish({"ok": True, "result": {"message_id": len(self.telegram.messages)}})
            return
        self.set_status(fault.status)
        answer: dict[str, Any] = {"ok": False, "error_code": fault.status, "description": fault.description}
        if fault.retry_after is not None:
            answer["parameters"] = {"retry_after": fault.retry_after}
        self.finish(answer)

    def _fault(self, token: str, message: dict[str, Any]) -> Fault | None:
        if token != self.telegram.bot_token:
            return Fault(401, "Unauthorized")
        if not set(message) <= KNOWN or not message.get("text"):
            return Fault(400, "Bad Request: message text is empty")
        if not isinstance(message.get("chat_id"), int):
            return NO_CHAT
        for row in message.get("reply_markup", {"inline_keyboard": []})["inline_keyboard"]:
            for button in row:
                if not button["text"] or not button["web_app"]["url"].startswith("https://"):
                    return Fault(400, "Bad Request: inline keyboard button Web App URL is invalid: Only HTTPS links")
        if self.telegram.faults:
            return self.telegram.faults.pop(0)
        return self.telegram.of_chats.get(message["chat_id"])
