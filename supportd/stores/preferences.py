"""`preferences`: what a user wants to be told of by push."""

import msgspec
from msgspec import UNSET, Struct, UnsetType

from supportd.stores.mongo import Collection, translated, upsert


class Preferences(Struct, frozen=True):
    """A user's preferences; who never chose gets everything."""

    chat_messages: bool = True
    ticket_updates: bool = True
    system_notices: bool = True


class Changes(Struct, frozen=True):
    """New values of some preferences; what is unset stays as it is."""

    chat_messages: bool | UnsetType = UNSET
    ticket_updates: bool | UnsetType = UNSET
    system_notices: bool | UnsetType = UNSET


class PreferenceStore:
    """One document a user who chose, with what was chosen."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def get(self, user_id: str) -> Preferences:
        """The user's preferences."""
        with translated("preferences.get"):
            found = await self._collection.find_one({"_id": user_id})
        return Preferences() if found is None else msgspec.convert(found, Preferences)

    async def update(self, user_id: str, changes: Changes) -> Preferences:
        """Changes some and answers all. Each is set by itself, so that changes of others at the same time hold too."""
        chosen = msgspec.to_builtins(changes)
        if not chosen:
            return await self.get(user_id)
        with translated("preferences.update"):
            updated = await upsert(self._collection, {"_id": user_id}, {"$set": chosen})
        return msgspec.convert(updated, Preferences)
