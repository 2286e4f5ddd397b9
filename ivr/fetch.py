"""Bring the native parts: Debian or Ubuntu packages, downloaded and unpacked without root.

Uses an apt configuration of its own, so the machine's package database is neither read nor changed; the
mirror is the one the machine's apt names. Downloads stay in the user's cache folder, shared by checkouts.
Called by `ivr setup`, and by tests for the browser they look at pages with.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from ivr.errors import ConfigError
from ivr.native import PARTS, VOICES, program, root
from ivr.settings import settings

Report = Callable[[str], None]

SUITE_OF = {"debian": "forky"}  # Debian 12 and 13 have no asterisk; Ubuntu's own release has one
NEEDLESS = (
    "libgvplugin-gd8", "libgvplugin-pango8", "libgvpr2",  # of graphviz, which only places boxes: 15 MB of image formats
    "libgd3", "libpango-1.0-0", "libpangocairo-1.0-0", "libpangoft2-1.0-0", "libcairo2",
)  # fmt: skip
"""Packages others depend on but that nobody here uses: apt is told that they are installed."""
UNWANTED = (
    "usr/share/man/*",
    "usr/share/locale/*",
    "usr/share/info/*",
    "usr/share/perl*",
    "usr/lib/python3*",
    "usr/share/icu/*",
    "*/RHVoice/voices/*/16000/*",
)


def fetch(lacking: list[str], report: Report) -> None:
    """Download and unpack the packages of all parts into the runtime folder; all or nothing.

    lacking  the parts that are missing, for messages.
    Raises ConfigError with what to do when apt, the mirror or the disk fails.
    """
    packages = [p for name in PARTS for p in PARTS[name].packages]
    yourself = "asterisk (20 or later), redis-server (7 or later), sipp, RHVoice and graphviz"
    bring(packages, root(), report, needless=NEEDLESS, lacking=", ".join(lacking), yourself=yourself)
    program.cache_clear()


def bring(
    packages: list[str],
    target: Path,
    report: Report,
    *,
    needless: Sequence[str],
    unwanted: Sequence[str] = UNWANTED,
    lacking: str,
    yourself: str,
) -> None:
    """Download `packages` and all they depend on and unpack them into `target`; all or nothing.

    needless  packages they depend on that stay away.  unwanted  patterns of files that are left out.
    lacking, yourself  what to install by hand, for messages.
    Raises ConfigError with what to do.
    """
    for tool in ("apt-get", "dpkg-deb", "tar"):
        if not shutil.which(tool):
            raise ConfigError(f"{tool} not found: install {lacking} yourself, then run this again")
    cache = settings().path(settings().cache_dir) / "apt"
    cache.mkdir(parents=True, exist_ok=True)
    with _only_one(cache / "lock", report):
        configuration = _configure(cache, needless, yourself)
        debs = _download(cache, configuration, packages, report)
        _unpack(debs, target, unwanted, report)


@contextmanager
def _only_one(lock: Path, report: Report) -> Iterator[None]:
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("waiting for another set-up on this machine to finish")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _download(cache: Path, configuration: Path, packages: list[str], report: Report) -> list[Path]:
    environment = dict(os.environ, APT_CONFIG=str(configuration), DEBIAN_FRONTEND="noninteractive")
    _update(cache, environment, report)
    plan = _apt(["-y", "--print-uris", "install", *packages], environment, report, "")
    wanted = {name: int(size) for _, name, size in (line.split()[:3] for line in plan.splitlines() if line[:1] == "'")}
    archives = cache / "cache/archives"
    total = sum(wanted.values())
    if wanted:
        report(f"downloading {len(wanted)} packages, {total / 1e6:.0f} MB")
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(_apt, ["-y", "--download-only", "install", *packages], environment, report, "")
        while not job.done():
            time.sleep(1.0)
            got = sum(f.stat().st_size for f in archives.rglob("*.deb") if f.name in wanted)
            report(f"downloaded {got / 1e6:.0f} of {total / 1e6:.0f} MB")
        job.result()
    return _chosen(packages, archives, environment, report)


def _update(cache: Path, environment: dict[str, str], report: Report) -> None:
    """Read the package lists; older ones will do when the mirror cannot be reached now."""
    known = any((cache / "state/lists").glob("*_Packages*"))
    strict = [] if known else ["-o", "APT::Update::Error-Mode=any"]  # else apt only warns, and then knows no package
    _apt([*strict, "update"], environment, report, "reading the package lists")


def _chosen(packages: list[str], archives: Path, environment: dict[str, str], report: Report) -> list[Path]:
    """Return the archives of the current plan: older downloads may lie beside them."""
    plan = _apt(["-y", "--simulate", "install", *packages], environment, report, "")
    debs: list[Path] = []
    for line in plan.splitlines():
        if line.startswith("Inst "):
            name, version = line.split()[1], line.split("(", 1)[1].split()[0]
            debs += archives.glob(f"{name}_{version.replace(':', '%3a')}_*.deb")
    return sorted(debs)


def _apt(arguments: list[str], environment: dict[str, str], report: Report, what: str) -> str:
    if what:
        report(what)
    run = subprocess.run(["apt-get", "-qq", *arguments], env=environment, capture_output=True, text=True, check=False)
    errors = [line for line in run.stderr.splitlines() if line.startswith("E:")]
    if run.returncode or errors:
        reason = errors[0] if errors else f"apt-get ended with {run.returncode}"
        raise ConfigError(
            f"the packages cannot be fetched ({reason[3:]}): check the network and the mirror in apt's "
            "sources, then run this again"
        )
    return run.stdout


def _configure(cache: Path, needless: Sequence[str], yourself: str) -> Path:
    """Write an apt configuration that touches nothing outside `cache`."""
    for folder in ("state/lists/partial", "cache/archives/partial", "none"):
        (cache / folder).mkdir(parents=True, exist_ok=True)
    (cache / "status").write_text(_needless(needless))
    (cache / "sources.list").write_text(_sources(yourself))
    lines = {
        "Dir::State": cache / "state",
        "Dir::State::status": cache / "status",
        "Dir::Cache": cache / "cache",
        "Dir::Etc::SourceList": cache / "sources.list",
        "Dir::Etc::SourceParts": cache / "none",
        "Dir::Etc::Parts": cache / "none",
        "Dir::Etc::PreferencesParts": cache / "none",
        "APT::Install-Recommends": "false",
        "Acquire::Languages": "none",
        "Debug::NoLocking": "true",
        "Acquire::Check-Valid-Until": "false",  # a mirror's snapshot may be weeks old; signatures are still checked
        "Acquire::Retries": "3",
    }
    if os.geteuid() == 0:
        lines["APT::Sandbox::User"] = "root"
    path = cache / "apt.conf"
    path.write_text("".join(f'{key} "{value}";\n' for key, value in lines.items()))
    return path


def _needless(names: Sequence[str]) -> str:
    """Return a package database with one package in it, which stands in for those of `names`."""
    stands_in = ", ".join(f"{name} (= 999:0)" for name in names)
    return (
        "Package: hotline-needless\nStatus: install ok installed\nArchitecture: all\nMulti-Arch: foreign\nVersion: 1\n"
        f"Maintainer: none\nDescription: stands in for what is not used\nProvides: {stands_in}\n\n"
    )


def _sources(yourself: str) -> str:
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    system = release.get("ID", "").strip('"')
    suite = SUITE_OF.get(system, release.get("VERSION_CODENAME", "").strip('"'))
    components = "main universe multiverse" if system == "ubuntu" else "main contrib non-free"
    keyring = Path(f"/usr/share/keyrings/{system}-archive-keyring.gpg")
    signed = f"[signed-by={keyring}] " if keyring.exists() else ""
    return f"deb {signed}{_mirror(system, yourself)} {suite} {components}\n"


def _mirror(system: str, yourself: str) -> str:
    """Return the mirror this machine's own apt settings name for its distribution."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE)"], capture_output=True, text=True, check=False
    )
    sites = [s for s in dict.fromkeys(listed.stdout.split()) if s.rstrip("/").endswith(f"/{system}")]
    if not sites:
        raise ConfigError(
            f"apt's sources name no {system or 'Debian or Ubuntu'} mirror: add one, or install {yourself} yourself"
        )
    return sites[0]


