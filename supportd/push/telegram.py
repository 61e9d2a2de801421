"""Telegram's Bot API: users of the Mini App.

A device's token is a chat id that a client named, so a message says that something came, never what; and it goes to
users only, never to a group or channel.
"""

import asyncio
import re
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from supportd.metrics import PushChannel, Pushed
from supportd.push.calling import LONGEST_WAIT_S, Answer, Calling, NotSent, Uncertain, read
from supportd.push.channel import Fate, Note
from supportd.push.gate import Pace, Pauses, Spacing
from supportd.push.wording import Wording

CONFIG_WAIT_S = 60.0
FLOOD_WAIT_S = 30.0
USER = re.compile(r"[1-9][0-9]{0,15}")  # a private chat has the id of its user; those of groups are negative


class _Parameters(Struct):
    retry_after: float | None = None


class _Refusal(Struct):
    description: str = ""
    parameters: _Parameters = msgspec.field(default_factory=_Parameters)


class Telegram:
    """Sends messages of the bot's, at a rate that Telegram takes."""

    name = PushChannel.TELEGRAM

    def __init__(
        self,
        *,
        base_url: str,
        bot_token: str,
        mini_app_url: str | None,
        wording: Wording,
        calling: Calling,
        pauses: Pauses,
        pace: Pace,
        spacing: Spacing,
    ) -> None:
        self._url = f"{base_url}/bot{bot_token}/sendMessage"
        self._mini_app_url = mini_app_url
        self._wording = wording
        self._calling = calling
        self._pauses = pauses
        self._pace = pace
        self._spacing = spacing
        self._log = structlog.get_logger("supportd.push")

    async def close(self) -> None:
        """Closes the connections."""
        await self._calling.close()

    async def ready(self, token: str) -> float:
        """Waits for the bot's turn; else how long (s) the chat has to wait."""
        wait_s = max(self._pauses.left_s(token), self._calling.opens_in())
        if wait_s > 0:
            return wait_s
        wait_s = self._spacing.left_s(token)
        if wait_s == 0:
            await asyncio.sleep(self._pace.take_turn())
        return wait_s

    async def send(self, note: Note) -> Fate:
        """Sends one."""
        if not USER.fullmatch(note.token):
            return Fate(Pushed.GONE)
        headers = {"Content-Type": "application/json"}
        try:
            answer = await self._calling.post(
                self._url, content=msgspec.json.encode(self._message(note)), headers=headers
            )
        except NotSent as error:
            return Fate(Pushed.RETRIED, error.retry_after)
        except Uncertain:
            return Fate(Pushed.UNCERTAIN)
        return self._fate(note.token, answer)

    def _message(self, note: Note) -> dict[str, Any]:
        words = self._wording.words(note.language)
        message: dict[str, Any] = {"chat_id": int(note.token), "text": words.something}
        if self._mini_app_url is not None:
            button = {"text": words.open, "web_app": {"url": self._mini_app_url}}
            message["reply_markup"] = {"inline_keyboard": [[button]]}
        return message

    def _fate(self, token: str, answer: Answer) -> Fate:
        if answer.status == 200:
            return Fate(Pushed.SENT)
        refusal: _Refusal = read(answer, _Refusal)
        if answer.status == 403 or (answer.status == 400 and "chat not found" in refusal.description.lower()):
            return Fate(Pushed.GONE)
        if answer.status == 429:
            wait_s = min(refusal.parameters.retry_after or FLOOD_WAIT_S, LONGEST_WAIT_S)
            self._pauses.pause(token, wait_s)
            return Fate(Pushed.RETRIED, wait_s)
        if answer.status >= 500:
            return Fate(Pushed.RETRIED)
        self._log.error("push refused", kind=self.name.value, status=answer.status)
        if answer.status in {401, 404}:  # the bot's token is wrong
            self._pauses.pause_all(CONFIG_WAIT_S)
            return Fate(Pushed.RETRIED, CONFIG_WAIT_S)
        return Fate(Pushed.REFUSED)
