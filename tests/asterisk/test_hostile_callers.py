"""What callers can put into SIP reaches neither a command, a log line of its own, nor another call.

First against the product's own FastAGI server, which tells what the header block held; then against a whole
hotline, whose log and other calls are watched meanwhile. `test_entry` has the plain forms of caller numbers.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ivr.agi.channel import Channel
from ivr.agi.protocol import KNOWN_HEADERS
from ivr.agi.server import AgiServer
from ivr.errors import CallEnded
from tests.asterisk.test_hardening import fail2ban_hosts
from tests.support.asterisk import RealAsterisk
from tests.support.hotline import Hotline
from tests.support.sip import Leg, SipPhone, sip_phone
from tests.support.wait import until

pytestmark = pytest.mark.real

MARK = "PWNED"  # in every attack; where it shows up, the attack got through
DROPPED_S = 0.4  # no answer after this: the SIP parser dropped the packet
PLAIN = "<sip:601999888@example.org>"
LINES = f"%0d%0aagi_network_script%3a%20{MARK}%0d%0aagi_arg_1%3a%20{MARK}%0d%0a%0d%0a"
MANAGER = f"\\r\\nAction: Hangup\\r\\nChannel: {MARK}\\r\\n\\r\\n"
BAN = "[2026-01-01 00:00:00] WARNING[1] res_pjsip_acl.c: Incoming SIP message from 192.0.2.9:1 did not pass ACL test"
FORGED = "100%0d%0a" + "".join(f"%{ord(sign):02x}" for sign in BAN) + "%0d%0a"
FULL_WIDTH = "%EF%BC%91%EF%BC%92%EF%BC%93"


@dataclass(frozen=True)
class Attack:
    """One call. number  what is left of its From for the controller, None when Asterisk answers `status` or nothing."""

    name: str
    number: str | None = "601999888"
    sender: str = PLAIN
    dialled: str = "100"
    call_id: str = ""
    contact: str = ""
    extra: str = ""
    status: tuple[int, ...] = ()


ATTACKS = [
    Attack("escaped line ends in the number", "", f"<sip:601{LINES}@example.org>"),
    Attack("escaped line ends around digits", "601", "<sip:601%0d%0a%0d%0a@example.org>"),
    Attack("AGI look-alike as display name", sender=f'"agi_network_script: {MARK}" {PLAIN}'),
    Attack("AMI look-alike as display name", sender=f'"Action: Hangup{MANAGER}" {PLAIN}'),
    Attack("AGI reply as display name", sender=f'"200 result=-1 ({MARK}) HANGUP" {PLAIN}'),
    Attack("expressions in the display name", sender=f'"${{SHELL(echo {MARK})}}$[1+1]${{HOTLINE_AGI_TOKEN}}" {PLAIN}'),
    Attack("a line end that is not escaped", None, f"<sip:601\nagi_arg_1: {MARK}@example.org>"),
    Attack("expressions in the number", "", f"<sip:$%7bSHELL(echo+{MARK})%7d@example.org>"),
    Attack("quotes and commas in the display name", sender=f'"a\\",{MARK},\\"b|c\\\\" {PLAIN}'),
    Attack("bytes that are no UTF-8", sender=f'"\xff\xfe\x80{MARK}" {PLAIN}'),
    Attack("full-width digits", "", f"<sip:{FULL_WIDTH}@example.org>"),
    Attack("full-width digits after plain ones", "48", f"<sip:48{FULL_WIDTH}@example.org>"),
    Attack("letters", "", f"<sip:{MARK}601999888@example.org>"),
    Attack("a number of 200 digits", "7" * 20, f"<sip:{'7' * 200}@example.org>"),
    Attack("plus signs everywhere", "+601999", "<sip:+601+999+@example.org>"),
    Attack("a shell's signs", "601", "<sip:601;id=%60id%60&999@example.org>"),
    Attack("escaped NUL", "601", "<sip:601%00999@example.org>"),
    Attack("hostile Call-ID", call_id=f"agi_arg_1:{MARK}<>\"{{}}%0d%0a@[::1]"),
    Attack("Call-ID of 400 signs", call_id="c" * 400),
    Attack("hostile Contact", contact="x%0d%0aAction%3a%20Hangup%0d%0a"),
    Attack("hostile User-Agent", extra=f"User-Agent: ${{SHELL({MARK})}} \xff\x1b[31m agi_arg_1: {MARK}\r\n"),
    Attack("asserted identity", extra=f'P-Asserted-Identity: "agi_x: {MARK}" <sip:{MARK}@h>\r\n'),
    Attack("remote party", extra=f'Remote-Party-ID: "{MARK}" <sip:1@h>\r\n'),
    Attack("diversion", extra=f'Diversion: "{MARK}" <sip:9@h>\r\n'),
    Attack("variables by header", extra=f"X-HOTLINE_DONE: {MARK}\r\nHOTLINE_DONE: {MARK}\r\nagi_arg_1: {MARK}\r\n"),
    Attack("raw control characters", sender=f'"\x01\x08\x1b[2J{MARK}" {PLAIN}'),
    Attack("header of 3 kB", extra=f"X-Long: {MARK * 600}\r\n"),
    Attack("header of 60 kB", extra=f"X-Long: {MARK * 12000}\r\n"),
    Attack("display name of 3 kB", sender=f'"{MARK * 600}" {PLAIN}'),
    Attack("dialled: escaped line ends", None, dialled=f"100{LINES}", status=(404, 484)),
    Attack("dialled: a line for fail2ban", None, dialled=FORGED, status=(404, 484)),
    Attack("dialled: expression", None, dialled=f"$%7bSHELL({MARK})%7d", status=(404, 484)),
    Attack("dialled: full-width", None, dialled="%EF%BC%91%EF%BC%90%EF%BC%90", status=(404, 484)),
    Attack("dialled: 2000 digits", None, dialled="1" * 2000, status=(404, 414, 484)),
    Attack("dialled: bytes that are no UTF-8", None, dialled="100%ff%fe", status=(404, 484)),
]


def attack(phone: SipPhone, how: Attack) -> Leg:
    """Send the attack's INVITE."""
    user, phone.user = phone.user, how.contact or phone.user
    try:
        if not how.call_id:
            return phone.call(how.dialled, sender=how.sender, extra=how.extra)
        uri = f"sip:{how.dialled}@{phone.server[0]}:{phone.server[1]}"
        leg = Leg(phone, how.call_id, f"{how.sender};tag=h{len(phone.legs)}", f"<{uri}>", uri)
        phone.legs[how.call_id] = leg
        leg.request = phone.send_request(
            "INVITE", uri, leg.local, leg.remote, how.call_id, 1, sdp=True, extra=how.extra,
        )
        return leg
    finally:
        phone.user = user


