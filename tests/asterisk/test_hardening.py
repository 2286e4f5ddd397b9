"""The rules of docs/security.md against the running server, one probe or more for each."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from pathlib import Path

import pytest

from ivr.settings import PROJECT
from tests.asterisk.conftest import ANN, BOB
from tests.support.agi_stub import Stub, agi_stub
from tests.support.ami import manager
from tests.support.asterisk import RealAsterisk, real_asterisk
from tests.support.sip import SipPhone, sip_phone
from tests.support.wait import until

pytestmark = pytest.mark.real

ALLOWED = [("Ping", {}), ("Status", {}), ("Getvar", {"Variable": "HOTLINE_AGI_PORT"}),
           ("Setvar", {"Variable": "X", "Value": "1"})]
REFUSED = [  # action, headers, what the answer says
    ("Command", {"Command": "core show channels"}, "Permission denied"),
    ("Originate", {"Channel": "PJSIP/ag-ann-4f1b9c", "Application": "Playback", "Data": "x"}, "Permission denied"),
    ("CoreShowChannels", {}, "Permission denied"),
    ("DBPut", {"Family": "a", "Key": "b", "Val": "c"}, "Permission denied"),
    ("GetConfig", {"Filename": "manager.conf"}, "Permission denied"),
    ("UpdateConfig", {"SrcFilename": "a", "DstFilename": "b"}, "Permission denied"),
    ("ModuleLoad", {"Module": "app_system.so", "LoadType": "load"}, "Permission denied"),
    ("Reload", {}, "Permission denied"),
    ("Filter", {"Operation": "Add", "Filter": "x"}, "Permission denied"),
    ("Setvar", {"Variable": "DB(a/b)", "Value": "1"}, "not set"),
    ("Setvar", {"Variable": "SHELL(id)", "Value": "1"}, "not set"),
    ("Setvar", {"Variable": "FILE(/tmp/x)", "Value": "1"}, "not set"),
]


def test_rule_1_only_listed_modules_run(pbx: RealAsterisk) -> None:
    """What runs is what modules.conf names, and all of it."""
    listed = set(re.findall(r"^require = (\S+)", (PROJECT / "asterisk-conf/modules.conf").read_text(), re.M))
    shown = pbx.console("module show")
    running = {line.split()[0] for line in shown.splitlines() if " Running " in line and ".so" in line}

    assert listed == running


def test_rule_1_starts_without_errors(pbx: RealAsterisk) -> None:
    """Every file of the configuration is understood."""
    start = pbx.log().partition("core")[0]

    assert "ERROR" not in "".join(line for line in start.splitlines() if "loader.c" in line or "config" in line)
    assert "WARNING" not in "".join(line for line in start.splitlines() if "pbx_config" in line or "config" in line)


def test_rule_2_dangerous_ways_are_closed(pbx: RealAsterisk) -> None:
    """No shell from the console, no exec in files; configuration and secrets for the owner only."""
    shown = pbx.console("core show settings")
    modes = {os.stat(f).st_mode & 0o777 for f in (pbx.settings.var_dir / "asterisk/etc").iterdir()}

    assert re.search(r"Executable includes:\s+Disabled", shown)
    assert re.search(r"Shell on remote consoles:\s+Disabled", shown)
    assert modes == {0o600}
    assert os.stat(pbx.settings.var_dir / "asterisk/secrets.json").st_mode & 0o777 == 0o600


@pytest.mark.parametrize("application", ["System", "TrySystem", "ExternalIVR", "Originate", "Queue", "ChanSpy"])
def test_rule_3_applications_that_run_programs_do_not_exist(pbx: RealAsterisk, application: str) -> None:
    """Neither a dialplan mistake nor a forged command can use them."""
    assert "Your application(s) is (are) not registered" in pbx.console(f"core show application {application}")


@pytest.mark.parametrize("function", ["SHELL", "ENV", "FILE", "CURL", "SYSINFO"])
def test_rule_3_functions_that_reach_outside_do_not_exist(pbx: RealAsterisk, function: str) -> None:
    """The same for functions."""
    assert "No function by that name" in pbx.console(f"core show function {function}")


async def test_rule_6_caller_text_is_not_evaluated(pbx: RealAsterisk, caller: SipPhone, controller: Stub) -> None:
    """Variables and expressions in SIP headers stay text and reach no variable of the call."""
    caller.call("100", sender='"${GLOBAL(HOTLINE_AGI_TOKEN)}$[1+1]" <sip:48221@example.org>')
    call = await controller.next()
    sent = {key: value for key, value in call.headers.items() if key not in ("agi_request", "agi_network_script")}

    assert pbx.secrets.agi_token not in str(sent)


def test_rule_7_manager_listens_on_loopback_only(pbx: RealAsterisk) -> None:
    """So does nothing else of this server over TCP."""
    listening = _listening(pbx.process.pid)

    assert listening == {("127.0.0.1", pbx.settings.ami_port)}


async def test_rule_7_one_session_per_user(pbx: RealAsterisk) -> None:
    """A second login of the same user is refused; the second controller has a user of its own."""
    async with manager(pbx):
        with pytest.raises(ConnectionRefusedError):
            async with manager(pbx):
                pass
        async with manager(pbx, "hotline-next", pbx.secrets.ami_next) as other:
            assert "Pong" in await other.action("Ping")


async def test_rule_7_wrong_secret_is_refused_and_noted(pbx: RealAsterisk) -> None:
    """The security log names the event."""
    with pytest.raises(ConnectionRefusedError):
        async with manager(pbx, secret="wrong"):
            pass
    await until(lambda: 'Service="AMI"' in pbx.log("security.log") and "InvalidPassword" in pbx.log("security.log"))


@pytest.mark.parametrize(("action", "headers"), ALLOWED)
async def test_rule_7_what_a_controller_may(pbx: RealAsterisk, action: str, headers: dict[str, str]) -> None:
    """Ask for channels and set variables."""
    async with manager(pbx) as ami:
        assert "Response: Success" in await ami.action(action, **headers)


@pytest.mark.parametrize(("action", "headers", "says"), REFUSED)
async def test_rule_7_what_a_controller_may_not(
    pbx: RealAsterisk, action: str, headers: dict[str, str], says: str,
) -> None:
    """Commands, configuration, modules, files, database, originating calls."""
    async with manager(pbx) as ami:
        answer = await ami.action(action, **headers)

    assert "Response: Error" in answer
    assert says in answer


async def test_rule_7_only_filtered_events_arrive(pbx: RealAsterisk, caller: SipPhone, controller: Stub) -> None:
    """Of a whole call a controller hears its hang-up, none of the rest."""
    async with manager(pbx) as ami:
        leg = caller.call("100")
        call = await controller.next()
        await call.command("EXEC Answer ,i")
        await leg.status()
        leg.hang_up()
        await ami.event("Hangup")

        assert {event["Event"] for event in ami.events} <= {"FullyBooted", "ContactStatus"}


async def test_rule_8_fastagi_is_called_on_loopback_with_the_token(
    pbx: RealAsterisk, caller: SipPhone, controller: Stub,
) -> None:
    """64 hexadecimal digits that only this var folder knows."""
    caller.call("100")
    call = await controller.next()

    assert call.headers["agi_network_script"] == f"{pbx.secrets.agi_token}/call"
    assert re.fullmatch(r"[0-9a-f]{64}", pbx.secrets.agi_token)


async def test_rule_9_wrong_password_does_not_register(pbx: RealAsterisk) -> None:
    """Nor does an unknown name; both raise security events."""
    async with sip_phone(("127.0.0.1", pbx.settings.sip_port), ANN.endpoint) as phone:
        assert await phone.register("wrong-password-000000") == 401
        assert await phone.register(ANN.password, user="ag-nobody-000000") in (401, 403, 404)
    await until(lambda: ANN.endpoint in pbx.log("security.log"))


async def test_rule_9_trunk_cannot_register(pbx: RealAsterisk) -> None:
    """The trunk's endpoint has no address of record."""
    async with sip_phone(("127.0.0.1", pbx.settings.sip_port), "48221") as phone:
        assert await phone.register("x", user="trunk") in (401, 403, 404)


