"""A private Asterisk on free ports, with the product's own configuration, for tests that need the real thing.

`real_asterisk` is for asynchronous tests, `start_asterisk` for fixtures of a module. Both stop what they started.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ivr import asterisk
from ivr.asterisk import AgentPhone, Secrets
from ivr.errors import AsteriskError
from ivr.settings import Settings, load
from tests.support.ports import free_port

START_S = 15.0
RTP_PORTS = 2000


@dataclass
class RealAsterisk:
    """A running Asterisk. `settings` name its ports and folder, `secrets` its passwords."""

    settings: Settings
    secrets: Secrets
    process: subprocess.Popen[bytes]

    def console(self, command: str) -> str:
        """Run one console command and return what it printed."""
        return asterisk.console(self.settings, command)

    def log(self, name: str = "messages.log") -> str:
        """Return the text of a log file."""
        return (self.settings.var_dir / "asterisk" / "log" / name).read_text(errors="replace")

    def channels(self) -> int:
        """Return how many channels are up."""
        return int(self.console("core show channels count").split()[0])

    def kill(self) -> None:
        """Kill it as a crash would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it, by force after three seconds."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                self.kill()


@contextlib.contextmanager
def start_asterisk(
    folder: Path,
    *,
    numbers: Iterable[str] = ("100", "200"),
    phones: Iterable[AgentPhone] = (),
    emergency: Iterable[str] = (),
    targets: Mapping[str, str] | None = None,
    fallback_prompt: str = "",
    goodbye_prompt: str = "",
    **settings: Any,
) -> Iterator[RealAsterisk]:
    """Run an Asterisk whose var folder is `folder`/var; ready for calls when the block is entered."""
    chosen = test_settings(folder, **settings)
    secrets = asterisk.load_secrets(chosen)
    asterisk.render(
        chosen, secrets=secrets, numbers=numbers, phones=phones, emergency=emergency, targets=targets,
        fallback_prompt=fallback_prompt, goodbye_prompt=goodbye_prompt,
    )
    with open(folder / "asterisk.out", "wb") as out:
        process = subprocess.Popen(asterisk.argv(chosen), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    running = RealAsterisk(chosen, secrets, process)
    try:
        _wait_booted(running)
        yield running
    finally:
        running.stop()


@contextlib.asynccontextmanager
async def real_asterisk(folder: Path, **how: Any) -> AsyncIterator[RealAsterisk]:
    """Run an Asterisk, see `start_asterisk` for what can be set; settings of ivr.settings as keyword arguments."""
    manager = start_asterisk(folder, **how)
    running = await asyncio.to_thread(manager.__enter__)
    try:
        yield running
    finally:
        await asyncio.to_thread(manager.__exit__, None, None, None)


def test_settings(folder: Path, **settings: Any) -> Settings:
    """Return settings with free ports and `folder`/var."""
    tcp, udp = free_ports(3, socket.SOCK_STREAM), free_ports(1, socket.SOCK_DGRAM)
    rtp = random.SystemRandom().randrange(32000, 60000, RTP_PORTS)
    return load(**{
        "var": folder / "var", "host": "127.0.0.1", "sip_port": udp[0], "ami_port": tcp[0], "agi_port": tcp[1],
        "agi_port_next": tcp[2], "rtp_start": rtp, "rtp_end": rtp + RTP_PORTS - 1, **settings,
    })


test_settings.__test__ = False  # type: ignore[attr-defined]  # not a test, whatever its name


def free_ports(count: int, kind: socket.SocketKind) -> list[int]:
    """Return ports of 127.0.0.1 that nobody uses now."""
    return [free_port(kind) for _ in range(count)]


def _wait_booted(running: RealAsterisk) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if running.process.poll() is not None:
            break
        with contextlib.suppress(AsteriskError):
            if "fully booted" in running.console("core waitfullybooted"):
                return
        time.sleep(0.02)
    log = running.settings.var_dir / "asterisk" / "log" / "messages.log"
    raise AssertionError(f"Asterisk did not start:\n{log.read_text() if log.exists() else 'no log'}")
