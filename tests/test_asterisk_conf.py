"""Lint over asterisk-conf/ and dialplans/asterisk/, one test or more per rule of docs/security.md.

No server: tests/asterisk/test_hardening.py probes the same rules on a running one.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from ivr import asterisk, native
from ivr.errors import ConfigError
from ivr.settings import load
from tests.support.asterisk_conf import CONF, CONTEXTS, SECRETS, lines, render, section

PROVIDES = {  # what each dialplan module is there for
    "app_dial": "Dial(", "app_exec": "ExecIf(", "app_playback": "Playback(", "app_playtones": "Playtones(",
    "app_stack": "Gosub(", "func_callerid": "CALLERID(", "func_channel": "CHANNEL(", "func_cut": "CUT(",
    "func_logic": "IF(", "func_strings": "FILTER(", "func_timeout": "TIMEOUT(", "res_agi": "AGI(",
    "res_musiconhold": "StartMusicOnHold(",
}
NEEDED_BY_SIP_AND_MEDIA = re.compile(r"(res_pjsip|res_pjproject|res_sorcery|chan_pjsip|res_rtp|res_timing|codec_|"
                                     r"format_|bridge_|res_security_log|pbx_config|res_speech)")
FORBIDDEN = ("app_system", "app_externalivr", "func_shell", "func_env", "func_curl", "app_originate", "app_exec_system",
             "res_pjsip_refer", "res_pjsip_messaging", "pbx_spool", "res_clioriginate", "res_http", "res_ari",
             "res_pjsip_endpoint_identifier_anonymous", "app_chanspy", "func_db")


@pytest.fixture
def rendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder with a rendered configuration of two agents, two numbers, a target and an emergency phone."""
    return render(tmp_path, monkeypatch)


@pytest.fixture
def with_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same with call-backs on."""
    return render(tmp_path, monkeypatch, {"trunk_to": "192.0.2.7:5070"})


def dialplan() -> dict[str, list[str]]:
    """Contexts of dialplans/asterisk with their lines."""
    contexts: dict[str, list[str]] = {}
    for file in sorted(CONTEXTS.glob("*.conf")):
        for line in lines(file):
            if line.startswith("["):
                contexts[line[1:-1]] = []
            else:
                list(contexts.values())[-1].append(line)
    return contexts


def calls(application: str) -> list[str]:
    """Arguments of every use of an application in the dialplan."""
    return [found[1] for body in dialplan().values() for line in body
            if (found := re.search(rf"(?:,|\?|n\(\w+\),){application}\((.*)\)", line))]


# -- rule 1: explicit modules, nothing unused

def test_rule_1_modules_are_named_once_and_required() -> None:
    """`autoload = no`, `require` only."""
    body = section(CONF / "modules.conf", "modules")
    names = [line.partition(" = ")[2] for line in body[1:]]

    assert body[0] == "autoload = no"
    assert all(line.startswith("require = ") for line in body[1:])
    assert len(names) == len(set(names))


def test_rule_1_every_dialplan_module_is_used_and_every_use_is_loaded() -> None:
    """Each listed app_, func_ and res_ has a reason."""
    names = [line.partition(" = ")[2] for line in lines(CONF / "modules.conf") if line.startswith("require")]
    listed = {name.removesuffix(".so") for name in names}
    text = "\n".join(line for body in dialplan().values() for line in body)

    assert {m for m in listed if not NEEDED_BY_SIP_AND_MEDIA.match(m)} == set(PROVIDES)
    assert [module for module, use in PROVIDES.items() if use not in text] == []


def test_rule_1_too_old_asterisk_is_refused(rendered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version floor stops the start with a clear line."""
    monkeypatch.setattr(native, "program", lambda name: ["asterisk"])
    monkeypatch.setattr(asterisk, "_version", lambda: (18, 9, 0))

    with pytest.raises(ConfigError, match=r"18\.9\.0 is too old"):
        asterisk.argv(load(var=rendered.parent.parent))


# -- rule 2: nothing runs programs, files belong to the owner

def test_rule_2_options() -> None:
    """Dangerous abilities off; the section that sets folders is read."""
    body = section(CONF / "asterisk.conf", "options")

    assert {"execincludes = no", "live_dangerously = no", "disable_remote_console_shell = yes"} <= set(body)
    assert "[directories]" in lines(CONF / "asterisk.conf")


def test_rule_2_nothing_is_executed_by_configuration() -> None:
    """No #exec anywhere."""
    assert not [f for f in (*CONF.glob("*.conf"), *CONTEXTS.glob("*.conf")) if "#exec" in f.read_text()]


