"""A libcurl for the wheel's `mongod` on a machine that has none, and where one may not be root to install it.

That `mongod` is linked with `libcurl.so.4`, which a fresh Debian lacks. The wheel of pycurl brings one, under a name of
its own. It has no version symbols, about which the dynamic linker complains in the log, and uses it.
"""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

SONAME = "libcurl.so.4"


def borrowed_libcurl(scratch: Path) -> str:
    """An LD_LIBRARY_PATH with pycurl's libcurl, by a link in `scratch`; "" where its wheel isn't installed."""
    try:
        files = distribution("pycurl").files or []
    except PackageNotFoundError:
        return ""
    for file in files:
        if file.parent.name == "pycurl.libs" and file.name.startswith("libcurl-"):
            library = Path(str(file.locate())).absolute()
            link = scratch.absolute() / "lib" / SONAME
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(library)
            return f"{link.parent}:{library.parent}"
    return ""
