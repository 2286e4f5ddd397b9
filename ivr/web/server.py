"""The page's process: uvicorn on one port, ended gracefully, with a limit on everything a connection may do."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from uvicorn.protocols.http.h11_impl import H11Protocol

from ivr import log
from ivr.desk.users import FIRST, Users
from ivr.errors import ConfigError, Finding
from ivr.settings import Settings
from ivr.web.app import create_app
from ivr.web.metered import Metered
from ivr.web.parts import build

logger = log.logger(__name__)

HEAD_S = 10.0  # a connection has so long to say what it wants
IDLE_S = 30  # and so long until the next request
HEAD_BYTES = 32 * 1024
CONNECTIONS = 500
END_S = 5  # open answers may go on so long after SIGTERM

Say = Callable[[str], None]


class Protocol(H11Protocol):
    """HTTP/1.1, but a connection that does not finish its request's head in time is closed."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.head_ends: asyncio.TimerHandle | None = None
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._head_came()
        elif self.head_ends is None:
            self._expect_head()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._head_came()  # from here on uvicorn's own time-out for an idle connection holds

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self.head_ends = self.loop.call_later(HEAD_S, self._too_slow)

    def _head_came(self) -> None:
        if self.head_ends is not None:
            self.head_ends.cancel()
            self.head_ends = None

    def _too_slow(self) -> None:
        if not self.transport.is_closing():
            self.transport.abort()


class Server(uvicorn.Server):
    """uvicorn, ended by SIGTERM or Ctrl-C with status 0: it was asked to end, so nobody starts it again."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def check_place(settings: Settings) -> None:
    """Raise ConfigError when the page would be plain HTTP beyond this machine, or its certificate cannot be used."""
    if bool(settings.web_cert) != bool(settings.web_key):
        lacks = "HOTLINE_WEB_KEY" if settings.web_cert else "HOTLINE_WEB_CERT"
        raise ConfigError(_finding(lacks, "not set, but the other half is", "both the certificate and its private key"))
    if not settings.web_cert:
        if not is_loopback(settings.web_host):
            raise ConfigError(
                _finding(
                    "HOTLINE_WEB_HOST",
                    f"{settings.web_host} can be reached from other machines, and passwords would travel unencrypted",
                    "127.0.0.1 (and a proxy with TLS before it), or HOTLINE_WEB_CERT and HOTLINE_WEB_KEY",
                )
            )
        return
    for name, file in (("HOTLINE_WEB_CERT", settings.web_cert), ("HOTLINE_WEB_KEY", settings.web_key)):
        if not settings.path(Path(file)).is_file():
            raise ConfigError(_finding(name, f"there is no file {file}", "a PEM file"))
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*_certificate(settings), password=_no_password)
    except (ssl.SSLError, OSError, ValueError) as error:
        wrong = f"certificate and key cannot be used: {error}"
        raise ConfigError(_finding("HOTLINE_WEB_CERT", wrong, "PEM files that belong together, no password")) from error


def is_loopback(host: str) -> bool:
    """Can only this machine reach `host`?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def address(settings: Settings) -> str:
    """Return the page's URL."""
    host = f"[{settings.web_host}]" if ":" in settings.web_host else settings.web_host
    return f"{'https' if settings.web_cert else 'http'}://{host}:{settings.web_port}/"


def serve(settings: Settings, say: Say) -> None:
    """Serve the page until SIGTERM. say  prints the one-time password of the first user, and the ready line.

    Raises ConfigError, also when the port is taken.
    """
    check_place(settings)
    log.configure(settings.log_level, settings.log_format)
    with _listen(settings) as listening:
        uvloop.run(_serve(settings, listening, say))


async def _serve(settings: Settings, listening: socket.socket, say: Say) -> None:
    parts = build(settings)
    try:
        await _first_user(parts.users, say)
        certificate, key = _certificate(settings) if settings.web_cert else (None, None)
        metered = Metered(create_app(settings, parts))
        server = Server(
            uvicorn.Config(
                metered, http=Protocol, ws="none", lifespan="on", log_config=None, access_log=False,
                server_header=False, date_header=True, proxy_headers=False, limit_concurrency=CONNECTIONS, backlog=256,
                timeout_keep_alive=IDLE_S, timeout_graceful_shutdown=END_S, h11_max_incomplete_event_size=HEAD_BYTES,
                ssl_certfile=certificate, ssl_keyfile=key,
            )
        )  # fmt: skip
        ready = asyncio.ensure_future(_tell_ready(server, settings, say))
        measuring = asyncio.ensure_future(metered.run(settings.web_metrics_port))
        await server.serve([listening])
        ready.cancel()
        measuring.cancel()
    finally:
        await parts.close()


async def _first_user(users: Users, say: Say) -> None:
    issued = await users.first()
    if issued:
        say(
            f"first user: {FIRST} · one-time password, shown only once: {issued.password} · "
            f"another one: ivr user reset {FIRST}"
        )


async def _tell_ready(server: uvicorn.Server, settings: Settings, say: Say) -> None:
    while not server.started:
        await asyncio.sleep(0.02)
    say(f"ready: page {address(settings)}")


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.web_host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.web_host, settings.web_port))
    except OSError as error:
        listening.close()
        wrong = f"port {settings.web_port} on {settings.web_host} cannot be used: {error.strerror}"
        raise ConfigError(_finding("HOTLINE_WEB_PORT", wrong, "a free port")) from error
    return listening


def _certificate(settings: Settings) -> tuple[str, str]:
    return str(settings.path(Path(settings.web_cert))), str(settings.path(Path(settings.web_key)))


def _no_password() -> str:
    raise ValueError("the key has a password")


def _finding(name: str, wrong: str, expected: str) -> Finding:
    return Finding(Path("environment"), None, name, wrong, expected)
