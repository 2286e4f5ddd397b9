"""Check every part of a hotline and say how to mend what is wrong. Called by `ivr doctor`."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import text

from ivr import asterisk, native
from ivr.errors import ConfigError, HotlineError
from ivr.settings import Settings

DISK_LEAST_MB = 500
CLOCK_MOST_MS = 1000


@dataclass(frozen=True)
class Health:
    """The state of one part. mend  what to do, '' when it is well."""

    part: str
    ok: bool
    found: str
    mend: str = ""


Check = Callable[[Settings], Awaitable[Health]]


async def examine(settings: Settings) -> list[Health]:
    """Check all parts side by side; a check that itself breaks counts as its part being unwell."""
    return list(await asyncio.gather(*(_guarded(name, check, settings) for name, check in CHECKS.items())))


async def _guarded(name: str, check: Check, settings: Settings) -> Health:
    try:
        return await asyncio.wait_for(check(settings), 15)
    except (HotlineError, OSError, TimeoutError) as error:
        return Health(name, False, str(error) or type(error).__name__, "see the message; then run ivr doctor again")


async def _programs(settings: Settings) -> Health:
    found, lacking = [], []
    for name in native.PARTS:
        try:
            where = "PATH" if native.on_path(name) else "runtime"
            version = await asyncio.to_thread(native.version_of, name)
            found.append(f"{name} {version} ({where})".replace("  ", " "))
        except ConfigError:
            lacking.append(name)
    if lacking:
        return Health("programs", False, f"missing: {', '.join(lacking)}", "make setup")
    return Health("programs", True, ", ".join(found))


async def _settings(settings: Settings) -> Health:
    from ivr.versions.folder import draft_state, in_force

    plans = (await in_force(settings))[-1]
    told = f"{len(plans.flows)} flows, {len(plans.numbers)} numbers, version {plans.version}"
    pending = await draft_state(settings)
    return Health("dialplans", True, f"{told}; {pending}" if pending else told)


async def _asterisk(settings: Settings) -> Health:
    try:
        answer = await asyncio.to_thread(asterisk.console, settings, "core show channels count")
    except HotlineError as error:
        return Health(
            "asterisk",
            False,
            str(error),
            f"start the hotline (make run); its log is in {settings.var_dir / 'asterisk/log'}",
        )
    return Health("asterisk", True, ", ".join(line.strip() for line in answer.splitlines()[:2] if line.strip()))


async def _ami(settings: Settings) -> Health:
    try:
        answer = await asyncio.to_thread(asterisk.console, settings, "manager show connected")
    except HotlineError:
        return Health("AMI", False, "Asterisk does not answer", "mend Asterisk first")
    if asterisk.AMI_USER[:15] in answer:  # the console cuts names
        return Health("AMI", True, f"{asterisk.AMI_USER} is logged in on port {settings.ami_port}")
    return Health(
        "AMI",
        False,
        "no controller is logged in",
        f"start a controller; if one runs, its secret differs: "
        f"delete {settings.var_dir / 'asterisk/etc'} and run make setup",
    )


async def _fastagi(settings: Settings) -> Health:
    token = asterisk.load_secrets(settings).agi_token
    began = time.perf_counter()
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", settings.agi_port), 2)
    except (OSError, TimeoutError):
        return Health("FastAGI", False, f"port {settings.agi_port} does not answer", "start a controller: make run")
    try:
        writer.write(ping(token))
        line = await asyncio.wait_for(reader.readline(), 3)
    except TimeoutError:
        return Health(
            "FastAGI",
            False,
            "the controller accepts calls but does not answer them",
            "it hangs: send it SIGABRT for a trace and restart it; callers are on the fallback meanwhile",
        )
    finally:
        writer.close()
    if not line.startswith(b"NOOP"):
        return Health("FastAGI", False, "something else answers on its port", f"free port {settings.agi_port}")
    return Health("FastAGI", True, f"answers in {(time.perf_counter() - began) * 1000:.1f} ms")


def ping(token: str) -> bytes:
    """Return the header block of a connection that is no call: the controller answers NOOP."""
    fields = {
        "network_script": f"{token}/ping",
        "request": f"agi://127.0.0.1/{token}/ping",
        "channel": "doctor",
        "uniqueid": "doctor",
        "callerid": "",
        "context": "doctor",
        "extension": "s",
        "priority": "1",
        "threadid": "0",
    }
    return "".join(f"agi_{key}: {value}\n" for key, value in fields.items()).encode() + b"\n"


async def _redis(settings: Settings) -> Health:
    redis = Redis.from_url(
        settings.redis_address, socket_timeout=2, socket_connect_timeout=2, decode_responses=True, retry=None
    )
    try:
        began = time.perf_counter()
        information = await redis.info()
        took = (time.perf_counter() - began) * 1000
        saves = "append-only" if information.get("aof_enabled") else "NOT append-only: a restart loses the queue"
        return Health(
            "redis",
            bool(information.get("aof_enabled")),
            f"{information.get('redis_version')}, {saves}, {took:.1f} ms",
            "" if information.get("aof_enabled") else "set appendonly yes in its configuration",
        )
    except (RedisError, OSError, TimeoutError):
        return Health(
            "redis",
            False,
            f"no answer at {settings.redis_address}",
            "start it (make run starts ours; or set HOTLINE_REDIS_URL); callers get the emergency list meanwhile",
        )
    finally:
        await redis.aclose()


async def _database(settings: Settings) -> Health:
    from alembic.script import ScriptDirectory

    from ivr.db import MIGRATIONS, Database

    database = Database(settings)
    try:
        async with database.engine.connect() as connection:
            revision = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()
    except Exception as error:  # noqa: BLE001 - whatever the driver raises means the same here
        return Health("database", False, str(error).splitlines()[0][:120], "make setup")
    finally:
        await database.close()
    if revision != ScriptDirectory(str(MIGRATIONS)).get_current_head():
        return Health("database", False, f"schema {revision} is not the newest", "make setup")
    return Health("database", True, f"schema {revision} at {settings.database_address.split('@')[-1]}")


async def _prompts(settings: Settings) -> Health:
    from ivr.flow.load import prompt_keys
    from ivr.speech.catalog import load_prompt_set

    prompts = await asyncio.to_thread(load_prompt_set, settings)
    keys = prompt_keys(*settings.prompt_dirs)
    lacking = await asyncio.to_thread(lambda: [stem for stem in prompts.names if not Path(f"{stem}.ulaw").exists()])
    if lacking or not prompts.names:
        return Health("prompts", False, f"{len(lacking) or len(keys)} not rendered", "ivr prompts render")
    return Health("prompts", True, f"{len(prompts.names)} rendered for {len(keys)} keys")


async def _disk(settings: Settings) -> Health:
    free = (
        shutil.disk_usage(settings.var_dir if settings.var_dir.exists() else settings.var_dir.parent).free // 1_000_000
    )
    ok = free >= DISK_LEAST_MB
    return Health(
        "disk",
        ok,
        f"{free:,} MB free",
        "" if ok else f"free some space: below {DISK_LEAST_MB} MB calls are not recorded",
    )


async def _clock(settings: Settings) -> Health:
    now = datetime.now(ZoneInfo(settings.timezone))
    where = f"{now:%Y-%m-%d %H:%M:%S %Z}"
    redis = Redis.from_url(settings.redis_address, socket_timeout=1, socket_connect_timeout=1, retry=None)
    try:
        before = time.time()
        seconds, micros = await redis.time()
        off = abs(seconds + micros / 1e6 - (before + time.time()) / 2) * 1000
    except (RedisError, OSError, TimeoutError):
        return Health("clock", True, f"{where} (Redis's clock not compared: no answer)")
    finally:
        await redis.aclose()
    ok = off < CLOCK_MOST_MS
    return Health("clock", ok, f"{where}, {off:.0f} ms from Redis's", "" if ok else "set both clocks by NTP")


async def _page(settings: Settings) -> Health:
    """Ask whether the page's process answers; its certificate is not checked, it may be for another name."""
    import httpx

    scheme = "https" if settings.web_cert else "http"
    host = f"[{settings.web_host}]" if ":" in settings.web_host else settings.web_host
    address = f"{scheme}://{host}:{settings.web_port}/"
    began = time.perf_counter()
    try:
        async with httpx.AsyncClient(timeout=3, verify=False, trust_env=False) as client:
            answer = await client.get(f"{address}health")
    except (httpx.HTTPError, OSError):
        return Health("page", False, f"no answer at {address}", "start it: make run, or ivr web; calls need no page")
    if answer.text != "ok\n":
        return Health("page", False, f"something else answers at {address}", f"free port {settings.web_port}")
    return Health("page", True, f"{address} answers in {(time.perf_counter() - began) * 1000:.0f} ms")


CHECKS: dict[str, Check] = {
    "programs": _programs,
    "dialplans": _settings,
    "prompts": _prompts,
    "database": _database,
    "redis": _redis,
    "asterisk": _asterisk,
    "AMI": _ami,
    "FastAGI": _fastagi,
    "page": _page,
    "disk": _disk,
    "clock": _clock,
}
