"""What the demo prints once it is up."""

from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

PASTE = "Paste these lines into another terminal, one by one or all at once:"
STOP = "Ctrl-C stops everything; the data stays."


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the parts listen. URLs without a slash at their end."""

    api: str
    metrics: str
    intercom: str
    mongo: str


def instructions(*, addresses: Addresses, token: str, user: str, logs: Path, curl: str | None) -> str:
    """The whole text: addresses, then lines for a shell, from a conversation's start to its end.

    Comments in those lines have neither apostrophes nor question marks: zsh, where it is typed at, reads them.
    `curl` is a command that stands in for curl where the machine has none.
    """
    stand_in = f'curl() {{ {curl} "$@"; }}  # there is no curl here, and this will do\n' if curl else ""
    return "\n".join((_where(addresses, logs), PASTE, "", stand_in + _lines(addresses, token, user), "", STOP))


def _where(addresses: Addresses, logs: Path) -> str:
    return dedent(f"""\
        supportd is up.

          Chat       {addresses.intercom}/demo  (as another user: /demo?user=bob)
          Inbox      {addresses.intercom}/inbox  (answer there; switch troubles on)
          API        {addresses.api}
          Metrics    {addresses.metrics}/metrics
          Intercom   {addresses.intercom}  (the simulator; /_sim/... plays the operator)
          MongoDB    {addresses.mongo}
          Logs       {logs}/*.log
        """)


def _lines(addresses: Addresses, token: str, user: str) -> str:
    return dedent(f"""\
        API={addresses.api}
        INTERCOM={addresses.intercom}
        # the token of {user}, good for 30 days
        TOKEN={token}
        AUTH="Authorization: Bearer $TOKEN"
        JSON="Content-Type: application/json"

        # the conversations of {user}
        curl -s "$API/api/conversations" -H "$AUTH"; echo

        # {user} starts a request
        ID=$(curl -s "$API/api/conversations" -H "$AUTH" -H "$JSON" -d '{{"body": "My card was declined."}}' \\
          | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])'); echo "$ID"

        # the operator answers, in Intercom
        curl -s "$INTERCOM/_sim/conversations/last/reply" -d '{{"body": "<p>Hello <b>Alice</b></p>"}}'; echo

        # the app polls, as it does every 4 seconds: the answer is there, and it cost no call to Intercom
        sleep 1; curl -s "$API/api/conversations/$ID/poll?since=0" -H "$AUTH"; echo

        # the operator closes the conversation, and the next poll says so
        curl -s "$INTERCOM/_sim/conversations/last/close" -d '{{}}'; echo
        sleep 1; curl -s "$API/api/conversations/$ID/poll?since=0" -H "$AUTH"; echo

        # alive, ready, and in numbers
        curl -s "$API/health"; echo
        curl -s "$API/ready"; echo
        curl -s {addresses.metrics}/metrics | grep ^supportd_http_requests_total
        """).rstrip()