async def test_rule_9_newest_registration_replaces_the_old(
    pbx: RealAsterisk, caller: SipPhone, controller: Stub,
) -> None:
    """One phone per agent: an offer never rings two."""
    server = ("127.0.0.1", pbx.settings.sip_port)
    async with sip_phone(server, BOB.endpoint) as old, sip_phone(server, BOB.endpoint) as new:
        assert await old.register(BOB.password) == 200
        assert await new.register(BOB.password) == 200
        caller.call("100")
        call = await controller.next()
        await call.command("EXEC Answer ,i")
        await call.command("SET AUTOHANGUP 0")
        call.ring(BOB.endpoint)
        (await asyncio.wait_for(new.offered.get(), 5)).refuse("486 Busy Here")
        await call.reply()
        await new.register(BOB.password, expires=0)

        assert old.offered.empty()


async def test_rule_10_strangers_are_refused(tmp_path: Path) -> None:
    """Calls and registrations from outside the networks: no channel, no controller, a line fail2ban finds."""
    async with (
        real_asterisk(tmp_path, phones=(ANN,), trunk_from="192.0.2.0/24", agent_from="198.51.100.0/24") as pbx,
        agi_stub(pbx.settings.agi_port) as stub,
        sip_phone(("127.0.0.1", pbx.settings.sip_port), ANN.endpoint) as phone,
    ):
        assert await phone.call("100").status() == 403
        assert await phone.register(ANN.password) == 403
        assert fail2ban_hosts(pbx.log()) == {"127.0.0.1"}
        assert stub.taken == 0


async def test_rule_10_an_agents_network_is_no_trunk(tmp_path: Path) -> None:
    """A call from agents' network without an agent's name is challenged; the second one is a security event."""
    async with (
        real_asterisk(tmp_path, phones=(ANN,), trunk_from="192.0.2.0/24") as pbx,
        agi_stub(pbx.settings.agi_port) as stub,
        sip_phone(("127.0.0.1", pbx.settings.sip_port), "48221") as phone,
    ):
        assert [await phone.call("100").status() for _ in range(3)] == [401, 401, 401]
        await until(lambda: "InvalidAccountID" in pbx.log("security.log"))
        assert stub.taken == 0


