"""Our Asterisk: write its configuration, tell how to start it, talk to its console.

Templates in asterisk-conf/ become VAR/asterisk/etc; the dialplan contexts of dialplans/asterisk/ are included
where they are, so that engineers edit and reload them. Everything Asterisk writes stays below VAR/asterisk.
May import settings, native and errors only. Called by `setup.py`, `doctor.py`, `app.py` and the command line.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import resource
import secrets as random_source
import socket
import struct
import wave
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path

from ivr import native
from ivr.errors import AsteriskError, ConfigError
from ivr.settings import PROJECT, Settings

TEMPLATES = PROJECT / "asterisk-conf"
LEAST_VERSION = (20, 0)  # older releases lack fixes and `same => n` behaviour the dialplan leans on
AMI_USER = "hotline-controller"
AMI_USER_NEXT = "hotline-next"  # for a second controller: two sessions of one user are refused
AMI_DIALLER = "hotline-dialler"  # places call-backs; it may do nothing else, and nobody else may
TRUNK_OUT = "trunk-out"  # the PJSIP endpoint call-backs go out by
SOCKET_PATH_MOST = 107  # bytes, sun_path of unix(7)
LOAD_PER_CORE = 16  # load average per core above which new calls are answered 503

NUMBER = re.compile(r"\+?[0-9]{1,20}")
ENDPOINT = re.compile(r"[A-Za-z0-9_-]{1,64}")
DIAL = re.compile(r"PJSIP/(?:\+?[0-9]{1,20}@)?[A-Za-z0-9_-]{1,64}")
TARGET = re.compile(r"[A-Za-z0-9_-]{1,40}")
PASSWORD = re.compile(r"[A-Za-z0-9_-]{16,128}")
STEM = re.compile(r"[^\s;,&(){}$\"\\\x00-\x1f]*")


@dataclass(frozen=True)
class AgentPhone:
    """One agent's SIP account. endpoint  random name, also the SIP user name.  password  16 to 128 characters."""

    endpoint: str
    password: str
    agent_id: str
    name: str


@dataclass
class Secrets:
    """What this hotline's processes and Asterisk know of each other, 32 random bytes each, hexadecimal."""

    ami_controller: str
    ami_next: str
    agi_token: str
    ami_dialler: str
    ami_dialler_next: str


def load_secrets(settings: Settings) -> Secrets:
    """Return the secrets of this var folder, made at the first call and kept in a file only the owner reads."""
    file = settings.var_dir / "asterisk" / "secrets.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = Secrets(*(random_source.token_hex(32) for _ in fields(Secrets)))
    try:
        with open(file, "x", opener=_owner_only) as out:
            json.dump(asdict(fresh), out)
    except FileExistsError:
        pass
    else:
        return fresh
    try:
        kept = json.loads(file.read_text())
        known = Secrets(**{**asdict(fresh), **kept})
    except (ValueError, TypeError):
        raise ConfigError(f"{file}: not readable as secrets; delete it and run `ivr setup`") from None
    if asdict(known) != kept:  # written by an older version
        _write(file, json.dumps(asdict(known)))
    return known


def render(
    settings: Settings,
    *,
    secrets: Secrets,
    numbers: Iterable[str],
    phones: Iterable[AgentPhone] = (),
    emergency: Iterable[str] = (),
    targets: Mapping[str, str] | None = None,
    fallback_prompt: str = "",
    goodbye_prompt: str = "",
) -> Path:
    """Write the whole configuration and return its folder; each file is replaced in one step.

    numbers  numbers dialled that lead to a flow.  emergency, targets  dial strings such as PJSIP/name.
    fallback_prompt, goodbye_prompt  files without extension the ladder plays, '' for a tone.
    Raises ConfigError naming what cannot be written as configuration.
    """
    home = settings.var_dir / "asterisk"
    for folder in ("etc", "log", "run", "lib", "spool", "keys"):
        (home / folder).mkdir(parents=True, exist_ok=True, mode=0o750)
    _check_socket_path(home)
    values = {
        **_places(settings, home),
        **_networks(settings),
        **_way_out(settings, secrets),
        "AGI_TOKEN": secrets.agi_token, "AMI_CONTROLLER": secrets.ami_controller, "AMI_NEXT": secrets.ami_next,
        "NUMBERS": "\n".join(f"exten => {_checked(NUMBER, n, 'number')},1,Set(HOTLINE_DNIS=${{EXTEN}})\n"
                             " same => n,Goto(entry,s,1)" for n in numbers),
        "EMERGENCY": "&".join(_checked(DIAL, e, "emergency phone") for e in emergency),
        "TARGETS": "\n".join(f"HOTLINE_TARGET_{_checked(TARGET, name, 'target')} = {_checked(DIAL, to, 'target')}"
                             for name, to in (targets or {}).items()),
        "FALLBACK_PROMPT": _checked(STEM, fallback_prompt, "prompt"),
        "GOODBYE_PROMPT": _checked(STEM, goodbye_prompt, "prompt"),
    }
    for template in sorted(TEMPLATES.glob("*.conf")):
        _write(home / "etc" / template.name, _fill(template.read_text(encoding="utf-8"), values))
    render_phones(settings, phones)
    return home / "etc"