def test_rule_2_files_are_for_the_owner_only(rendered: Path) -> None:
    """Mode 0600, no half-written file left."""
    modes = {stat.S_IMODE(file.stat().st_mode) for file in rendered.iterdir()}

    assert modes == {0o600}
    assert not list(rendered.glob(".*"))


# -- rule 3: not loaded

@pytest.mark.parametrize("module", FORBIDDEN)
def test_rule_3_forbidden_module_is_not_listed(module: str) -> None:
    """Nothing that runs programs, reaches the network or the file system."""
    assert f"{module}.so" not in (CONF / "modules.conf").read_text()


# -- rule 4: exact numbers, fixed targets

def test_rule_4_no_patterns() -> None:
    """No extension begins with _, so no `.` or `!` matches a caller's text."""
    extensions = [line for body in dialplan().values() for line in body if line.startswith("exten =>")]

    assert not [line for line in extensions if re.match(r"exten => *_", line)]


def test_rule_4_trunk_reaches_exact_numbers_only(rendered: Path) -> None:
    """[from-trunk] is generated, holds the numbers, and nothing includes another context."""
    body = section(rendered / "extensions.conf", "from-trunk")

    assert [line for line in body if line.startswith("exten")] == [
        "exten => 100,1,Set(HOTLINE_DNIS=${EXTEN})", "exten => +48221000,1,Set(HOTLINE_DNIS=${EXTEN})",
    ]
    assert {line for line in body if not line.startswith(("exten", "#include"))} == {"same => n,Goto(entry,s,1)"}
    assert not [line for body in dialplan().values() for line in body if line.startswith("include")]


def test_rule_4_agents_reach_feature_codes_only() -> None:
    """[from-agent]: star codes, exact."""
    exact = r"exten => \*\d{2,3},1,Gosub\(code,s,1\(\w+(/\d)?\)\)"
    assert all(re.fullmatch(exact, line) for line in dialplan()["from-agent"])


def test_rule_4_dial_targets_come_from_fixed_places() -> None:
    """An endpoint name the controller gave, filtered; the target map; the emergency list. Never caller's text."""
    dialled = {argument.split(",")[0] for argument in calls("Dial")}

    assert dialled == {"PJSIP/${endpoint}", "${phone}", "${HOTLINE_PHONE}"}
    assert "trunk" not in " ".join(line for body in dialplan().values() for line in body if "Dial(" in line)


# -- rules 5 and 6: caller's text

def test_rule_5_trunk_trusts_nothing() -> None:
    """Fixed caller id, no identity headers."""
    assert "callerid = trunk <0>" in section(CONF / "pjsip.conf", "trunk")
    assert "trust_id_inbound = no" in section(CONF / "pjsip.conf", "call")


def test_rule_5_number_is_filtered_and_cut() -> None:
    """The only source of HOTLINE_ANI and CALLERID is [caller-number], through FILTER and 20 digits."""
    text = "\n".join(dialplan()["caller-number"])
    others = "\n".join(line for name, body in dialplan().items() if name != "caller-number" for line in body)

    assert "FILTER(0-9,${user})" in text
    assert "${plus}${digits:0:20}" in text
    assert "Set(HOTLINE_ANI" not in others
    assert "CALLERID(" not in others


def test_rule_6_caller_text_names_no_file_and_no_command() -> None:
    """Files and subroutines are named by globals and the controller's arguments only."""
    text = [a for name in ("Playback", "Gosub", "Goto", "StartMusicOnHold", "Playtones") for a in calls(name)]

    assert not [a for a in text if re.search(r"HOTLINE_ANI|CALLERID|CHANNEL\(pjsip|from|user", a)]
    assert {a.split(",")[-2 if "noanswer" in a else -1] for a in calls("Playback")} <= {"${ARG1}", "2)}"}


# -- rules 7 and 8: manager and FastAGI

def test_rule_7_manager_is_closed_but_for_loopback(rendered: Path) -> None:
    """Loopback, web off, one session per user, deny all and permit loopback, `call` to write, filtered events."""
    general, user = section(rendered / "manager.conf", "general"), section(rendered / "manager.conf", "user")

    assert {"webenabled = no", "bindaddr = 127.0.0.1", "allowmultiplelogin = no",
            "disabledevents = Newexten,VarSet,RTCPSent,RTCPReceived"} <= set(general)
    assert user[:3] == ["deny = 0.0.0.0/0.0.0.0", "deny = ::/0", "permit = 127.0.0.1/255.255.255.255"]
    assert "write = call" in user
    assert [line for line in user if line.startswith("eventfilter")]
    assert section(rendered / "manager.conf", "hotline-controller") == [f"secret = {SECRETS.ami_controller}"]
    assert not (rendered / "http.conf").exists()
    assert "[hotline-dialler]" not in (rendered / "manager.conf").read_text()


