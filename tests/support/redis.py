"""A real redis-server for one test: its own port, folder and process. Needs no settings and no Asterisk.

HOTLINE_TEST_SERVER=valkey runs a Valkey instead, =cluster a Redis in cluster mode, which refuses a script that leaves
its slot: `HOTLINE_TEST_SERVER=valkey pytest tests/redis/test_scripts_agree.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import redis.asyncio
from redis.exceptions import RedisError

from ivr.native import program
from tests.support.ports import free_port

READY_S = 10.0
STOP_S = 5.0


@dataclass
class RealRedis:
    """One redis-server. `stop`, `start` and `send` act on its process, by process id."""

    folder: Path
    port: int
    options: Sequence[str] = ()
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self, **options: object) -> redis.asyncio.Redis:
        """Return a client; the caller closes it."""
        return redis.asyncio.Redis.from_url(self.url, **{"decode_responses": True, **options})

    async def start(self) -> None:
        """Start the server and wait until it answers; what its append-only file holds comes back."""
        self.process = await asyncio.create_subprocess_exec(
            *_program(), "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder),
            "--save", "", "--daemonize", "no", "--enable-debug-command", "local", *self.options,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.STDOUT)
        async with asyncio.timeout(READY_S):
            await self._wait_ready()

    async def _wait_ready(self) -> None:
        while True:
            client = self.client()
            try:
                await client.ping()
            except (RedisError, OSError):
                assert self.process is not None
                assert self.process.returncode is None, f"redis-server ended with {self.process.returncode}"
                await asyncio.sleep(0.02)
            else:
                return
            finally:
                await client.aclose()

    def send(self, signal_number: signal.Signals) -> None:
        """Send the process a signal, such as SIGSTOP, SIGCONT or SIGKILL."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal_number)

    async def stop(self, signal_number: signal.Signals = signal.SIGKILL) -> None:
        """End the process (kill -9 unless told otherwise) and wait for its end."""
        if self.process is None:
            return
        self.send(signal.SIGCONT)
        self.send(signal_number)
        try:
            async with asyncio.timeout(STOP_S):
                await self.process.wait()
        except TimeoutError:
            self.send(signal.SIGKILL)
            await self.process.wait()
        self.process = None


def _program() -> Sequence[str]:
    if os.environ.get("HOTLINE_TEST_SERVER") == "valkey":
        from tests.support.valkey import valkey_program

        return valkey_program()
    return program("redis-server")


async def _take_all_slots(server: RealRedis) -> None:
    async with contextlib.aclosing(server.client()) as client:
        await client.execute_command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        while "cluster_state:ok" not in str(await client.execute_command("CLUSTER INFO")).replace("': '", ":"):
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def real_redis(tmp_path: Path, *, appendonly: bool = False,
                     options: Sequence[str] = ()) -> AsyncIterator[RealRedis]:
    """Run a redis-server in a folder below `tmp_path` until the block ends.

    appendonly  keep an append-only file (everysec), so it survives `stop` and `start`.
    options  further words of its command line, e.g. ["--maxmemory", "8mb"].
    """
    port = free_port()
    folder = tmp_path / f"redis-{port}"
    folder.mkdir(parents=True)
    cluster = os.environ.get("HOTLINE_TEST_SERVER") == "cluster" and "--cluster-enabled" not in options
    if cluster:
        options = [*options, "--cluster-enabled", "yes", "--cluster-port", str(free_port())]
    server = RealRedis(folder, port, ["--appendonly", "yes" if appendonly else "no", *options])
    await server.start()
    try:
        if cluster:
            await _take_all_slots(server)
        yield server
    finally:
        await server.stop()
