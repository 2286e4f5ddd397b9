"""Settings: ports, folders, limits. The only reader of the environment and of `.env`.

Every setting is an environment variable HOTLINE_<NAME>; docs/settings.md documents each in one table, and a
test keeps that table complete. Folders are relative to the project folder unless absolute.
"""

from __future__ import annotations

import ipaddress
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ivr.errors import ConfigError, Finding, nearest

PROJECT = Path(__file__).resolve().parent.parent
PROJECT_ENV = PROJECT / ".env"


class Settings(BaseSettings):
    """Frozen settings of one hotline."""

    model_config = SettingsConfigDict(env_prefix="HOTLINE_", env_file=PROJECT_ENV, frozen=True, extra="ignore")

    host: str = Field("127.0.0.1", description="address Asterisk listens on for SIP and RTP")
    sip_port: int = Field(5060, ge=1, le=65535, description="SIP over UDP: the port phones and trunks call")
    rtp_start: int = Field(10000, ge=1024, le=65000, description="first RTP port")
    rtp_end: int = Field(14999, ge=1024, le=65535, description="last RTP port")
    trunk_from: str = Field("127.0.0.1/32", description="networks trunks call from, comma separated")
    agent_from: str = Field("127.0.0.1/32", description="networks agents' phones register from, comma separated")
    trunk_to: str = Field("", description="address:port callers are called back through; empty: no way out at all")
    trunk_number: str = Field("", description="number shown to who is called back; empty: the one he had dialled")
    callback_prefixes: str = Field("", description="national prefixes called back, comma separated; empty: usual ones")
    callback_pause_s: int = Field(300, ge=1, le=86400, description="pause before a call-back is tried again")
    callback_ring_s: int = Field(25, ge=5, le=60, description="how long the phone of who is called back rings")
    callback_per_hour: int = Field(100, ge=1, description="call-backs dialled in any hour at most")
    message_s: int = Field(120, ge=5, le=600, description="longest message a caller may leave")
    ami_port: int = Field(5038, ge=1, le=65535, description="Asterisk Manager Interface, loopback only")
    agi_port: int = Field(4573, ge=1, le=65535, description="FastAGI of this controller, loopback only")
    agi_port_next: int = Field(4574, ge=1, le=65535, description="FastAGI of the next controller, tried second")
    redis_port: int = Field(6390, ge=1, le=65535, description="Redis of this hotline, loopback only")
    redis_url: str = Field("", description="another Redis or Valkey to use; empty starts our own")
    database_url: str = Field("", description="SQLAlchemy URL; empty is SQLite in the var folder")
    var: Path = Field(Path("var"), description="everything the hotline writes: database, logs, rendered prompts")
    dialplans: Path = Field(Path("dialplans"), description="call flows, numbers, queues, hours")
    prompts: Path = Field(Path("prompts"), description="prompt texts and recordings")
    runtime: Literal["auto", "private"] = Field(
        "auto", description="auto: use suitable programs on PATH; private: always those in the runtime folder"
    )
    runtime_dir: Path = Field(Path(".runtime"), description="native parts unpacked for this checkout")
    cache_dir: Path = Field(Path("~/.cache/hotline"), description="downloads and rendered speech, shared by checkouts")
    default_language: Literal["pl", "ru", "en"] = Field("pl", description="spoken when nothing tells otherwise")
    country_code: str = Field("48", pattern=r"^\d{1,3}$", description="put before national numbers without +")
    timezone: str = Field("Europe/Warsaw", description="time zone of opening hours and spoken times")
    voice_command: str = Field(
        "", description="your own speech program: text on standard input; {lang} {voice} {rate} {out} are filled in"
    )
    voice_url: str = Field("", description="your own speech service over HTTP; asked before the built-in voices")
    voice_key: str = Field("", description="key sent to that service as a bearer token")
    webhook_tokens: SecretStr = Field(
        SecretStr(""), description="keys sent to webhooks as bearer tokens: crm=secret,billing=other"
    )
    lease_s: int = Field(15, ge=3, le=120, description="silence allowed from a controller before the ladder takes over")
    entry_lease_s: int = Field(4, ge=1, le=60, description="the same for the first command of a new call")
    web_host: str = Field("127.0.0.1", description="address of the web page; beyond loopback it needs a certificate")
    web_port: int = Field(8460, ge=1, le=65535, description="port of the web page and its API")
    web_names: str = Field("", description="other names the page is reached by, comma separated: hotline.example")
    web_cert: str = Field("", description="TLS certificate of the page, PEM file; empty: plain HTTP on loopback only")
    web_key: str = Field("", description="its private key, PEM file")
    metrics_port: int = Field(9460, ge=1, le=65535, description="Prometheus metrics of this controller, loopback only")
    web_metrics_port: int = Field(9461, ge=1, le=65535, description="Prometheus metrics of the web page, loopback only")
    confirm_share: float = Field(
        0.2, gt=0, le=1, description="share of all customers above which an announcement is confirmed twice"
    )
    alert_secret: SecretStr = Field(
        SecretStr(""), description="bearer token monitoring drafts announcements with; empty: no such drafts"
    )
    radar_s: int = Field(180, ge=30, le=3600, description="storm radar: calls of so many seconds are compared")
    restored_per_minute: int = Field(30, ge=1, description="restoration calls placed a minute at most")
    restored_at_once: int = Field(5, ge=1, description="restoration calls up at once at most: the rest is for callers")
    restored_hours: str = Field("08:00-20:00", description="hours of the day in which restored customers are called")
    max_calls: int = Field(1000, ge=1, description="calls at once before Asterisk answers 503")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level logged")
    log_format: Literal["text", "json"] = Field("text", description="how: text for people, json: one object a line")

    @field_validator("host", "web_host")
    @classmethod
    def _host(cls, value: str) -> str:
        if not re.fullmatch(r"[0-9.]+|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*", value):
            if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", value):
                raise ValueError("an IP address or a host name")
            return value
        try:
            ipaddress.ip_address(value)
        except ValueError:
            raise ValueError("an IP address or a host name") from None
        return value

    @field_validator("rtp_end")
    @classmethod
    def _rtp_end(cls, value: int, info: ValidationInfo) -> int:
        if value <= info.data.get("rtp_start", 0):
            raise ValueError(f"a port above HOTLINE_RTP_START, {info.data['rtp_start']}")
        return value

    @field_validator("trunk_to")
    @classmethod
    def _trunk_to(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        try:
            fine = not value or (ipaddress.ip_address(host.strip("[]")) and 0 < int(port) < 65536)
        except ValueError:
            fine = False
        if not fine:
            raise ValueError("an address and a port such as 192.0.2.5:5060")
        return value

    @field_validator("trunk_number")
    @classmethod
    def _trunk_number(cls, value: str) -> str:
        if not re.fullmatch(r"(\+?[0-9]{1,20})?", value):
            raise ValueError("a number such as +48221234567")
        return value

    @field_validator("callback_prefixes")
    @classmethod
    def _callback_prefixes(cls, value: str) -> str:
        if not re.fullmatch(r"[0-9]{1,9}(,[0-9]{1,9})*|", value):
            raise ValueError("beginnings of national numbers such as 22,5,6")
        return value

    @field_validator("webhook_tokens")
    @classmethod
    def _webhook_tokens(cls, value: SecretStr) -> SecretStr:
        for each in filter(None, value.get_secret_value().split(",")):
            if not re.fullmatch(r"\s*[a-z][a-z0-9_]{0,39}\s*=\s*[!-+\--~]+\s*", each):
                raise ValueError("names and keys such as crm=secret,billing=other")
        return value

    @field_validator("restored_hours")
    @classmethod
    def _restored_hours(cls, value: str) -> str:
        clock = r"([01][0-9]|2[0-3]):[0-5][0-9]"
        if not re.fullmatch(f"{clock}-({clock}|24:00)", value) or value[:5] >= value[6:]:
            raise ValueError("hours such as 08:00-20:00")
        return value

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ValueError, OSError, ZoneInfoNotFoundError):
            raise ValueError("a name such as Europe/Warsaw") from None
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis_url(cls, value: str) -> str:
        try:
            url = urlsplit(value)
            over_tcp = url.scheme in ("redis", "rediss") and url.port != 0 and url.hostname
            fine = not value or over_tcp or url.scheme == "unix"
        except ValueError:
            fine = False
        if not fine:
            raise ValueError("an address such as redis://127.0.0.1:6379/0")
        return value

    @field_validator("var", "dialplans", "prompts", "runtime_dir", "cache_dir")
    @classmethod
    def _folder(cls, value: Path) -> Path:
        if not str(value).isprintable():
            raise ValueError("a folder's name without control characters")
        return value

    def path(self, folder: Path) -> Path:
        """Return `folder` as an absolute path below the project folder."""
        return (PROJECT / folder.expanduser()).resolve()

    @property
    def var_dir(self) -> Path:
        return self.path(self.var)

    @property
    def dialplans_dir(self) -> Path:
        return self.path(self.dialplans)

    @property
    def prompts_dir(self) -> Path:
        return self.path(self.prompts)

    @property
    def tokens(self) -> dict[str, str]:
        """Bearer tokens by webhook."""
        pairs = (each.partition("=") for each in self.webhook_tokens.get_secret_value().split(",") if each)
        return {name.strip(): token.strip() for name, _, token in pairs}

    @property
    def prompt_dirs(self) -> tuple[Path, ...]:
        """Folders whose prompts the flows of HOTLINE_DIALPLANS can say, the later winning."""
        return self.prompts_for(self.dialplans_dir)

    def prompts_for(self, dialplans: Path) -> tuple[Path, ...]:
        """Return HOTLINE_PROMPTS and, where there is one, the folder `prompts` within `dialplans`; the later wins."""
        own = dialplans / "prompts"
        return (self.prompts_dir, own) if own.is_dir() and own != self.prompts_dir else (self.prompts_dir,)

    @property
    def redis_address(self) -> str:
        """URL of the Redis in use."""
        return self.redis_url or f"redis://127.0.0.1:{self.redis_port}/0"

    @property
    def database_address(self) -> str:
        """SQLAlchemy URL of the database in use."""
        return self.database_url or f"sqlite+aiosqlite:///{self.var_dir / 'hotline.db'}"