@dataclass
class Arrivals:
    """What the product's FastAGI server received, in order."""

    headers: asyncio.Queue[tuple[Mapping[str, str], bool]] = field(default_factory=asyncio.Queue)

    async def take(self, channel: Channel) -> None:
        """Note the header block, answer, and let the call end."""
        self.headers.put_nowait((dict(channel.headers), channel.tainted))
        with contextlib.suppress(CallEnded):
            await channel.answer()
            await channel.set_variable("HOTLINE_DONE", "1")


@pytest.fixture
async def arrivals(pbx: RealAsterisk) -> AsyncIterator[Arrivals]:
    """The product's own FastAGI server on the controller's port."""
    found = Arrivals()
    server = AgiServer(token=pbx.secrets.agi_token, handler=found.take)
    await server.start("127.0.0.1", pbx.settings.agi_port)
    yield found
    await server.close()


@pytest.mark.parametrize("how", ATTACKS, ids=lambda how: how.name)
async def test_hostile_text_changes_no_header_block(
    pbx: RealAsterisk, caller: SipPhone, arrivals: Arrivals, how: Attack,
) -> None:
    """The controller gets the keys it knows, once each, a filtered number, and nothing the caller wrote."""
    leg = attack(caller, how)
    if how.number is None:
        refused = 0
        with contextlib.suppress(TimeoutError):
            refused = await leg.status(DROPPED_S)

        assert refused in (how.status or (0, 400, 413, 513))
        assert arrivals.headers.empty()
        return
    headers, tainted = await asyncio.wait_for(arrivals.headers.get(), 5)
    await leg.status()

    assert not tainted
    assert {key for key in headers if not key.startswith("agi_arg_")} <= KNOWN_HEADERS
    assert [key for key in headers if key.startswith("agi_arg_")] == [f"agi_arg_{n}" for n in range(1, 6)]
    assert (headers["agi_arg_1"], headers["agi_arg_2"], headers["agi_arg_3"]) == ("100", how.number, "1")
    assert (headers["agi_callerid"], headers["agi_calleridname"]) == (how.number or "unknown", "unknown")
    assert MARK not in str({key: value for key, value in headers.items() if key != "agi_network_script"})
    assert headers["agi_network_script"] == f"{pbx.secrets.agi_token}/call"


