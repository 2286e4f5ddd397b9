"""`make run` as a person meets it: one ready line, one clear line per trouble, and nothing left when it ends."""

from __future__ import annotations

import asyncio
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ivr.phone.phone import Phones
from ivr.settings import PROJECT
from tests.support.hotline import Hotline
from tests.support.terminal import heeds_signals

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]

SET_UP_S = 300.0  # prompts may have to be rendered
END_S = 25.0  # parts have 10 s to end; three test runs share two cores


class Run:
    """One `make run` in a session of its own, its output in a file. Leave nothing behind: `end()`.

    terminal  a terminal to run it on instead, below a shell that dies with it, as terminals' shells do.
    """

    def __init__(self, hotline: Hotline, name: str = "run", terminal: int | None = None) -> None:
        self.hotline, self.log = hotline, hotline.folder / f"{name}.log"
        self.began = time.monotonic()
        command = ["make", "run"] if terminal is None else ["/bin/sh", "-c", "make run; true"]

        def begin() -> None:
            heeds_signals()
            if terminal is not None:
                os.login_tty(terminal)

        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                command, cwd=PROJECT, env=hotline.environment, stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, start_new_session=terminal is None,
                preexec_fn=begin,
            )
        self.seen: set[psutil.Process] = set()

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_ready(self, times: int = 1, timeout_s: float = SET_UP_S) -> float:
        """Return after how many seconds the ready line was there `times` times."""
        self.wait(lambda: self.output.count("ready: dial") >= times, timeout_s, f"ready line no. {times}")
        self.seen |= set(psutil.Process(self.process.pid).children(recursive=True))
        return time.monotonic() - self.began

    def wait(self, true: Callable[[], object], timeout_s: float, what: str) -> None:
        """Wait until `true()`, failing at once when `make run` ends before."""
        ends = time.monotonic() + timeout_s
        while not true():
            assert self.process.poll() is None, f"make run ended before {what}:\n{self.output}"
            assert time.monotonic() < ends, f"no {what} within {timeout_s} s:\n{self.output}"
            pause(0.05)

    def parts(self, *words: str) -> list[psutil.Process]:
        """Return the running parts whose command line holds all `words`, not counting shells."""
        return [each for each in psutil.Process(self.process.pid).children(recursive=True)
                if all(word in command_line(each) for word in words) and not command_line(each).startswith("/bin/sh")]

    def part(self, *words: str) -> psutil.Process:
        """Return the one such part."""
        found = self.parts(*words)
        assert len(found) == 1, [command_line(each) for each in found]
        return found[0]

    def signal(self, number: signal.Signals) -> float:
        """Signal the foreground process group, as a terminal does; return seconds until `make` ended."""
        began = time.monotonic()
        os.killpg(self.process.pid, number)
        self.process.wait(END_S)
        return time.monotonic() - began

    def left(self) -> list[str]:
        """Return the processes of this hotline that still run, as command lines."""
        var = str(self.hotline.settings.var_dir)
        mine = [each for each in psutil.process_iter() if each in self.seen or belongs_to(each, var)]
        return [command_line(each) for each in mine if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]

    def wait_gone(self) -> None:
        """Wait until no process of this hotline runs."""
        ends = time.monotonic() + END_S
        while self.left():
            assert time.monotonic() < ends, self.left()
            pause(0.1)

    def end(self) -> None:
        """End everything, at worst by force and each by its id."""
        if self.process.poll() is None:
            self.seen |= set(psutil.Process(self.process.pid).children(recursive=True))
            self.process.terminate()
            try:
                self.process.wait(END_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        for each in self.seen:
            if each.is_running():
                each.kill()


def pause(seconds: float) -> None:
    """Let other processes run."""
    select.select([], [], [], seconds)


def command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def belongs_to(process: psutil.Process, var: str) -> bool:
    try:
        return var in command_line(process) or process.environ().get("HOTLINE_VAR") == var
    except psutil.Error:
        return False


def lines_for_people(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("ivr: ")]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A `make run` that is ready."""
    running = Run(Hotline(tmp_path_factory.mktemp("make")))
    try:
        running.wait_ready()
        running.wait(lambda: "ready: page" in running.output, 60, "the page's ready line")
        yield running
    finally:
        running.end()


def make_run(hotline: Hotline) -> subprocess.CompletedProcess[str]:
    """Run `make run` where it is expected to end by itself."""
    return subprocess.run(["make", "run"], cwd=PROJECT, env=hotline.environment, capture_output=True, text=True,
                          timeout=60, check=False)


def test_a_call_is_answered_once_it_is_ready(run: Run) -> None:
    """The one ready line tells the address; a phone that dials it is answered."""
    async def dial() -> bool:
        async with Phones(run.hotline.server) as phones:
            call = await phones.call("100", from_number="+48601999888")
            answered = await call.wait_answered(8)
            await call.hang_up()
            return answered

    ready = [line for line in run.output.splitlines() if "ready: dial" in line]
    assert len(ready) == 1
    assert f"sip:100@{run.hotline.server} " in ready[0]
    assert asyncio.run(dial())


def test_a_second_run_on_the_same_ports_names_each_and_its_setting(run: Run) -> None:
    """One line per port that is taken, status not 0, within seconds, and the first hotline does not notice."""
    second = make_run(run.hotline)

    conf = run.hotline.settings
    lines = lines_for_people(second.stderr)
    assert second.returncode != 0
    assert "Traceback" not in second.stderr
    for setting, port in (("HOTLINE_SIP_PORT", conf.sip_port), ("HOTLINE_AMI_PORT", conf.ami_port),
                          ("HOTLINE_AGI_PORT", conf.agi_port), ("HOTLINE_REDIS_PORT", conf.redis_port),
                          ("HOTLINE_WEB_PORT", conf.web_port)):
        assert 1 == sum(f"port {port} is taken" in line and f"set {setting} to" in line for line in lines), lines
    assert len(lines) == 5
    assert run.process.poll() is None


def test_one_taken_port_is_one_line(run: Run, tmp_path: Path) -> None:
    """Only the SIP port is taken: one line, nothing else."""
    second = make_run(Hotline(tmp_path, sip_port=run.hotline.settings.sip_port))

    assert len(lines_for_people(second.stderr)) == 1
    assert f"port {run.hotline.settings.sip_port} is taken" in second.stderr
    assert second.returncode != 0
    assert not (tmp_path / "var").exists()


def test_a_second_run_in_the_same_folder_is_refused(run: Run, tmp_path: Path) -> None:
    """Free ports but the same var folder: two would write one queue file, so it says which setting to change."""
    before = (run.hotline.settings.var_dir / "asterisk/etc/pjsip.conf").read_bytes()
    second = make_run(Hotline(tmp_path, var=run.hotline.settings.var_dir))

    lines = lines_for_people(second.stderr)
    assert len(lines) == 1
    assert str(run.hotline.settings.var_dir) in lines[0]
    assert "HOTLINE_VAR" in lines[0]
    assert second.returncode != 0
    assert before == (run.hotline.settings.var_dir / "asterisk/etc/pjsip.conf").read_bytes()
    assert run.process.poll() is None
    assert "stopped" not in run.output
    assert run.hotline.cli("doctor").returncode == 0


def test_a_killed_controller_is_started_again(run: Run) -> None:
    """kill -9 of the controller: ready again in seconds, Asterisk and Redis are the same processes."""
    asterisk, redis = run.part("usr/sbin/asterisk", "-C"), run.part("redis-server")
    old = run.part("ivr serve")
    old.kill()
    began = time.monotonic()
    run.wait_ready(times=2, timeout_s=20)
    print(f"controller ready again after {time.monotonic() - began:.1f} s")  # noqa: T201

    assert old != run.part("ivr serve")
    assert asterisk == run.part("usr/sbin/asterisk", "-C")
    assert redis == run.part("redis-server")
    assert "system     | asterisk stopped" not in run.output


@pytest.mark.parametrize(("words", "name"), [(("redis-server",), "redis"), (("usr/sbin/asterisk", "-C"), "asterisk")])
def test_a_killed_native_part_is_started_again(run: Run, words: tuple[str, ...], name: str) -> None:
    """kill -9 of Redis or Asterisk: it is back in seconds, the other part never ended, doctor is content."""
    others = {run.part("redis-server"), run.part("usr/sbin/asterisk", "-C")}
    old = run.part(*words)
    old.kill()
    began = time.monotonic()
    run.wait(lambda: old not in run.parts(*words) and run.parts(*words), 10, f"{name} again")
    run.wait(lambda: run.hotline.cli("doctor", check=False).returncode == 0, 30, "doctor content")
    print(f"{name} killed: all well again after {time.monotonic() - began:.1f} s")  # noqa: T201

    assert all(each.is_running() for each in others - {old})
    assert "system     | " + name + " stopped" not in run.output


def test_ctrl_c_ends_it_and_leaves_no_process_and_the_next_start_is_quick(run: Run) -> None:
    """SIGINT as Ctrl-C sends it: all gone within seconds, no traceback; the same command works again."""
    run.seen |= set(psutil.Process(run.process.pid).children(recursive=True))
    took = run.signal(signal.SIGINT)
    run.wait_gone()
    print(f"ended after {took:.1f} s")  # noqa: T201

    assert len(run.seen) >= 6
    assert run.process.returncode in (0, 130, -signal.SIGINT)
    assert "Traceback" not in run.output
    again = Run(run.hotline, "again")
    try:
        print(f"second start: ready after {again.wait_ready(timeout_s=30):.1f} s")  # noqa: T201
        again.signal(signal.SIGTERM)
        again.wait_gone()
        assert "Traceback" not in again.output
    finally:
        again.end()


def test_a_closed_terminal_ends_it_as_well(run: Run) -> None:
    """The window is closed: SIGHUP, and output has nowhere to go; still nothing is left."""
    if run.process.poll() is None:
        run.signal(signal.SIGINT)
    master, terminal = pty.openpty()
    closed = Run(run.hotline, "closed", terminal)
    os.close(terminal)
    try:
        text = read_until(master, b"ready: dial", 30)
        closed.seen |= set(psutil.Process(closed.process.pid).children(recursive=True))
        os.close(master)
        closed.process.wait(END_S)
        closed.wait_gone()
    finally:
        closed.end()

    assert b"Traceback" not in text


def read_until(terminal: int, wanted: bytes, timeout_s: float) -> bytes:
    """Read a terminal until `wanted` was written to it."""
    text, ends = b"", time.monotonic() + timeout_s
    while wanted not in text:
        assert select.select([terminal], [], [], max(0.0, ends - time.monotonic()))[0], text
        text += os.read(terminal, 65536)
    return text
