"""What MongoDB tells of itself: for `supportd check`, which wants to know what is wrong and not only that."""

from contextlib import closing
from enum import Enum, auto
from typing import Any, NamedTuple

from bson import ObjectId
from pymongo.errors import OperationFailure, PyMongoError, ServerSelectionTimeoutError

from supportd.stores.line import Client
from supportd.stores.mongo import connect

SCRATCH = "check"
NO_SUCH_USER, FORBIDDEN = 18, 13  # MongoDB's error codes: AuthenticationFailed, Unauthorized
NOT_INITIATED_TYPE, MEMBER_TYPES = "RSGhost", {"RSPrimary", "RSSecondary", "RSArbiter", "RSOther"}


class Facts(NamedTuple):
    """The version, and the name of the replica set; None where it is no member of one."""

    version: str
    replica_set: str | None


class Trouble(Enum):
    """Why a question wasn't answered."""

    UNREACHABLE = auto()
    NOT_A_MEMBER = auto()
    NOT_INITIATED = auto()
    NO_PRIMARY = auto()
    REFUSED = auto()
    FORBIDDEN = auto()
    FAILED = auto()


async def examine(uri: str) -> Facts | Trouble:
    """What answers at a connection string. Raises `ConfigError` where it can't be read."""
    with closing(connect(uri)) as client:
        try:
            hello = await client.admin.command("hello")
            if _was_never_initiated(hello):
                return Trouble.NOT_INITIATED
            info = await client.admin.command("buildInfo")
        except PyMongoError as error:
            return _trouble(client, error)
    return Facts(str(info["version"]), hello.get("setName"))


async def try_to_write(uri: str, name: str) -> Trouble | None:
    """Writes a document to a collection of its own, as durably as supportd does, and takes both away again."""
    with closing(connect(uri)) as client:
        collection = client[name][SCRATCH]
        mark = {"_id": ObjectId()}
        try:
            await collection.insert_one(mark)
            await collection.delete_one(mark)
            await collection.drop()
        except PyMongoError as error:
            return _trouble(client, error)
    return None


def _was_never_initiated(hello: dict[str, Any]) -> bool:
    """It was started with `--replSet`, but has no configuration (MongoDB's manual, `hello`)."""
    return bool(hello.get("isreplicaset")) and "setName" not in hello


def _trouble(client: Client, error: PyMongoError) -> Trouble:
    if isinstance(error, ServerSelectionTimeoutError):
        return _why_none_was_selected(client)
    if isinstance(error, OperationFailure):
        return {NO_SUCH_USER: Trouble.REFUSED, FORBIDDEN: Trouble.FORBIDDEN}.get(error.code or 0, Trouble.FAILED)
    return Trouble.UNREACHABLE


def _why_none_was_selected(client: Client) -> Trouble:
    described: Any = client.topology_description
    servers = described.server_descriptions()
    kinds = {server.server_type_name for server in servers.values()}
    if NOT_INITIATED_TYPE in kinds:
        return Trouble.NOT_INITIATED
    if kinds & MEMBER_TYPES:
        return Trouble.NO_PRIMARY
    return Trouble.UNREACHABLE if servers else Trouble.NOT_A_MEMBER  # the driver drops who is of no set, or of another
