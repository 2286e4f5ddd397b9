"""Settings: ports, folders, limits. The only reader of the environment and of `.env`.

Every setting is an environment variable HOTLINE_<NAME>; docs/settings.md documents each in one table, and a
test keeps that table complete. Folders are relative to the project folder unless absolute.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ivr.errors import ConfigError, Finding, nearest

PROJECT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Frozen settings of one hotline."""

    model_config = SettingsConfigDict(env_prefix="HOTLINE_", env_file=PROJECT / ".env", frozen=True, extra="ignore")

    host: str = Field("127.0.0.1", description="address Asterisk listens on for SIP and RTP")
    sip_port: int = Field(5060, ge=1, le=65535, description="SIP over UDP: the port phones and trunks call")
    rtp_start: int = Field(10000, ge=1024, le=65000, description="first RTP port")
    rtp_end: int = Field(14999, ge=1024, le=65535, description="last RTP port")
    trunk_from: str = Field("127.0.0.1/32", description="networks trunks call from, comma separated")
    agent_from: str = Field("127.0.0.1/32", description="networks agents' phones register from, comma separated")
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
    lease_s: int = Field(15, ge=3, le=120, description="silence allowed from a controller before the ladder takes over")
    entry_lease_s: int = Field(4, ge=1, le=60, description="the same for the first command of a new call")
    max_calls: int = Field(1000, ge=1, description="calls at once before Asterisk answers 503")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level logged")

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


def _finding(error: dict[str, object]) -> Finding:
    name = str(error["loc"][0])  # type: ignore[index]
    return Finding(PROJECT / ".env", None, f"HOTLINE_{name.upper()}", f"{error['msg']}, got {error['input']!r}",
                   Settings.model_fields[name].description or "", nearest(str(error["input"]), ("auto", "private")))


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return this process's settings, read once."""
    return load()
