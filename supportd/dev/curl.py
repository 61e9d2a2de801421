"""The little of curl that the demo's lines use, for machines without one: `python -m supportd.dev.curl URL ...`."""

import argparse
import sys
from collections.abc import Sequence

import httpx

TIMEOUT_S = 40.0  # longer than the longest held poll


def main(arguments: Sequence[str] | None = None) -> int:
    """Sends a GET, or with `-d` a POST, prints the answer's body, and returns 0; 7, as curl does, where none came."""
    parser = argparse.ArgumentParser(prog="curl", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("-s", action="store_true", help="accepted, since it is never anything but silent")
    parser.add_argument("-H", dest="headers", action="append", default=[], metavar="NAME: VALUE")
    parser.add_argument("-d", dest="data", metavar="BODY")
    options = parser.parse_args(arguments)
    headers = [tuple(header.split(": ", 1)) for header in options.headers]
    method = "GET" if options.data is None else "POST"
    try:
        with httpx.Client(timeout=TIMEOUT_S, trust_env=False) as http:
            answer = http.request(method, options.url, headers=headers, content=options.data)
    except httpx.TransportError:
        return 7
    sys.stdout.write(answer.text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
