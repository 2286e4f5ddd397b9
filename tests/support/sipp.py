"""SIPp as callers and as agents without logic: load, refusals, phones nobody answers. Real SIP, no audio.

    stats = await call(server, "100", calls=50, rate=20, talk_ms=1000)
    async with agent(server, "user", "password", does=486) as phone: ...

Every run has a temporary folder of its own and ends with its process, by its own pid.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ivr.native import program
from tests.support.ports import free_port

Does = Literal["answer", "no_answer", 404, 480, 486, 503]
REASONS = {404: "Not Found", 480: "Temporarily Unavailable", 486: "Busy Here", 503: "Service Unavailable"}

SDP = """
      v=0
      o=sipp 1 1 IN IP[local_ip_type] [local_ip]
      s=-
      c=IN IP[media_ip_type] [media_ip]
      t=0 0
      m=audio [auto_media_port] RTP/AVP 0 101
      a=rtpmap:0 PCMU/8000
      a=rtpmap:101 telephone-event/8000
"""

INVITE_ONLY = f"""
  <send retrans="500" start_rtd="1"><![CDATA[
      INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      From: <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]c[call_number]
      To: <sip:[service]@[remote_ip]:[remote_port]>
      Call-ID: [call_id]
      CSeq: 1 INVITE
      Contact: <sip:caller@[local_ip]:[local_port]>
      Max-Forwards: 70
      Content-Type: application/sdp
      Content-Length: [len]
{SDP}  ]]></send>
  <recv response="100" optional="true"/>
"""
INVITE = f"""{INVITE_ONLY}
  <recv response="180" optional="true"/>
  <recv response="183" optional="true"/>
"""


def _in_dialog(method: str, cseq: int) -> str:
    return f"""
  <send{' retrans="500"' if method != "ACK" else ""}><![CDATA[
      {method} [next_url] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      From: <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]c[call_number]
      To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
      [routes]
      Call-ID: [call_id]
      CSeq: {cseq} {method}
      Contact: <sip:caller@[local_ip]:[local_port]>
      Max-Forwards: 70
      Content-Length: 0
  ]]></send>
"""


def _acknowledge(messages_since_invite: int) -> str:
    """Return the ACK of a refusal: it belongs to the INVITE's transaction (RFC 3261, 17.1.1.3)."""
    ack = _in_dialog("ACK", 1).replace("[branch]", f"[branch-{messages_since_invite}]")
    return ack.replace("[next_url]", "sip:[service]@[remote_ip]:[remote_port]")


def _reply(status: int, reason: str, *, tag: str = "", sdp: bool = False, retrans: bool = False) -> str:
    body = f"Content-Type: application/sdp\n      Content-Length: [len]\n{SDP}" if sdp else "Content-Length: 0\n"
    return f"""
  <send{' retrans="500"' if retrans else ""}><![CDATA[
      SIP/2.0 {status} {reason}
      [last_Via:]
      [last_From:]
      [last_To:]{tag}
      [last_Call-ID:]
      [last_CSeq:]
      [last_Record-Route:]
      Contact: <sip:[local_ip]:[local_port]>
      {body}  ]]></send>
"""


