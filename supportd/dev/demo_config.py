"""What the demo's parts are told: their ports and their environment."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from supportd.config import Settings
from supportd.dev.keys import Keys
from supportd.dev.ports import LOOPBACK, is_free

PORT_BASE = "DEV_PORT_BASE"
LOWEST_BASE, HIGHEST_BASE = 1024, 65000
DATABASE = "supportd_demo"
LOG_LEVEL = "LOG_LEVEL"


class DemoFailed(Exception):
    """It can't go on; the message says why."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The four ports, at distances from one base, so that one variable moves them all."""

    base: int = 41100

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Ports":
        """Reads `DEV_PORT_BASE`. Raises `DemoFailed` for one that is no port."""
        value = environ.get(PORT_BASE) or str(cls().base)
        if not value.isdecimal() or not LOWEST_BASE <= int(value) <= HIGHEST_BASE:
            raise DemoFailed(f"{PORT_BASE} must be a number from {LOWEST_BASE} to {HIGHEST_BASE}, not {value!r}.")
        return cls(int(value))

    @property
    def public(self) -> int:
        """The API's."""
        return self.base

    @property
    def metrics(self) -> int:
        """For Prometheus."""
        return self.base + 1

    @property
    def mongod(self) -> int:
        """MongoDB's."""
        return self.base + 17

    @property
    def simulator(self) -> int:
        """The Intercom simulator's."""
        return self.base + 80

    def check_free(self) -> None:
        """Raises `DemoFailed` if something listens on one of them."""
        wanted = {
            "supportd": self.public,
            "its metrics": self.metrics,
            "MongoDB": self.mongod,
            "the simulator": self.simulator,
        }
        for name, port in wanted.items():
            if not is_free(port):
                raise DemoFailed(
                    f"Port {port}, for {name}, is in use: is another demo running? "
                    f"Stop it, or choose other ports with {PORT_BASE}={self.base + 1000}."
                )


def environ_of_simulator(environ: Mapping[str, str], keys: Keys) -> dict[str, str]:
    """The simulator's environment. It mints the sessions of the demo's users, so it has the secret too."""
    return {
        **_without_settings(environ),
        "PYTHONUNBUFFERED": "1",
        "INTERCOM_ACCESS_TOKEN": keys.access_token,
        "INTERCOM_CLIENT_SECRET": keys.client_secret,
        "INTERCOM_ADMIN_ID": keys.admin_id,
        "JWT_SECRET": keys.jwt_secret,
    }


def environ_of_supportd(environ: Mapping[str, str], keys: Keys, *, ports: Ports, mongo_uri: str) -> dict[str, str]:
    """Supportd's environment."""
    return {
        **environ_of_simulator(environ, keys),
        "HOST": LOOPBACK,
        "PORT": str(ports.public),
        "METRICS_HOST": LOOPBACK,
        "METRICS_PORT": str(ports.metrics),
        "CORS_ORIGINS": f"http://{LOOPBACK}:{ports.simulator}",
        "MONGO_URI": mongo_uri,
        "MONGO_DB": DATABASE,
        "INTERCOM_BASE_URL": f"http://{LOOPBACK}:{ports.simulator}",
        "RECONCILE_INTERVAL": "10",
        "LOG_FORMAT": "console",
        LOG_LEVEL: environ.get(LOG_LEVEL, "info"),
    }


def _without_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without supportd's own variables: the demo is the same whatever is configured around it."""
    ours = {item.name.upper() for item in fields(Settings)}
    return {name: value for name, value in environ.items() if name not in ours}