def render_phones(settings: Settings, phones: Iterable[AgentPhone]) -> Path:
    """Write the agents' SIP accounts; `reload_phones` makes a running Asterisk take them."""
    file = settings.var_dir / "asterisk" / "etc" / "pjsip_agents.conf"
    _write(file, "; written by `ivr`: the agents' phones\n" + "".join(map(_phone, phones)))
    return file


def reload_phones(settings: Settings) -> None:
    """Make the running Asterisk take pjsip_agents.conf; calls that are up are not touched."""
    console(settings, "module reload res_pjsip.so")


def reload_dialplan(settings: Settings) -> None:
    """Make the running Asterisk take new numbers and edited contexts; calls go on where they are."""
    console(settings, "dialplan reload")


def argv(settings: Settings) -> list[str]:
    """Return the command that runs Asterisk in the foreground.

    Raises ConfigError when the configuration is not written or Asterisk is older than LEAST_VERSION.
    """
    file = settings.var_dir / "asterisk" / "etc" / "asterisk.conf"
    if not file.exists():
        raise ConfigError(f"{file} is missing: run `ivr setup`")
    version = _version()
    if version < LEAST_VERSION:
        raise ConfigError(f"Asterisk {'.'.join(map(str, version))} is too old: {LEAST_VERSION[0]} or later is needed")
    return [*native.program("asterisk"), "-C", str(file), "-f", "-q"]


def node(settings: Settings) -> str:
    """Return the name of this Asterisk, the beginning of every call id it makes."""
    return re.sub(r"[^a-z0-9]+", "-", socket.gethostname().lower())[:20] + f"-{settings.sip_port}"


def console(settings: Settings, command: str, *, timeout_s: float = 10.0) -> str:
    """Run one command on the running Asterisk's console and return what it printed.

    Speaks to the control socket as `asterisk -rx` does (main/asterisk.c, ast_remotecontrol), without a process.
    Raises AsteriskError when Asterisk does not run or does not answer in time, ValueError on control characters.
    """
    if any(ord(character) < 32 for character in command):
        raise ValueError("a console command is one line")
    path = settings.var_dir / "asterisk" / "run" / "asterisk.ctl"
    try:
        with closing(socket.socket(socket.AF_UNIX)) as link:
            link.settimeout(timeout_s)
            link.connect(str(path))
            link.recv(1024)  # host, process and version
            link.sendall(f"cli quit after {command}".encode() + b"\0")
            answer = b"".join(iter(lambda: link.recv(65536), b""))
    except OSError as error:
        raise AsteriskError(f"Asterisk does not answer at {path}: {error.strerror or error}") from error
    return re.sub(rb"[\x00\x7f-\x9f]", b"", answer).decode(errors="replace")


def _places(settings: Settings, home: Path) -> dict[str, str]:
    modules, data, music = _asterisk_folders()
    dialplans = settings.dialplans_dir / "asterisk"
    return {
        "ETC": str(home / "etc"), "VAR": str(home), "MODULES": str(modules), "DATA": str(data),
        "MUSIC": str(music or _ring_tone_folder(home)),
        "DIALPLANS": str(dialplans if dialplans.is_dir() else PROJECT / "dialplans" / "asterisk"),
        "NODE": node(settings),
        "MAX_CALLS": str(settings.max_calls), "MAX_LOAD": f"{LOAD_PER_CORE * (os.cpu_count() or 1)}.0",
        "MAX_FILES": str(min(20 * settings.max_calls + 1000, resource.getrlimit(resource.RLIMIT_NOFILE)[1])),
        "RTP_START": str(settings.rtp_start), "RTP_END": str(settings.rtp_end),
        "SIP_PORT": str(settings.sip_port), "HOST": settings.host, "AMI_PORT": str(settings.ami_port),
        "AGI_PORT": str(settings.agi_port), "AGI_PORT_NEXT": str(settings.agi_port_next),
        "ENTRY_LEASE_S": str(settings.entry_lease_s), "LEASE_S": str(settings.lease_s),
    }


def _networks(settings: Settings) -> dict[str, str]:
    trunks = _network_list(settings.trunk_from, "HOTLINE_TRUNK_FROM")
    agents = _network_list(settings.agent_from, "HOTLINE_AGENT_FROM")
    return {
        "TRUNK_MATCH": "\n".join(f"match = {network}" for network in trunks),
        "AGENT_ACL": "\n".join(
            f"{prefix}{rule}" for prefix in ("", "contact_")
            for rule in ("deny = 0.0.0.0/0.0.0.0", "deny = ::/0", *(f"permit = {network}" for network in agents))
        ),
        "PERMIT_ALL": "\n".join(f"permit = {network}" for network in sorted({*trunks, *agents})),
    }