def test_no_line_of_asterisks_logs_is_the_callers(pbx: RealAsterisk) -> None:
    """After all of it every line of every log begins with its date, and nobody was named to fail2ban."""
    lines = [line for name in ("messages.log", "security.log") for line in pbx.log(name).splitlines() if line]
    own = re.compile(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] ([A-Z]+\[\d+\]|Asterisk 2)")

    assert [] == [line for line in lines if not own.match(line)]
    assert set() == fail2ban_hosts("\n".join(lines))
    assert {"192.0.2.9"} == fail2ban_hosts(BAN)  # it would have worked
    assert pbx.process.poll() is None


@pytest.fixture(scope="module")
def hotline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hotline]:
    """A whole hotline with its real controller."""
    running = Hotline(tmp_path_factory.mktemp("hostile"))
    try:
        yield running.start()
    finally:
        running.stop()


async def test_a_controller_under_attack_serves_the_others(hotline: Hotline) -> None:
    """All attacks at once: a call in progress is not cut, no log line is theirs, the next call is answered."""
    server = ("127.0.0.1", hotline.settings.sip_port)
    async with sip_phone(server, "48601999777") as good, sip_phone(server) as bad, sip_phone(server) as later:
        talk = good.call("100")
        assert await talk.status() == 200
        await until(lambda: good.packets > 10, what="sound")
        legs = [attack(bad, how) for how in ATTACKS]
        answered = [leg for how, leg in zip(ATTACKS, legs, strict=True) if how.number is not None]
        assert {200} == {await leg.status() for leg in answered}
        before = good.packets
        await until(lambda: good.packets > before + 25, what="half a second of sound for the other call")
        for leg in answered:
            leg.hang_up()
        after = later.call("100")

        assert not talk.ended.is_set()
        assert await after.status() == 200
    await until(lambda: log_of(hotline).count("disposition=") >= len(answered) + 2, what="every call's line")
    check_log(log_of(hotline))
    listed = hotline.cli("call", "list", "--last", "100", "--reveal").stdout

    assert MARK not in listed
    assert len(answered) + 2 == len(listed.splitlines()) - 1
    assert all(line.isprintable() for line in listed.replace("\t", " ").splitlines())


def log_of(hotline: Hotline) -> str:
    """Return what the controller has logged, as the bytes say."""
    return (hotline.folder / "controller.log").read_bytes().decode("utf-8")


def check_log(log: str) -> None:
    """Every line is the controller's own, printable, and without the attackers' text."""
    own = re.compile(r"\d\d:\d\d:\d\d\.\d+ \[|ready: |INFO:|WARNING:|ERROR:")
    foreign = [line for line in log.splitlines() if not own.match(line) or not line.isprintable()]

    assert [] == foreign
    assert MARK not in log
    assert "Traceback" not in log


def test_the_log_is_checked_line_by_line() -> None:
    """The check above would notice."""
    with pytest.raises(AssertionError):
        check_log("12:00:00.000001 [info     ] call\nAction: Hangup\n")


def test_nothing_ran(hotline: Hotline) -> None:
    """All three processes are those that were started."""
    assert dict.fromkeys(hotline.processes) == {name: p.poll() for name, p in hotline.processes.items()}
    assert not list(Path(hotline.folder).rglob(f"*{MARK}*"))