def test_rule_7_only_the_dialler_may_place_calls(with_way_out: Path) -> None:
    """Users of their own, there only while there is a way out: `originate` to write, the outcome to hear, no more."""
    file = with_way_out / "manager.conf"
    dialler = section(file, "dialler")

    assert dialler[:3] == ["deny = 0.0.0.0/0.0.0.0", "deny = ::/0", "permit = 127.0.0.1/255.255.255.255"]
    assert {"read = system,call", "write = originate"} <= set(dialler)
    assert [line for line in dialler if line.startswith("eventfilter")] == [
        "eventfilter(name(FullyBooted)) =", "eventfilter(name(OriginateResponse)) ="]
    assert section(file, "hotline-dialler") == [f"secret = {SECRETS.ami_dialler}"]
    assert section(file, "hotline-dialler-next") == [f"secret = {SECRETS.ami_dialler_next}"]
    assert file.read_text().count("originate\n") == 1


def test_rule_7_secrets_are_long_random_and_kept(tmp_path: Path) -> None:
    """32 bytes each, the same at the second call, in a 0600 file."""
    chosen = load(var=tmp_path / "var")
    first = asterisk.load_secrets(chosen)

    assert asterisk.load_secrets(chosen) == first
    assert {len(value) for value in vars(first).values()} == {64}
    assert len(set(vars(first).values())) == 5
    assert stat.S_IMODE((tmp_path / "var/asterisk/secrets.json").stat().st_mode) == 0o600


def test_rule_7_secrets_of_an_older_version_are_kept_and_completed(tmp_path: Path) -> None:
    """What is known stays, what is new is made once."""
    (tmp_path / "var/asterisk").mkdir(parents=True)
    file = tmp_path / "var/asterisk/secrets.json"
    file.write_text('{"ami_controller": "a", "ami_next": "b", "agi_token": "c"}')
    chosen = load(var=tmp_path / "var")
    first = asterisk.load_secrets(chosen)

    assert (first.ami_controller, first.ami_next, first.agi_token) == ("a", "b", "c")
    assert len(first.ami_dialler) == 64
    assert asterisk.load_secrets(chosen) == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_rule_7_broken_secrets_file_is_named(tmp_path: Path) -> None:
    """Which file, and what to do."""
    (tmp_path / "var/asterisk").mkdir(parents=True)
    (tmp_path / "var/asterisk/secrets.json").write_text("{")

    with pytest.raises(ConfigError, match=r"secrets\.json: not readable.*ivr setup"):
        asterisk.load_secrets(load(var=tmp_path / "var"))


def test_rule_8_agi_goes_to_loopback_with_the_token() -> None:
    """Every AGI() has address and token first."""
    address = r"agi://127\.0\.0\.1:\$\{\w+\}/\$\{HOTLINE_AGI_TOKEN\}/(call|callback|restored|agent)[,/]"

    assert len(calls("AGI")) == 6
    assert all(re.match(address, a) for a in calls("AGI"))


@pytest.mark.parametrize("context", ["entry", "ladder", "dial-agent", "dial-target", "code", "callback", "restored"])
def test_every_context_a_call_can_stay_in_has_its_ends(context: str) -> None:
    """T (lease), i (invalid) and h (hang-up)."""
    ends = {line.split()[2].split(",")[0] for line in dialplan()[context] if line.startswith("exten")}

    assert {"T", "i", "h"} <= ends


@pytest.mark.parametrize(("context", "first"), [
    ("entry", "TIMEOUT(absolute)=${HOTLINE_ENTRY_LEASE_S}"), ("code", "TIMEOUT(absolute)=${HOTLINE_LEASE_S}"),
    ("callback", "TIMEOUT(absolute)=${HOTLINE_LEASE_S}"), ("restored", "TIMEOUT(absolute)=${HOTLINE_LEASE_S}"),
    ("ladder", "TIMEOUT(absolute)=0"), ("dial-agent", "TIMEOUT(absolute)=0"), ("dial-target", "TIMEOUT(absolute)=0"),
])
def test_lease_is_the_first_thing(context: str, first: str) -> None:
    """Armed before a controller is asked, 0 before anything that may take long on purpose."""
    assert dialplan()[context][0] == f"exten => s,1,Set({first})"


def test_ladder_needs_nobody() -> None:
    """No AGI, no database, no network below [ladder]."""
    text = "\n".join(line for name in ("ladder", "last-known-good", "say") for line in dialplan()[name])

    assert not re.search(r"AGI|DB\(|CURL|agi://", text)


