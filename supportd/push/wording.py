"""What a notification says, in the user's language.

A device's language is that of the `Accept-Language` with which it was registered: the API has no field for it, and HTTP
has this one. Titles never quote anything.
"""

from dataclasses import dataclass

from supportd.push.announcer import Place
from supportd.push.cutting import cut
from supportd.push.stories import Line

CONTENT_CHARS = 120


@dataclass(frozen=True)
class Words:
    """The words of one language. `ticket` and `changed` take the ticket's reference."""

    chat: str
    ticket: str
    changed: str
    file: str
    look: str
    states: dict[str, str]
    something: str
    open: str


def languages() -> dict[str, Words]:
    """The words of each of `LANGUAGES` in `config.py`."""
    return {
        "en": Words(
            chat="New message from support",
            ticket="{reference}: new reply",
            changed="{reference}: status changed",
            file="A file was sent",
            look="Open the app to see it",
            states={
                "submitted": "Submitted",
                "in_progress": "In progress",
                "awaiting_reply": "Waiting for your reply",
                "resolved": "Resolved",
            },
            something="There is news for you from support.",
            open="Open",
        ),
        "ru": Words(
            chat="Новое сообщение от поддержки",
            ticket="{reference}: новый ответ",
            changed="{reference}: статус изменён",
            file="Отправлен файл",
            look="Откройте приложение, чтобы посмотреть",
            states={
                "submitted": "Отправлено",
                "in_progress": "В работе",  # noqa: RUF001 - Russian
                "awaiting_reply": "Ждём вашего ответа",
                "resolved": "Решено",
            },
            something="Для вас есть новости от поддержки.",
            open="Открыть",
        ),
    }


@dataclass(frozen=True)
class Text:
    """A notification's title and body."""

    title: str
    body: str


class Wording:
    """Words a notification: with content, at most 120 characters of it, or without any."""

    def __init__(self, *, with_content: bool, default_language: str) -> None:
        self._with_content = with_content
        self._languages = languages()
        self._default = self._languages[default_language]

    def text(self, place: Place, line: Line, *, reference: str | None, language: str | None) -> Text:
        """What a line is announced with."""
        words = self.words(language)
        title = words.chat
        if place is Place.TICKET:
            title = (words.ticket if line.state is None else words.changed).format(reference=reference)
        return Text(title, self._content(words, line) if self._with_content else words.look)

    def words(self, language: str | None) -> Words:
        """The words of a language, or else of the default one."""
        return self._languages.get(language or "", self._default)

    def _content(self, words: Words, line: Line) -> str:
        if line.state is not None:
            return words.states.get(line.state, words.look)
        return cut(line.words, most=CONTENT_CHARS) or words.file