def _way_out(settings: Settings, secrets: Secrets) -> dict[str, str]:
    """Return the endpoint of call-backs and the users who may dial it; nothing at all when there is no way out."""
    if not settings.trunk_to:
        return {"TRUNK_OUT": "", "DIALLERS": ""}
    address = ipaddress.ip_address(settings.trunk_to.rpartition(":")[0].strip("[]"))
    if not any(address in ipaddress.ip_network(n) for n in _network_list(settings.trunk_from, "HOTLINE_TRUNK_FROM")):
        raise ConfigError(f"HOTLINE_TRUNK_TO: {address} is in no network of HOTLINE_TRUNK_FROM; "
                          "expected one of them: what the trunk sends in a call we placed must be let in")
    return {
        "TRUNK_OUT": f"[{TRUNK_OUT}](call)\ncontext = nowhere\nidentify_by = ip\naors = {TRUNK_OUT}\n"
                     f"[{TRUNK_OUT}]\ntype = aor\ncontact = sip:{settings.trunk_to}\nqualify_frequency = 0",
        "DIALLERS": f"\n[{AMI_DIALLER}](dialler)\nsecret = {secrets.ami_dialler}\n"
                    f"\n[{AMI_DIALLER}-next](dialler)\nsecret = {secrets.ami_dialler_next}",
    }


def _network_list(text: str, setting: str) -> list[str]:
    found = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        try:
            found.append(str(ipaddress.ip_network(part)))
        except ValueError as error:
            raise ConfigError(f"{setting}: {error}; expected networks such as 192.0.2.0/24, comma separated") from None
    return found


@cache
def _asterisk_folders() -> tuple[Path, Path, Path | None]:
    """Return the folders of modules and data of the Asterisk in use, and of music (None when it has none)."""
    binary = native.on_path("asterisk")
    base = Path(binary).resolve().parent.parent if binary else native.root() / "usr"
    libraries = [native.library_folder(base.parent), base / "lib64", base / "lib"]
    modules = [folder / "asterisk" / "modules" for folder in libraries]
    data = [base / "share" / "asterisk", Path("/var/lib/asterisk")]
    music = [folder / "moh" for folder in (*data, native.root() / "usr/share/asterisk")]
    found = next((m for m in modules if (m / "chan_pjsip.so").exists()), None)
    if found is None:
        raise ConfigError(f"no chan_pjsip.so in {', '.join(map(str, modules))}: install Asterisk's modules")
    return (found, next((d for d in data if (d / "documentation").is_dir()), data[0]),
            next((m for m in music if any(m.glob("*.wav"))), None))


@cache
def _version() -> tuple[int, ...]:
    return native.installed_version(native.program("asterisk"), native.PARTS["asterisk"]) or (0,)


def _ring_tone_folder(home: Path) -> Path:
    """Write a ring-back tone for an Asterisk without music: a waiting caller must hear something."""
    folder = home / "lib" / "moh"
    folder.mkdir(exist_ok=True)
    tone = [(6000 if i // 5 % 4 < 2 else -6000) if i < 8000 else 0 for i in range(40000)]  # 400 Hz, 1 s of 5 s
    with wave.open(str(folder / "ring.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(struct.pack(f"<{len(tone)}h", *tone))
    return folder


def _phone(phone: AgentPhone) -> str:
    name = _checked(ENDPOINT, phone.endpoint, "endpoint")
    password = _checked(PASSWORD, phone.password, f"password of endpoint {name}", secret=True)
    shown = re.sub(r"[^\w .-]", "", phone.name)[:40]
    return (f"\n; agent {re.sub(r'[^A-Za-z0-9_.-]', '', phone.agent_id)}\n"
            f"[{name}](agent)\nauth = {name}\naors = {name}\ncallerid = {shown} <{name}>\n"
            f"[{name}](agent-auth)\nusername = {name}\npassword = {password}\n[{name}](agent-aor)\n")


def _checked(pattern: re.Pattern[str], value: str, what: str, *, secret: bool = False) -> str:
    if not pattern.fullmatch(value):
        shown = "" if secret else f" {value!r}"
        raise ConfigError(f"{what}{shown} cannot be written into Asterisk's configuration; expected {pattern.pattern}")
    return value


def _check_socket_path(home: Path) -> None:
    path = home / "run" / "asterisk.ctl"
    if len(os.fsencode(path)) > SOCKET_PATH_MOST:
        raise ConfigError(f"{path} is longer than {SOCKET_PATH_MOST} bytes, the most a socket may have: "
                          "set HOTLINE_VAR to a shorter path")


def _fill(template: str, values: Mapping[str, str]) -> str:
    return re.sub(r"@([A-Z_]+)@", lambda found: values[found[1]], template)


def _write(file: Path, text: str) -> None:
    """Replace `file` in one step, readable by the owner only."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    with open(fresh, "w", encoding="utf-8", opener=_owner_only) as out:
        out.write(text)
    fresh.replace(file)


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