def _unpack(debs: list[Path], target: Path, unwanted: Sequence[str], report: Report) -> None:
    """Unpack into a fresh folder beside `target`, then put it in place."""
    stamp = hashlib.sha256("\n".join(d.name for d in debs).encode()).hexdigest()[:16]
    if (target / ".stamp").exists() and (target / ".stamp").read_text() == stamp:
        return
    fresh = target.with_name(f"{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        _unpack_all(debs, fresh, unwanted, report)
        (fresh / ".stamp").write_text(stamp)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)  # the disk may be full of it
        raise
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)


def _unpack_all(debs: list[Path], fresh: Path, unwanted: Sequence[str], report: Report) -> None:
    fresh.mkdir(parents=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for n, _ in enumerate(pool.map(lambda deb: _extract(deb, fresh, unwanted), debs), 1):
            if n % 40 == 0 or n == len(debs):
                report(f"unpacked {n} of {len(debs)} packages")
    for voice in (fresh / "usr/share/RHVoice/voices").glob("*"):
        if voice.name not in VOICES.values():
            shutil.rmtree(voice)


def _extract(deb: Path, target: Path, unwanted: Sequence[str]) -> None:
    """Unpack one package without manuals and the like, keeping each package's licence."""
    without = [f"--exclude=./{pattern}" for pattern in unwanted]
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as tar:
        run = subprocess.run(
            ["tar", "-x", "--keep-directory-symlink", "-C", str(target), *without],
            stdin=tar.stdout,
            capture_output=True,
            text=True,
            check=False,
        )
    if run.returncode or tar.returncode:
        raise ConfigError(
            f"{deb.name} cannot be unpacked ({run.stderr.strip()[:200]}): is the disk full? "
            f"Delete {deb} and run this again"
        )