async def test_rule_11_strict_rtp_ignores_a_stranger(pbx: RealAsterisk, caller: SipPhone, controller: Stub) -> None:
    """Media from another port than the caller's is not taken for his after a moment of learning."""
    assert "strictrtp = yes" in (pbx.settings.var_dir / "asterisk/etc/rtp.conf").read_text()
    leg = caller.call("100")
    call = await controller.next()
    await call.command("EXEC Answer ,i")
    await leg.status()
    assert leg.media
    for step in range(20):
        caller.send_rtp(0, step * 160, b"\x55" * 160, leg.media)
        await asyncio.sleep(0.02)
    async with sip_phone(("127.0.0.1", pbx.settings.sip_port)) as stranger, manager(pbx) as ami:
        stranger.stamp, leg_media = 900, leg.media
        key = type(leg)(stranger, "x", "", "", "", media=leg_media)
        key.press("9")
        leg.press("5")
        event = await ami.event("DTMFEnd")

        assert event["Digit"] == "5"


def test_rule_12_the_trunk_cannot_be_dialled(pbx: RealAsterisk) -> None:
    """No address of record and no outbound registration: there is no way out to the public network."""
    shown = pbx.console("pjsip show endpoint trunk")

    assert re.search(r"^ aors\s+:\s*$", shown, re.M)


async def test_rule_12_transfers_by_phones_are_refused(pbx: RealAsterisk, ann: SipPhone) -> None:
    """REFER, MESSAGE, SUBSCRIBE and NOTIFY do nothing."""
    shown = pbx.console("pjsip show endpoint " + ann.user)

    assert re.search(r"^ allow_transfer\s+: false", shown, re.M)
    assert re.search(r"^ allow_subscribe\s+: false", shown, re.M)
    assert "res_pjsip_refer" not in pbx.console("module show like refer")


async def test_rule_13_fail2ban_filter_matches_the_log(pbx: RealAsterisk) -> None:
    """A wrong password leads to the address it came from."""
    async with sip_phone(("127.0.0.1", pbx.settings.sip_port), ANN.endpoint) as phone:
        await phone.register("wrong-password-000000")
    await until(lambda: "ChallengeResponseFailed" in pbx.log("security.log"))

    assert fail2ban_hosts(pbx.log("security.log")) == {"127.0.0.1"}


async def test_rule_13_nobody_can_have_another_banned(tmp_path: Path) -> None:
    """Names and Call-IDs that look like log fields do not become addresses."""
    forged = 'a",SessionID="1",LocalAddress="IPV4/UDP/127.0.0.1/1",RemoteAddress="IPV4/UDP/192.0.2.1/1'
    hostile = "".join(f"%{ord(sign):02x}" for sign in forged)
    async with (
        real_asterisk(tmp_path, phones=(ANN,), trunk_from="192.0.2.0/24") as pbx,
        sip_phone(("127.0.0.1", pbx.settings.sip_port), "ag-x") as phone,
    ):
        for _ in range(3):
            await phone.register("x", user=hostile)
        await phone.register("x", call_id=forged.partition(",")[2])
        await until(lambda: pbx.log("security.log").count("192.0.2.1") > 1)

        assert fail2ban_hosts(pbx.log("security.log")) <= {"127.0.0.1"}


async def test_rule_14_overload_is_answered_503(tmp_path: Path) -> None:
    """Beyond maxcalls a caller hears the trunk's congestion, never silence."""
    async with (
        real_asterisk(tmp_path, max_calls=1) as pbx,
        agi_stub(pbx.settings.agi_port) as stub,
        sip_phone(("127.0.0.1", pbx.settings.sip_port)) as phone,
    ):
        phone.call("100")
        await stub.next()
        refused = phone.call("100")

        assert await refused.status() == 503


def fail2ban_hosts(log: str) -> set[str]:
    """Return the addresses the filter finds in the log, as fail2ban would: date cut off, pattern searched."""
    text = (PROJECT / "asterisk-conf/fail2ban/filter.conf").read_text()
    patterns = re.findall(r"^(?:failregex =| {12})\s*(\^.*)$", text, re.M)
    assert len(patterns) == 2
    failures = [re.compile(pattern.replace("<HOST>", r"(?P<host>[0-9.]+)")) for pattern in patterns]
    lines = (re.sub(r"^\[[0-9: -]+\]", "", line) for line in log.splitlines())
    return {found["host"] for line in lines for failure in failures if (found := failure.search(line))}


def _listening(pid: int) -> set[tuple[str, int]]:
    """Return the TCP addresses a process listens on."""
    inodes = set()
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if (link := os.readlink(handle)).startswith("socket:["):
                inodes.add(link[8:-1])
        except FileNotFoundError:
            continue
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and fields[9] in inodes:
            host, port = fields[1].split(":")
            found.add((socket.inet_ntoa(bytes.fromhex(host)[::-1]), int(port, 16)))
    return found
