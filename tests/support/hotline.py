"""A whole hotline for tests: real Redis, Asterisk and controller on ports and in a folder of their own."""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ivr import settings as settings_module
from ivr.settings import PROJECT, Settings
from tests.support.ports import free_port


class Hotline:
    """Processes of one hotline. Start with `start()`, end with `stop()`; only processes it started are ended."""

    def __init__(self, folder: Path, **overrides: Any) -> None:
        rtp = random.randrange(32000, 60000, 1000)
        values: dict[str, Any] = {
            "var": folder / "var",
            "sip_port": free_port(socket.SOCK_DGRAM),
            "ami_port": free_port(),
            "agi_port": free_port(),
            "agi_port_next": free_port(),
            "redis_port": free_port(),
            "web_port": free_port(),
            "metrics_port": free_port(),
            "web_metrics_port": free_port(),
            "rtp_start": rtp,
            "rtp_end": rtp + 998,
        } | overrides
        self.folder = folder
        self.settings: Settings = settings_module.load(**values)
        self.environment = {key: v for key, v in os.environ.items() if not key.startswith("HOTLINE_")}
        for name in ("RUNTIME", "CACHE_DIR"):
            if f"HOTLINE_{name}" in os.environ:
                self.environment[f"HOTLINE_{name}"] = os.environ[f"HOTLINE_{name}"]
        self.environment |= {f"HOTLINE_{key.upper()}": str(value) for key, value in values.items()}
        self.watched_from = datetime.now(UTC)  # tests look at calls since then
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def page(self) -> str:
        """Address of the web page."""
        return f"http://127.0.0.1:{self.settings.web_port}"

    @property
    def server(self) -> str:
        """host:port phones call."""
        return f"127.0.0.1:{self.settings.sip_port}"

    def cli(self, *arguments: str, check: bool = True, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Run an `ivr` command for this hotline."""
        run = subprocess.run(
            [sys.executable, "-m", "ivr", *arguments],
            env=self.environment,
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if check and run.returncode:
            raise AssertionError(f"ivr {' '.join(arguments)} ended with {run.returncode}:\n{run.stdout}{run.stderr}")
        return run

    def start(self) -> Hotline:
        """Set up and start everything; returns when a controller is ready for calls."""
        self.cli("setup", timeout_s=300)
        self.spawn("redis", "native", "redis")
        self.spawn("asterisk", "native", "asterisk")
        self.start_controller()
        return self

    def spawn(self, name: str, *arguments: str, **extra: str) -> subprocess.Popen[bytes]:
        """Start one part, its output in <folder>/<name>.log."""
        with (self.folder / f"{name}.log").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "ivr", *arguments],
                env=self.environment | extra,
                cwd=PROJECT,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.processes[name] = process
        return process

    def start_controller(
        self, name: str = "controller", timeout_s: float = 30, **extra: str
    ) -> subprocess.Popen[bytes]:
        """Start a controller and wait for its ready line."""
        log = self.folder / f"{name}.log"
        before = log.stat().st_size if log.exists() else 0
        process = self.spawn(name, "serve", **extra)
        ends = time.monotonic() + timeout_s
        while time.monotonic() < ends:
            if b"ready: dial" in log.read_bytes()[before:]:
                return process
            if process.poll() is not None:
                break
            select.select([], [], [], 0.05)
        raise AssertionError(
            f"controller not ready:\n{log.read_text()[-3000:]}\n{self.tail('asterisk')}{self.tail('redis')}"
        )

    def start_web(self, timeout_s: float = 30, **extra: str) -> subprocess.Popen[bytes]:
        """Start the web process and wait until it answers."""
        process = self.spawn("web", "web", **extra)
        ends = time.monotonic() + timeout_s
        while time.monotonic() < ends and process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.page}/login", timeout=5) as answer:
                if answer.status == 200:
                    return process
            select.select([], [], [], 0.05)
        raise AssertionError(f"the page does not answer:\n{self.tail('web')}")

    def tail(self, name: str, size: int = 2000) -> str:
        """Return the end of a part's output."""
        log = self.folder / f"{name}.log"
        return f"--- {name}\n{log.read_text(errors='replace')[-size:]}\n" if log.exists() else ""

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a part."""
        os.kill(self.processes[name].pid, number)

    def kill(self, name: str) -> None:
        """kill -9 a part and wait until it is gone."""
        self.signal(name, signal.SIGKILL)
        self.processes[name].wait(10)

    def stop(self) -> None:
        """End every part: page and controller first, at worst by force."""
        for name in sorted(self.processes, key=lambda n: ["web", "con", "ast", "red"].index(n[:3])):
            process = self.processes[name]
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.terminate()
            try:
                process.wait(8)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
