"""MongoDB: a module a collection. Nothing above names pymongo or Motor."""
