"""What one FastAGI command and one AMI event cost us: `python -m bench.agi_bench [commands]`.

A bare peer on the same machine answers as fast as it can, so the figures are ours plus the loop's. CPU is this
process's divided by the commands, the peer's (a process of its own) left out. Bounded: about 5 seconds.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import platform
import socket
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import uvloop

from ivr.agi import protocol as agi
from ivr.agi.channel import Channel
from ivr.agi.server import AgiServer
from ivr.ami import protocol as ami
from ivr.ami.watch import Watch
from tests.support import recordings

CALLS = 20
HEADERS = recordings.received("agi-commands").partition(b"\n\n")[0] + b"\n\n"


def peer(port: int, commands: int) -> None:
    """Be Asterisk for CALLS calls at once: answer every command with success."""
    import selectors

    ready = selectors.DefaultSelector()
    for _ in range(CALLS):
        call = socket.create_connection(("127.0.0.1", port))
        call.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        call.sendall(HEADERS)
        ready.register(call, selectors.EVENT_READ)
    open_calls = CALLS
    while open_calls:
        for key, _ in ready.select(5):
            call = key.fileobj
            assert isinstance(call, socket.socket)
            if call.recv(4096):
                call.sendall(b"200 result=1 (hello world)\n")
            else:
                ready.unregister(call)
                call.close()
                open_calls -= 1


async def commands_per_s(commands: int) -> tuple[float, float, float]:
    """Run the calls; return commands a second, CPU and wall microseconds a command."""
    done = asyncio.Event()
    left, started, cpu = CALLS, 0.0, 0.0

    async def handler(channel: Channel) -> None:
        nonlocal left, started, cpu
        started, cpu = started or time.perf_counter(), cpu or time.process_time()
        for _ in range(commands // CALLS):
            await channel.get_variable("GREETING")
        left -= 1
        if not left:
            done.set()

    server = AgiServer(token="TOKEN", handler=handler)
    await server.start("127.0.0.1", 0)
    other = multiprocessing.get_context("spawn").Process(target=peer, args=(server.port, commands))
    other.start()
    await done.wait()
    wall, used = time.perf_counter() - started, time.process_time() - cpu
    await server.close()
    await asyncio.to_thread(other.join, 10)
    return commands / wall, used / commands * 1e6, wall / commands * 1e6


def each_us(work: Callable[[], int]) -> float:
    """Repeat `work`, which returns how many things it did, for 0.3 s; return CPU microseconds a thing."""
    count, start = 0, time.process_time()
    while time.process_time() - start < 0.3:
        count += work()
    return (time.process_time() - start) / count * 1e6


def parsing() -> None:
    block = HEADERS + b"200 result=1 (hello world)\n"
    data = recordings.received("ami-answered")
    watch = Watch()

    def head() -> int:
        return len(agi.Parser().feed(block)) // 2

    def write() -> int:
        return len(agi.command("STREAM FILE", "prompts/pl/hello", "12")) and 1

    def messages() -> int:
        return len(ami.Parser().feed(data))

    events = [e for e in ami.Parser().feed(data) if isinstance(e, ami.Event)]

    def sort() -> int:
        with watch.follow("1.1"):
            for event in events:
                watch.feed(event)
        return len(events)

    for name, work in (("AGI header block read", head), ("AGI command written", write),
                       ("AMI event read", messages), ("AMI event sorted by call", sort)):  # fmt: skip
        print(f"{name:<28} {each_us(work):8.1f} us CPU")


def main() -> None:
    commands = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    print(f"Python {platform.python_version()}, {CALLS} calls at once, {commands} GET VARIABLE commands")
    runners: tuple[tuple[str, Callable[[Coroutine[Any, Any, Any]], Any]], ...] = (
        ("uvloop", uvloop.run),
        ("asyncio", asyncio.run),
    )
    for name, run in runners:
        rate, cpu_us, wall_us = run(commands_per_s(commands))
        print(f"{name:<28} {rate:8,.0f} commands/s  {cpu_us:6.1f} us CPU  {wall_us:6.1f} us wall")
    parsing()


if __name__ == "__main__":
    assert Path("ivr").is_dir(), "run from the project folder"
    main()
