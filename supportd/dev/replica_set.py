"""A replica set of one member: change streams and majority writes need a replica set."""

from typing import Any

import pymongo
from pymongo.errors import OperationFailure

NAME = "rs0"
NOT_YET_INITIALIZED = 94  # MongoDB's error codes


def make_primary(client: "pymongo.MongoClient[dict[str, Any]]", host: str) -> bool:
    """Makes the `mongod` behind a direct connection the set's one member, as `host`; true once it is the primary.

    May be called again and again, on new data, and on old data of another port: a member that doesn't find its own
    address in the configuration takes no part in the set.
    """
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code != NOT_YET_INITIALIZED:
            raise
        client.admin.command("replSetInitiate", {"_id": NAME, "members": [{"_id": 0, "host": host}]})
        return False
    if config["members"][0]["host"] != host:
        config["members"] = [{"_id": 0, "host": host}]
        config["version"] += 1
        client.admin.command("replSetReconfig", config, force=True)
        return False
    return bool(client.admin.command("hello")["isWritablePrimary"])