def load(**values: object) -> Settings:
    """Build settings from the environment and `.env`, `values` winning.

    Raises ConfigError naming the variable, what is wrong and what was expected.
    """
    try:
        return Settings(**values)  # type: ignore[arg-type]
    except ValidationError as error:
        raise ConfigError(*(_finding(e) for e in error.errors())) from None  # type: ignore[arg-type]


def _finding(error: dict[str, Any]) -> Finding:
    name = str(error["loc"][0])
    about = Settings.model_fields[name].description or ""
    expected = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input should be ").removeprefix("a valid ")
    secret = Settings.model_fields[name].annotation is SecretStr
    value = "" if secret else str(error["input"])
    wrong = "what it holds, which is not shown here, cannot be read" if secret else f"got {value[:80]!r}"
    return _finding_of(name, wrong, f"{expected} ({about})", _nearest_value(name, value))


def _nearest_value(name: str, value: str) -> str:
    if name == "timezone":
        return nearest(value, available_timezones())
    return nearest(value, get_args(Settings.model_fields[name].annotation))


def _finding_of(name: str, wrong: str, expected: str = "", near: str = "") -> Finding:
    """Return a finding at the place that sets `name`: the environment, else its line of `.env`."""
    variable = f"HOTLINE_{name.upper()}"
    if variable in (key.upper() for key in os.environ) or not PROJECT_ENV.exists():
        return Finding(Path("environment"), None, variable, wrong, expected, near)
    lines = PROJECT_ENV.read_text("utf-8", "replace").upper().splitlines()
    number = next((n for n, line in enumerate(lines, 1) if line.removeprefix("EXPORT ").startswith(variable)), None)
    return Finding(PROJECT_ENV, number, variable, wrong, expected, near)


def _check_names() -> None:
    """Raise ConfigError for a HOTLINE_ variable whose name is nearly one of ours: a misspelt one would do nothing."""
    names = [*os.environ, *(dotenv_values(PROJECT_ENV) if PROJECT_ENV.exists() else ())]
    unknown = {n.upper().removeprefix("HOTLINE_").lower() for n in names if n.upper().startswith("HOTLINE_")}
    findings = [
        _finding_of(name, "no such setting", near=f"HOTLINE_{near.upper()}")
        for name in sorted(unknown - Settings.model_fields.keys()) if (near := nearest(name, Settings.model_fields))
    ]  # fmt: skip
    if findings:
        raise ConfigError(*findings)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return this process's settings, read once. Raises ConfigError."""
    _check_names()
    return load()