def _scenario(name: str, body: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="{name}">{body}</scenario>\n'


def caller(talk_ms: int | None, refused: int | None = None) -> str:
    """Return the scenario of a caller who hangs up after `talk_ms`, or waits for the far side to (None).

    refused  the status he is to be refused with instead of an answer.
    """
    if refused:
        ack = _acknowledge(messages_since_invite=5)
        return _scenario("refused", f'{INVITE}<recv response="{refused}" rtd="1"/>{ack}')
    begin = f'{INVITE}<recv response="200" rrs="true" rtd="1"/>{_in_dialog("ACK", 1)}'
    if talk_ms is None:
        return _scenario("caller-waits", f'{begin}<recv request="BYE"/>{_reply(200, "OK")}')
    return _scenario("caller", f'{begin}<pause milliseconds="{talk_ms}"/>{_in_dialog("BYE", 2)}<recv response="200"/>')


def patient(patience_ms: int) -> str:
    """Return the scenario of a caller who waits for the far side to hang up, and leaves after `patience_ms`."""
    begin = f'{INVITE}<recv response="200" rrs="true" rtd="1"/>{_in_dialog("ACK", 1)}'
    ended = _reply(200, "OK").replace("<send>", '<send next="2">')
    leaves = f'<label id="1"/>{_in_dialog("BYE", 2)}<recv response="200"/>'
    return _scenario(
        "patient", f'{begin}<recv request="BYE" timeout="{patience_ms}" ontimeout="1"/>{ended}{leaves}<label id="2"/>'
    )


def abandoner(ring_ms: int) -> str:
    """Return the scenario of a caller who gives up with CANCEL while it rings."""
    cancel = f"""
  <recv response="180"/>
  <pause milliseconds="{ring_ms}"/>
  <send retrans="500"><![CDATA[
      CANCEL sip:[service]@[remote_ip]:[remote_port] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-4]
      From: <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]c[call_number]
      To: <sip:[service]@[remote_ip]:[remote_port]>
      Call-ID: [call_id]
      CSeq: 1 CANCEL
      Max-Forwards: 70
      Content-Length: 0
  ]]></send>
  <recv response="200"/>
  <recv response="487" rtd="1"/>
"""
    return _scenario("abandoner", f"{INVITE_ONLY}{cancel}{_acknowledge(messages_since_invite=7)}")


def answering(does: Does) -> str:
    """Return the scenario of an agent's phone."""
    tag = ";tag=[pid]a[call_number]"
    ring = f'<recv request="INVITE"/>{_reply(180, "Ringing", tag=tag)}'
    if does == "no_answer":
        cancelled = _reply(487, "Request Terminated", tag=tag, retrans=True)
        return _scenario("rings", f'{ring}<recv request="CANCEL"/>{_reply(200, "OK")}{cancelled}<recv request="ACK"/>')
    if does == "answer":
        answer = _reply(200, "OK", tag=tag, sdp=True, retrans=True)
        return _scenario("answers", f'{ring}{answer}<recv request="ACK"/><recv request="BYE"/>{_reply(200, "OK")}')
    refuse = _reply(does, REASONS[does], tag=tag, retrans=True)
    return _scenario(f"refuses-{does}", f'<recv request="INVITE"/>{refuse}<recv request="ACK"/>')


def registering() -> str:
    """Return the scenario that registers a phone, with digest authentication."""

    def register(cseq: int, authentication: str) -> str:
        return f"""
  <send retrans="500"><![CDATA[
      REGISTER sip:[remote_ip]:[remote_port] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      From: <sip:[service]@[remote_ip]>;tag=[pid]r[call_number]
      To: <sip:[service]@[remote_ip]>
      Call-ID: [call_id]
      CSeq: {cseq} REGISTER
      Contact: <sip:[service]@[local_ip]:[local_port]>
      {authentication}Max-Forwards: 70
      Expires: 3600
      Content-Length: 0
  ]]></send>
"""

    password = "[authentication username=[service] password=[field0]]\n      "
    return _scenario(
        "register",
        f'{register(1, "")}<recv response="401" auth="true"/>{register(2, password)}<recv response="200"/>',
    )


@dataclass(frozen=True)
class Stats:
    """What SIPp counted. answer_ms  INVITE to final answer of each call, in order of completion."""

    created: int
    successful: int
    failed: int
    retransmissions: int
    answer_ms: tuple[float, ...] = ()
    columns: dict[str, str] = field(default_factory=dict, repr=False)

    def answer_percentile(self, share: float) -> float:
        """Return the answer time in ms below which `share` (0..1) of the calls stay; nan without any."""
        ordered = sorted(self.answer_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def parse_stats(folder: Path) -> Stats:
    """Read the files SIPp left in `folder`."""
    lines = (folder / "stats.csv").read_text().splitlines()
    rows = list(csv.DictReader(lines, delimiter=";"))
    last = {key: value for key, value in rows[-1].items() if key and isinstance(value, str)}
    rtt = next(iter(folder.glob("*_rtt.csv")), None)
    times = [line.split(";")[1] for line in rtt.read_text().splitlines()[1:]] if rtt else []
    return Stats(
        created=int(last["TotalCallCreated"]),
        successful=int(last["SuccessfulCall(C)"]),
        failed=int(last["FailedCall(C)"]),
        retransmissions=int(last["Retransmissions(C)"]),
        answer_ms=tuple(float(time) for time in times),
        columns=last,
    )


class Run:
    """One SIPp process in a folder of its own."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self.process, self.folder = process, folder

    async def wait(self, timeout_s: float) -> Stats:
        """Wait for the end and return the counts. Raises AssertionError when it ends with neither 0 nor 1."""
        code = await asyncio.wait_for(self.process.wait(), timeout_s)
        stats = self.folder / "stats.csv"
        assert code in (0, 1), f"sipp ended with {code}:\n{self.output()}"
        assert stats.exists(), f"sipp counted nothing:\n{self.output()}"
        return parse_stats(self.folder)

    def output(self) -> str:
        """Return the end of what SIPp printed and complained about."""
        errors = "".join(path.read_text(errors="replace") for path in self.folder.glob("*_errors.log"))
        return (self.folder / "output.log").read_text(errors="replace")[-2000:] + errors[-3000:]

    async def stop(self) -> None:
        """End it: softly, then by force."""
        for end in (self.process.terminate, self.process.kill):
            if self.process.returncode is not None:
                return
            with contextlib.suppress(ProcessLookupError):
                end()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), 2.0)


@contextlib.asynccontextmanager
async def running(scenario: str, *arguments: str, fields: Sequence[str] = ("-",)) -> AsyncIterator[Run]:
    """Run a scenario; the process and its folder are gone afterwards. fields  values of [field0], in turn."""
    with tempfile.TemporaryDirectory(prefix="sipp-") as name:
        folder = Path(name)
        (folder / "scenario.xml").write_text(scenario)
        (folder / "fields.csv").write_text("SEQUENTIAL\n" + "\n".join(fields) + "\n")
        with (folder / "output.log").open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *program("sipp"),
                *arguments,
                "-sf",
                "scenario.xml",
                "-inf",
                "fields.csv",
                "-i",
                "127.0.0.1",
                "-nostdin",
                "-trace_stat",
                "-stf",
                "stats.csv",
                "-fd",
                "1",
                "-trace_rtt",
                "-rtt_freq",
                "1",
                "-trace_err",
                cwd=folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        run = Run(process, folder)
        try:
            yield run
        finally:
            await run.stop()


async def call(
    server: str,
    number: str,
    *,
    calls: int = 1,
    rate: float = 10,
    talk_ms: int | None = 1000,
    from_numbers: Sequence[str] = ("+48221234567",),
    refused: int | None = None,
    scenario: str | None = None,
    timeout_s: float = 60,
) -> Stats:
    """Place `calls` calls, `rate` a second; returns when all are over.

    talk_ms  None waits for the far side to hang up.  refused  status the calls are expected to get instead.
    """
    arguments = (
        server,
        "-s",
        number,
        "-m",
        str(calls),
        "-r",
        f"{rate:g}",
        "-p",
        str(free_port(socket.SOCK_DGRAM)),
        "-timeout",
        f"{timeout_s:g}s",
        "-l",
        str(max(calls, 10)),
    )
    async with running(scenario or caller(talk_ms, refused), *arguments, fields=from_numbers) as run:
        return await run.wait(timeout_s + 5)


@contextlib.asynccontextmanager
async def agent(server: str, user: str, password: str | None, *, does: Does) -> AsyncIterator[Run]:
    """Register an agent's phone (no password: do not) and let it treat every call one way."""
    port = str(free_port(socket.SOCK_DGRAM))
    if password is not None:
        async with running(
            registering(), server, "-s", user, "-m", "1", "-p", port, "-timeout", "10s", fields=[password]
        ) as registration:
            stats = await registration.wait(15)
            assert stats.successful == 1, f"sipp could not register {user}:\n{registration.output()}"
    async with running(answering(does), server, "-s", user, "-p", port) as run:
        yield run
