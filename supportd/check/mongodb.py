"""MongoDB: there, a replica set of version 6 or newer, and ours to write."""

import re

from supportd.check.finding import Finding, ok, unknown, wrong
from supportd.config import Settings
from supportd.errors import ConfigError
from supportd.stores.diagnosis import Facts, Trouble, examine, try_to_write

REACHABLE, VERSION, REPLICA_SET, WRITABLE = (
    f"mongodb.{what}" for what in ("reachable", "version", "replica_set", "writable")
)
LEAST_VERSION = 6
IN_WORDS = {
    Trouble.UNREACHABLE: "nobody answers at MONGO_URI; is MongoDB running, and does the firewall let us through?",
    Trouble.NOT_A_MEMBER: "who answers at MONGO_URI is no member of the replica set that it names",
    Trouble.NOT_INITIATED: "it answers, but its replica set was never initiated: run rs.initiate() in mongosh",
    Trouble.NO_PRIMARY: "it answers, but its replica set has no primary: look at rs.status() in mongosh",
    Trouble.REFUSED: "it refuses the user or the password in MONGO_URI",
    Trouble.FORBIDDEN: "the user in MONGO_URI may not do that; the role readWrite on the database is needed",
    Trouble.FAILED: "it answers, but failed; look at its log",
}


async def check_mongodb(settings: Settings) -> list[Finding]:
    """Four findings. Leaves nothing behind in the database."""
    try:
        facts = await examine(settings.mongo_uri)
    except ConfigError as error:
        return [wrong(REACHABLE, str(error)), *_untold(VERSION, REPLICA_SET, WRITABLE)]
    if isinstance(facts, Trouble):
        return [wrong(REACHABLE, IN_WORDS[facts]), *_untold(VERSION, REPLICA_SET, WRITABLE)]
    return [
        ok(REACHABLE, "it answers"),
        version(facts),
        _replica_set(facts),
        await _writable(settings, facts),
    ]


def version(facts: Facts) -> Finding:
    """Whether it is new enough."""
    major = re.match(r"[0-9]{1,4}", facts.version)
    if major is None or int(major[0]) < LEAST_VERSION:
        return wrong(VERSION, f"it is {facts.version}; {LEAST_VERSION}.0 or newer is needed")
    return ok(VERSION, facts.version)


def _replica_set(facts: Facts) -> Finding:
    if facts.replica_set is None:
        return wrong(REPLICA_SET, "it is none: start mongod with --replSet, then run rs.initiate() in mongosh")
    return ok(REPLICA_SET, facts.replica_set)


async def _writable(settings: Settings, facts: Facts) -> Finding:
    if facts.replica_set is None:
        return unknown(WRITABLE, "that shows once it is a replica set")
    trouble = await try_to_write(settings.mongo_uri, settings.mongo_db)
    if trouble is not None:
        return wrong(WRITABLE, IN_WORDS[trouble])
    return ok(WRITABLE, f"a majority of the set took a write to {settings.mongo_db}")


def _untold(*names: str) -> list[Finding]:
    return [unknown(name, "MongoDB can't be asked") for name in names]
