"""Loads of one conversation that fail, though Intercom knows it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from supportd.intercom.client import IntercomClient


@contextmanager
def loads_fail(patch: pytest.MonkeyPatch, conversation_id: str, error: Exception) -> Iterator[list[str]]:
    """Every load of the conversation fails; the list has each that was tried."""
    tried: list[str] = []
    load = IntercomClient.conversation

    async def conversation(client: IntercomClient, id_: str, **options: Any) -> Any:
        if id_ != conversation_id:
            return await load(client, id_, **options)
        tried.append(id_)
        raise error

    with patch.context() as context:
        context.setattr(IntercomClient, "conversation", conversation)
        yield tried
