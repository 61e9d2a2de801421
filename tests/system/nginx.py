"""nginx with the configuration that is delivered; only its port, its folders and the certificate are others."""

import contextlib
import getpass
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

import supportd
from supportd.dev.child import Child
from supportd.dev.ports import LOOPBACK, free_port
from tests.system.certificates import Certificate
from tests.system.processes import environment

DELIVERED = Path(supportd.__file__).parents[1] / "conf" / "nginx.conf"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")

# On a newcomer's machine there may be none. CI installs it: there, the tests fail without it.
needs_nginx = pytest.mark.skipif(
    NGINX is None and "CI" not in os.environ,
    reason="there is no nginx here; Debian's package is nginx",
)


class Front(NamedTuple):
    """Where nginx listens: for TLS, or without it for this; and where it only sends there."""

    port: int
    plain_port: int


@contextlib.contextmanager
def fronted(port: int, folder: Path, tls: Certificate | None = None, *, others: Sequence[int] = ()) -> Iterator[Front]:
    """An nginx in front of this port, or of several, as the document has it. Without a certificate TLS is left out."""
    assert NGINX is not None, "nginx must be installed"
    own = Front(free_port(), free_port())
    configuration = folder / "nginx.conf"
    configuration.write_text(_substituted([port, *others], own, folder, tls))
    command = [NGINX, "-e", str(folder / "nginx.err"), "-c", str(configuration), "-g", "daemon off;"]
    child = Child("nginx", command, log=folder / "nginx.log", environ=environment())
    child.start()
    try:
        yield own
    finally:
        child.stop()


def _substituted(ports: Sequence[int], own: Front, folder: Path, tls: Certificate | None) -> str:
    text = DELIVERED.read_text()
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in TEMPORARY)
    servers = "".join(f"server {LOOPBACK}:{port};" for port in ports)
    changes = {
        r"http \{": f"http {{ {temporary}",
        r"server 127\.0\.0\.1:41100;": "hash $http_authorization consistent;" * (len(ports) > 1) + servers,
        r"listen 443 ssl http2;": f"listen {LOOPBACK}:{own.port}{' ssl http2' if tls else ''};",
        r"listen 80;": f"listen {LOOPBACK}:{own.plain_port};",
        r"listen \[::\].*;": "",
        r"ssl_certificate .*;": f"ssl_certificate {tls.chain};" if tls else "",
        r"ssl_certificate_key .*;": f"ssl_certificate_key {tls.key};" if tls else "",
        r"user www-data;": f"user {getpass.getuser()};",
        r"/run/nginx\.pid": str(folder / "nginx.pid"),
        r"/var/log/nginx/": f"{folder}/nginx-",
        r"root /var/www/html;": f"root {folder};",
        r"worker_processes auto;": "worker_processes 2;",
        r"(worker_rlimit_nofile|worker_connections) \d+;": r"\1 4096;",
    }
    for found, put in changes.items():
        text, count = re.subn(found, put, text)
        assert count, found
    return text
