"""How large an image may say it is: a small file can ask for gigabytes of memory when a viewer decodes it."""

from supportd.files.refusal import require

MAX_SIDE = 30_000
MAX_PIXELS = 100_000_000


def check(width: int, height: int) -> None:
    """Raises `Refused` for an image without pixels, or with more than a viewer should be asked to decode."""
    require(width > 0 and height > 0, "has no pixels")
    require(max(width, height) <= MAX_SIDE and width * height <= MAX_PIXELS, "has too many pixels")
