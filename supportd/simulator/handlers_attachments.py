"""Copies of files, as Intercom's own hosts serve them: to whoever has an address that hasn't expired."""

from tornado.web import HTTPError, RequestHandler

from supportd.simulator.errors import ApiError
from supportd.simulator.handlers_control import ControlHandler
from supportd.simulator.services import Services


class CopyHandler(RequestHandler):
    """`GET /sim-attachments/{id}?expires=&signature=`."""

    def initialize(self, *, services: Services) -> None:
        """Takes the simulator's parts."""
        self.services = services

    def get(self, copy_id: str) -> None:
        """The bytes."""
        expires, signature = self.get_query_argument("expires", ""), self.get_query_argument("signature", "")
        try:
            copy = self.services.depot.read(copy_id, expires=expires, signature=signature)
        except ApiError as error:
            raise HTTPError(error.status) from error
        self.set_header("Content-Type", copy.content_type)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Security-Policy", "sandbox; default-src 'none'")  # the pages' origin isn't the file's
        self.finish(copy.content)


class ExpireHandler(ControlHandler):
    """`POST /_sim/attachments/expire`."""

    def post(self) -> None:
        """Makes every address given so far useless; each answer has new ones."""
        self.services.depot.expire()
        self.answer({})
