"""Set everything up and run it: what `make setup` and `make run` do. Every step is quick when nothing changed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from honcho.environ import parse_procfile
from honcho.manager import Manager
from honcho.printer import Printer

from ivr import asterisk, native
from ivr.errors import ConfigError
from ivr.settings import PROJECT, Settings

if TYPE_CHECKING:
    from ivr.flow.model import Dialplans
    from ivr.sound import PromptSet

Report = Callable[[str], None]


def set_up(settings: Settings, report: Report) -> None:
    """Bring the native parts, the database, the prompts and Asterisk's configuration up to date.

    Raises ConfigError with what to do; whatever was finished stays finished.
    """
    try:
        _set_up(settings, report)
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        raise ConfigError(
            f"set-up cannot go on: {reason}; is the disk full or the folder somebody else's? "
            "HOTLINE_VAR, HOTLINE_CACHE_DIR and HOTLINE_RUNTIME_DIR name other folders"
        ) from error


def _set_up(settings: Settings, report: Report) -> None:
    began = time.monotonic()
    _native(report)
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    from ivr.db import upgrade
    from ivr.speech.catalog import load_prompt_set
    from ivr.speech.render import render_prompts

    upgrade(settings)
    render_prompts(settings, report)
    render_asterisk(settings, load_prompt_set(settings))
    if time.monotonic() - began > 5:
        report(f"set up in {time.monotonic() - began:.0f} s")


def _native(report: Report) -> None:
    lacking = native.missing()
    if lacking:
        from ivr.fetch import fetch

        report(f"bringing native parts: {', '.join(lacking)}")
        fetch(lacking, report)
        still = native.missing()
        if still:
            raise ConfigError(
                f"{', '.join(still)} cannot be found after unpacking: remove {native.root()} and run this again"
            )


def render_asterisk(settings: Settings, prompts: PromptSet, plans: Sequence[Dialplans] = ()) -> Path:
    """Write Asterisk's configuration for these settings, numbers and agents' phones.

    plans  what calls may follow, the live version last (default: what is in force); Asterisk knows the numbers and
    targets of all of them.
    """
    import asyncio

    from ivr.db import Database
    from ivr.desk.agents import Agents
    from ivr.sound import Prompt
    from ivr.versions.folder import in_force

    plans = plans or asyncio.run(in_force(settings))

    async def phones() -> list[asterisk.AgentPhone]:
        database = Database(settings)
        try:
            return [
                asterisk.AgentPhone(a.endpoint, a.sip_password, a.agent_id, a.name)
                for a in await Agents(database).list()
            ]
        finally:
            await database.close()

    def stem(key: str) -> str:
        return next(iter(prompts.files(Prompt(key), settings.default_language)), "")

    return asterisk.render(
        settings,
        secrets=asterisk.load_secrets(settings),
        numbers=list(dict.fromkeys(number for plan in reversed(plans) for number in plan.numbers)),
        phones=asyncio.run(phones()),
        emergency=plans[-1].emergency,
        targets={name: to for plan in plans for name, to in plan.targets.items()},
        fallback_prompt=stem("fallback_trouble"),
        goodbye_prompt=stem("goodbye"),
    )


def redis_argv(settings: Settings) -> list[str]:
    """Return the command that runs our Redis in the foreground: append-only file, loopback, no snapshots."""
    folder = settings.var_dir / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    return [
        *native.program("redis-server"),
        "--port",
        str(settings.redis_port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(folder),
        "--appendonly",
        "yes",
        "--appendfsync",
        "everysec",
        "--save",
        "",
        "--maxmemory-policy",
        "noeviction",
        "--loglevel",
        "notice",
        "--logfile",
        str(folder / "redis.log"),
        "--daemonize",
        "no",
    ]


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """Keep the var folder for this hotline: two would write the same queue file and control socket.

    Raises ConfigError, before anything is written, when a port or the folder is in use.
    """
    check_ports(settings)
    with _lock(settings).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"another hotline runs in {settings.var_dir}: end it, or set HOTLINE_VAR to a folder for this one"
            ) from None
        yield


def _lock(settings: Settings) -> Path:
    try:
        settings.var_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{settings.var_dir} cannot be used: {error.strerror}; set HOTLINE_VAR to another folder"
        ) from error
    return settings.var_dir / "run.lock"


def run_all(settings: Settings) -> int:
    """Run the Procfile until Ctrl-C or until a part ends; no process is left. Returns the exit status."""
    check_ports(settings)
    manager = Manager(Printer(_Terminal()))
    for name, line in parse_procfile((PROJECT / "Procfile").read_text()).processes.items():
        if name != "redis" or not settings.redis_url:
            manager.add_process(name, line, cwd=str(PROJECT))
    signal.signal(signal.SIGHUP, _terminal_closed)
    manager.loop()
    return int(manager.returncode or 0) if manager.returncode not in (-2, -15, 130, 143) else 0


class _Terminal:
    """Standard output that may be gone before the parts have ended: Ctrl-C ends both sides of `make run | tee`."""

    def write(self, text: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.write(text)

    def flush(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.flush()

    def isatty(self) -> bool:
        return sys.stdout.isatty()


def _terminal_closed(*_: object) -> None:
    """End as Ctrl-C does: the parts have sessions of their own and would stay. Nobody reads any more."""
    with open(os.devnull, "wb") as nothing:
        for output in (1, 2):
            os.dup2(nothing.fileno(), output)
    signal.raise_signal(signal.SIGTERM)


def check_ports(settings: Settings) -> None:
    """Raise ConfigError naming the setting of every port that is taken."""
    wanted = [
        ("HOTLINE_SIP_PORT", settings.sip_port, socket.SOCK_DGRAM, settings.host),
        ("HOTLINE_AMI_PORT", settings.ami_port, socket.SOCK_STREAM, "127.0.0.1"),
        ("HOTLINE_AGI_PORT", settings.agi_port, socket.SOCK_STREAM, "127.0.0.1"),
    ]
    wanted.append(("HOTLINE_WEB_PORT", settings.web_port, socket.SOCK_STREAM, settings.web_host))
    if not settings.redis_url:
        wanted.append(("HOTLINE_REDIS_PORT", settings.redis_port, socket.SOCK_STREAM, "127.0.0.1"))
    taken = [
        f"port {port} is taken: end what uses it (another hotline?) or set {name} to a free one"
        for name, port, kind, host in wanted
        if not _free(host, port, kind)
    ]
    if taken:
        raise ConfigError(*taken)


def _free(host: str, port: int, kind: socket.SocketKind) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def ready_line(settings: Settings, numbers: Iterable[str]) -> str:
    """Tell how to reach the hotline that just became ready."""
    return (
        f"ready: dial sip:100@{settings.host}:{settings.sip_port} · numbers: {', '.join(numbers)} · place a call: "
        "make call TO=100 FROM=+48601999888 KEYS=w4,1 · see it work: make demo · stop: Ctrl-C"
    )