# -- rules 9 to 12: who may call, and where to

def test_rule_9_agents_have_name_password_and_one_contact(rendered: Path) -> None:
    """No anonymous endpoint."""
    text = (rendered / "pjsip.conf").read_text()

    assert {"max_contacts = 1", "remove_existing = yes"} <= set(section(rendered / "pjsip.conf", "agent-aor"))
    assert "identify_by = username,auth_username" in section(rendered / "pjsip.conf", "agent")
    assert section(rendered / "pjsip_agents.conf", "ag-ann-1") == [
        "auth = ag-ann-1", "aors = ag-ann-1", "callerid = Ann <ag-ann-1>", "username = ag-ann-1",
        f"password = {'p' * 32}",
    ]
    assert "anonymous]" not in text


def test_rule_10_lists_deny_first(rendered: Path) -> None:
    """Every packet passes the list of both networks; agents' phones theirs in addition."""
    deny = ["deny = 0.0.0.0/0.0.0.0", "deny = ::/0"]

    assert section(rendered / "pjsip.conf", "networks") == [
        "type = acl", *deny, "permit = 192.0.2.0/24", "permit = 198.51.100.0/24"]
    assert section(rendered / "pjsip.conf", "agent")[-6:] == [
        *deny, "permit = 198.51.100.0/24", *(f"contact_{line}" for line in deny), "contact_permit = 198.51.100.0/24"]
    assert "match = 192.0.2.0/24" in section(rendered / "pjsip.conf", "trunk")


def test_rule_11_media_is_strict() -> None:
    """Strict RTP, time-outs, no direct media."""
    assert "strictrtp = yes" in section(CONF / "rtp.conf", "general")
    assert {"rtp_timeout = 120", "rtp_timeout_hold = 600", "direct_media = no"} <= set(
        section(CONF / "pjsip.conf", "call"))


def test_rule_12_no_way_out(rendered: Path) -> None:
    """The trunk cannot be dialled; no transfer by phone or by key; no registration anywhere."""
    trunk = section(rendered / "pjsip.conf", "trunk")

    assert not [line for line in trunk if line.startswith(("aors", "outbound"))]
    assert "type = registration" not in (rendered / "pjsip.conf").read_text()
    assert "trunk-out" not in (rendered / "pjsip.conf").read_text()
    assert {"allow_transfer = no", "allow_subscribe = no"} <= set(section(rendered / "pjsip.conf", "call"))
    assert section(CONF / "features.conf", "featuremap") == []
    letters = [re.sub(r"\(.*?\)|\$\{\w+\}", "", argument.split(",")[-1]) for argument in calls("Dial")]
    assert not [found for found in letters if set(found) & set("tTkKxXhHwW")]


def test_rule_12_the_way_out_is_no_way_in(with_way_out: Path) -> None:
    """It exists when HOTLINE_TRUNK_TO says so: nobody is known by it, and what it could reach does not exist."""
    file = with_way_out / "pjsip.conf"

    assert section(file, "trunk-out") == [
        "context = nowhere", "identify_by = ip", "aors = trunk-out",
        "type = aor", "contact = sip:192.0.2.7:5070", "qualify_frequency = 0",
    ]
    assert "endpoint = trunk-out" not in file.read_text()
    assert "nowhere" not in dialplan()
    assert not [line for line in section(file, "trunk") if line.startswith(("aors", "outbound"))]


def test_rule_12_the_way_out_lies_in_the_trunks_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the trunk sends in a call we placed passes the lists, or the mistake is named."""
    with pytest.raises(ConfigError, match=r"HOTLINE_TRUNK_TO: 203\.0\.113\.9 is in no network of HOTLINE_TRUNK_FROM"):
        render(tmp_path, monkeypatch, {"trunk_to": "203.0.113.9:5060"})


# -- rules 13 and 14: log and overload

def test_rule_13_security_log_and_filter() -> None:
    """Security events have a file of their own; every pattern is anchored."""
    patterns = [line for line in (CONF / "fail2ban/filter.conf").read_text().splitlines() if "<HOST>" in line]

    assert "security.log => security" in section(CONF / "logger.conf", "logfiles")
    assert len(patterns) == 2
    assert all(re.search(r"(= |^ +)\^", pattern) for pattern in patterns)


def test_rule_14_overload_limits(rendered: Path) -> None:
    """Calls, load and memory are bounded."""
    body = section(rendered / "asterisk.conf", "options")

    assert "maxcalls = 1000" in body
    assert "minmemfree = 64" in body
    assert [line for line in body if re.fullmatch(r"maxload = \d+\.0", line)]
