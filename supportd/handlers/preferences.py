"""`/api/settings/notifications`: what the caller wants to be told of by push."""

import msgspec
from msgspec import UNSET, Struct, UnsetType

from supportd.handlers.base import BaseHandler
from supportd.stores.preferences import Changes, Preferences, PreferenceStore


class PreferencesBody(Struct, rename="camel"):
    """The body of a change: what is missing stays as it is."""

    chat_messages: bool | UnsetType = UNSET
    ticket_updates: bool | UnsetType = UNSET
    system_notices: bool | UnsetType = UNSET


class PreferencesAnswer(Struct, rename="camel"):
    """All preferences."""

    chat_messages: bool
    ticket_updates: bool
    system_notices: bool


class PreferencesHandler(BaseHandler):
    """The caller's notification settings."""

    def initialize(self, *, preferences: PreferenceStore) -> None:
        """Takes the store."""
        self.preferences = preferences

    async def get(self) -> None:
        """All of them."""
        self._answer(await self.preferences.get(self.caller.user_id))

    async def put(self) -> None:
        """Changes those that are named."""
        given = self.json_body(PreferencesBody)
        changes = Changes(**msgspec.structs.asdict(given))
        self._answer(await self.preferences.update(self.caller.user_id, changes))

    def _answer(self, preferences: Preferences) -> None:
        self.answer(PreferencesAnswer(**msgspec.structs.asdict(preferences)))
