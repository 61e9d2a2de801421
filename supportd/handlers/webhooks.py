"""`/webhooks/intercom`: verify, store, answer. Processing comes after."""

from supportd.errors import BadRequest, BadSignature, NotStored, ServiceUnavailable
from supportd.handlers.base import BaseHandler
from supportd.intercom.signature import is_signed
from supportd.metrics import Receipt
from supportd.sync.inbox import Inbox

MAX_WEBHOOK_BYTES = 8 * 1024 * 1024


class WebhookHandler(BaseHandler):
    """Intercom's events."""

    max_body_bytes = MAX_WEBHOOK_BYTES  # `conversation.read` has been seen with every part

    def initialize(self, *, inbox: Inbox, secrets: tuple[str, ...]) -> None:
        """Takes the inbox, and the client secrets that sign."""
        self.inbox = inbox
        self.secrets = secrets

    def head(self) -> None:
        """Intercom asks this when the URL is saved (Intercom's docs, setting up webhooks)."""
        self.finish()

    async def post(self) -> None:
        """Takes one event in. 200 means that it is stored."""
        body = self.body()
        if not is_signed(body, self.request.headers.get("X-Hub-Signature"), self.secrets):
            self._count(Receipt.BAD_SIGNATURE)
            raise BadSignature
        try:
            receipt = await self.inbox.receive(body)
        except BadRequest:
            self._count(Receipt.MALFORMED)
            raise
        except ServiceUnavailable:
            self._count(Receipt.NOT_STORED)
            raise NotStored from None
        self._count(receipt)
        self.answer({"status": receipt.value})

    def _count(self, receipt: Receipt) -> None:
        self.web.metrics.webhooks.labels(receipt).inc()
