"""A SIP phone of a few lines, to say exactly what a test wants said on the wire: odd headers, keys, silence.

One asyncio UDP socket for SIP and one for RTP (G.711). No retransmissions: loopback only. Real phones with
ears and voices are in ivr/phone; load comes from tests/support/sipp.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import re
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

Address = tuple[str, int]
KEYS = "0123456789*#"
_numbers = itertools.count(1)


@dataclass
class Message:
    """One SIP message. Header names in lower case; `first` is the start line."""

    first: str
    headers: dict[str, str]
    body: str

    @property
    def status(self) -> int:
        """Status of a response, 0 of a request."""
        return int(self.first.split()[1]) if self.first.startswith("SIP/2.0") else 0

    @property
    def method(self) -> str:
        """Method the message belongs to."""
        return self.headers["cseq"].split()[1]


def parse(data: bytes) -> Message:
    """Read one message off the wire."""
    head, _, body = data.decode(errors="replace").partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers: dict[str, str] = {}
    for name, _, value in (line.partition(":") for line in lines):
        headers.setdefault(name.strip().lower(), value.strip())
    return Message(first, headers, body)


@dataclass
class Leg:
    """One dialogue of a phone: a call it made or was offered."""

    phone: SipPhone
    call_id: str
    local: str
    remote: str
    target: str
    invite: Message | None = None
    request: str = ""
    cseq: int = 1
    responses: list[Message] = field(default_factory=list)
    final: asyncio.Future[Message] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    media: Address | None = None

    async def status(self, timeout_s: float = 10.0) -> int:
        """Return the final status of the INVITE."""
        return (await asyncio.wait_for(asyncio.shield(self.final), timeout_s)).status

    def answer(self) -> None:
        """Take an offered call."""
        assert self.invite is not None
        self.phone.respond(self.invite, "200 OK", tag=True, sdp=True)

    def refuse(self, status: str) -> None:
        """Refuse an offered call, e.g. '486 Busy Here'."""
        assert self.invite is not None
        self.phone.respond(self.invite, status, tag=True)

    def hang_up(self) -> None:
        """Send BYE."""
        self.cseq += 1
        self.phone.send_request("BYE", self.target, self.local, self.remote, self.call_id, self.cseq)
        self.ended.set()

    def cancel(self) -> None:
        """Give up an unanswered call."""
        lines = self.request.split("\r\n")
        same = ("via:", "from:", "to:", "call-id:", "max-forwards:")
        kept = [line for line in lines if line.lower().startswith(same)]
        self.phone.send("\r\n".join([lines[0].replace("INVITE", "CANCEL", 1), *kept, "CSeq: 1 CANCEL",
                                     "Content-Length: 0", "", ""]))

    def press(self, keys: str) -> None:
        """Send keys as RFC 4733 events, 100 ms each."""
        asyncio.ensure_future(self._press(keys))  # noqa: RUF006

    async def _press(self, keys: str) -> None:
        assert self.media is not None
        for key in keys:
            self.phone.stamp += 1600
            for step in range(8):
                payload = struct.pack("!BBH", KEYS.index(key), 10 | (0x80 if step >= 5 else 0), min(step + 1, 6) * 160)
                self.phone.send_rtp(101, self.phone.stamp, payload, self.media, marker=step == 0)
                await asyncio.sleep(0.02 if step < 5 else 0)
            await asyncio.sleep(0.08)


class SipPhone(asyncio.DatagramProtocol):
    """A phone; make one with `sip_phone`. `offered` receives the legs of calls to it."""

    def __init__(self, server: Address, user: str) -> None:
        self.server, self.user = server, user
        self.legs: dict[str, Leg] = {}
        self.offered: asyncio.Queue[Leg] = asyncio.Queue()
        self.answers: dict[str, asyncio.Future[Message]] = {}
        self.heard = bytearray()
        self.packets = 0
        self.sequence, self.stamp = 1, 8000
        self.transport: Any = None
        self.rtp: Any = None
        self.here: Address = ("", 0)
        self.rtp_port = 0

    def connection_made(self, transport: Any) -> None:
        self.transport, self.here = transport, transport.get_extra_info("sockname")

    def datagram_received(self, data: bytes, address: Address) -> None:
        if data.strip(b"\r\n\0"):
            message = parse(data)
            if message.status:
                self._response(message)
            else:
                self._request(message)

    # -- what a test does

    def call(self, number: str, *, sender: str | None = None, extra: str = "") -> Leg:
        """Send an INVITE. sender  the whole From header without its tag.  extra  more header lines."""
        call_id, tag = f"c{next(_numbers)}x{id(self)}", f"t{next(_numbers)}"
        uri = f"sip:{number}@{self.server[0]}:{self.server[1]}"
        local = f"{sender or f'<sip:{self.user}@127.0.0.1>'};tag={tag}"
        leg = Leg(self, call_id, local, f"<{uri}>", uri)
        self.legs[call_id] = leg
        leg.request = self.send_request("INVITE", uri, local, f"<{uri}>", call_id, 1, sdp=True, extra=extra)
        return leg

    def call_with(self, number: str, challenge: Message, password: str) -> Leg:
        """Send an INVITE that answers a 401."""
        uri = f"sip:{number}@{self.server[0]}:{self.server[1]}"
        return self.call(number, extra=f"Authorization: {_digest(challenge, 'INVITE', uri, self.user, password)}\r\n")

    async def register(self, password: str, *, user: str | None = None, expires: int = 300,
                       call_id: str = "") -> int:
        """Register, answering the challenge; return the final status."""
        user = user or self.user
        uri = f"sip:{self.server[0]}:{self.server[1]}"
        call_id, authorization, status = call_id or f"r{next(_numbers)}x{id(self)}", "", 0
        for cseq in (1, 2):
            extra = f"Expires: {expires}\r\n{authorization}"
            address = f"<sip:{user}@{self.server[0]}>"
            self.answers[call_id] = asyncio.get_running_loop().create_future()
            self.send_request("REGISTER", uri, f"{address};tag=r", address, call_id, cseq, extra=extra)
            answer = await asyncio.wait_for(self.answers[call_id], 5)
            status = answer.status
            if status != 401:
                break
            authorization = f"Authorization: {_digest(answer, 'REGISTER', uri, user, password)}\r\n"
        return status

    # -- the wire

    def send(self, text: str) -> None:
        """Put one message on the wire as it is."""
        self.transport.sendto(text.encode("latin-1"), self.server)

    def send_request(self, method: str, uri: str, local: str, remote: str, call_id: str, cseq: int, *,
                     sdp: bool = False, extra: str = "") -> str:
        """Send a request and return its text."""
        body = self._sdp() if sdp else ""
        here = f"{self.here[0]}:{self.here[1]}"
        text = (f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {here};rport;branch=z9hG4bK{next(_numbers)}x{id(self)}\r\n"
                f"Max-Forwards: 70\r\nFrom: {local}\r\nTo: {remote}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n"
                f"Contact: <sip:{self.user}@{here}>\r\n{extra}"
                + ("Content-Type: application/sdp\r\n" if body else "") + f"Content-Length: {len(body)}\r\n\r\n{body}")
        self.send(text)
        return text

    def respond(self, request: Message, status: str, *, tag: bool = False, sdp: bool = False) -> None:
        """Send a response."""
        h, body = request.headers, self._sdp() if sdp else ""
        to = h["to"] + (";tag=phone" if tag and ";tag=" not in h["to"] else "")
        self.send(f"SIP/2.0 {status}\r\nVia: {h['via']}\r\nFrom: {h['from']}\r\nTo: {to}\r\n"
                  f"Call-ID: {h['call-id']}\r\nCSeq: {h['cseq']}\r\n"
                  f"Contact: <sip:{self.user}@{self.here[0]}:{self.here[1]}>\r\n"
                  + ("Content-Type: application/sdp\r\n" if body else "")
                  + f"Content-Length: {len(body)}\r\n\r\n{body}")

    def send_rtp(self, kind: int, stamp: int, payload: bytes, to: Address, *, marker: bool = False) -> None:
        """Send one RTP packet."""
        self.sequence += 1
        header = struct.pack("!BBHII", 0x80, kind | (0x80 if marker else 0), self.sequence & 0xFFFF, stamp, 4711)
        self.rtp.sendto(header + payload, to)

    def _sdp(self) -> str:
        return (f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                f"m=audio {self.rtp_port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n"
                "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\n")

    def _response(self, message: Message) -> None:
        call_id = message.headers["call-id"]
        if message.method == "REGISTER" and not self.answers[call_id].done():
            self.answers[call_id].set_result(message)
        leg = self.legs.get(call_id)
        if leg is None or message.method != "INVITE":
            return
        leg.responses.append(message)
        if media := re.search(r"m=audio (\d+)", message.body):
            leg.media = ("127.0.0.1", int(media[1]))
        if message.status >= 200:
            leg.remote = message.headers["to"]
            if message.status < 300 and (contact := re.search(r"<([^>]+)>", message.headers.get("contact", ""))):
                leg.target = contact[1]
            self.send_request("ACK", leg.target, leg.local, leg.remote, call_id, leg.cseq)
            if not leg.final.done():
                leg.final.set_result(message)

    def _request(self, message: Message) -> None:
        call_id = message.headers["call-id"]
        leg = self.legs.get(call_id)
        if message.method == "INVITE" and leg is None:
            h = message.headers
            contact = re.search(r"<([^>]+)>", h["contact"])
            leg = Leg(self, call_id, h["to"] + ";tag=phone", h["from"], contact[1] if contact else "", message)
            if media := re.search(r"m=audio (\d+)", message.body):
                leg.media = ("127.0.0.1", int(media[1]))
            self.legs[call_id] = leg
            self.respond(message, "180 Ringing", tag=True)
            self.offered.put_nowait(leg)
        elif message.method in ("BYE", "CANCEL", "OPTIONS"):
            self.respond(message, "200 OK", tag=message.method == "CANCEL")
            if leg and message.method == "BYE":
                leg.ended.set()
            elif leg and message.method == "CANCEL":
                leg.refuse("487 Request Terminated")
                leg.cancelled.set()


class _Rtp(asyncio.DatagramProtocol):
    def __init__(self, phone: SipPhone) -> None:
        self.phone = phone

    def datagram_received(self, data: bytes, address: Address) -> None:
        if data[1] & 0x7F in (0, 8):
            self.phone.packets += 1
            self.phone.heard += data[12:]


@contextlib.asynccontextmanager
async def sip_phone(server: Address, user: str = "48221234567") -> AsyncIterator[SipPhone]:
    """A phone on free ports of 127.0.0.1 that talks to `server`."""
    loop = asyncio.get_running_loop()
    phone = SipPhone(server, user)
    await loop.create_datagram_endpoint(lambda: phone, local_addr=("127.0.0.1", 0))
    phone.rtp, _ = await loop.create_datagram_endpoint(lambda: _Rtp(phone), local_addr=("127.0.0.1", 0))
    phone.rtp_port = phone.rtp.get_extra_info("sockname")[1]
    try:
        yield phone
    finally:
        for leg in phone.legs.values():
            if leg.invite is None and not leg.final.done():
                leg.cancel()
                await asyncio.wait([leg.final], timeout=2)
            if leg.invite is None and leg.final.done() and leg.final.result().status == 200 and not leg.ended.is_set():
                leg.hang_up()
        phone.transport.close()
        phone.rtp.close()


def _digest(challenge: Message, method: str, uri: str, user: str, password: str) -> str:
    """Answer a digest challenge (RFC 2617, qop=auth)."""
    fields = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge.headers["www-authenticate"]))

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    secret = md5(f"{user}:{fields['realm']}:{password}")
    response = md5(f"{secret}:{fields['nonce']}:00000001:abc:auth:{md5(f'{method}:{uri}')}")
    return (f'Digest username="{user}", realm="{fields["realm"]}", nonce="{fields["nonce"]}", uri="{uri}", '
            f'response="{response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="abc"'
            + (f', opaque="{fields["opaque"]}"' if "opaque" in fields else ""))
