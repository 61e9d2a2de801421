"""What Tornado's connection can do and its interface doesn't tell."""

from typing import cast

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPServerRequest


def connection_of(request: HTTPServerRequest) -> HTTP1Connection:
    """The connection that a request came by."""
    return cast("HTTP1Connection", request.connection)
