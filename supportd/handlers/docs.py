"""`/openapi.json` and `/docs`: the contract for programs and for people, public and the same for everybody."""

from supportd.handlers.base import BaseHandler
from supportd.openapi.pages import Page


class PageHandler(BaseHandler):
    """Serves a page that was made beforehand."""

    def initialize(self, *, page: Page) -> None:
        """Takes the page."""
        self.page = page

    def get(self) -> None:
        """The page, or 304 to who has it already."""
        self.set_header("Content-Type", self.page.content_type)
        self.set_header("Cache-Control", "no-cache")
        self.set_header("ETag", self.page.etag)
        for name, value in self.page.headers.items():
            self.set_header(name, value)
        if self.check_etag_header():
            self.set_status(304)
            self.finish()
            return
        self.finish(self.page.body)
