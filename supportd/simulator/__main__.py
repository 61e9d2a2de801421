"""`python -m supportd.simulator`: runs until SIGTERM or SIGINT, then saves its state."""

import asyncio
import signal
import sys

from supportd.clock import Clock
from supportd.simulator.app import Simulator
from supportd.simulator.config import ConfigError, SimulatorConfig, from_command_line
from supportd.simulator.persistence import DamagedState


def main() -> int:
    """The exit code: 0 after a signal, 1 where it can't start."""
    try:
        asyncio.run(_serve(from_command_line()))
    except (ConfigError, DamagedState, OSError) as error:
        print(f"simulator: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(config: SimulatorConfig) -> None:
    told_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told_to_stop.set)
    simulator = Simulator(config, Clock())
    await simulator.start()
    print(f"simulator ready on {simulator.base_url}", flush=True)
    await told_to_stop.wait()
    await simulator.stop()


if __name__ == "__main__":
    sys.exit(main())
