"""Bringing the native parts when something is wrong: one clear line, and nothing half done."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ivr import fetch as module
from ivr import native, setup
from ivr.errors import ConfigError
from ivr.fetch import fetch
from ivr.settings import Settings, load

SYSTEM = platform.freedesktop_os_release()["ID"]
MIRROR = f"http://mirror.invalid/{SYSTEM}"
SITE = f'case "$*" in *indextargets*) echo {MIRROR}; exit;; esac\n'
GOOD_APT = SITE + """
case "$*" in
*update*) ;;
*--print-uris*) echo "'http://mirror.invalid/pool/sipp_1_all.deb' sipp_1_all.deb 5 SHA256:0";;
*--download-only*) . "$APT_CONFIG.places"; echo five > "$archives/sipp_1_all.deb";;
*--simulate*) echo 'Inst sipp (1 Debian:x [all])';;
esac
"""
Tool = Callable[[str, str], None]


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings whose runtime, cache and var are fresh folders."""
    conf = load(runtime="private", runtime_dir=tmp_path / "runtime", cache_dir=tmp_path / "cache", var=tmp_path / "var")
    monkeypatch.setattr(native, "settings", lambda: conf)
    monkeypatch.setattr(module, "settings", lambda: conf)
    monkeypatch.setattr(module.time, "sleep", lambda _: None)
    return conf


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tool]:
    """Put shell scripts before everything else on PATH; dpkg-deb exists, whatever the machine is."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def add(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    add("dpkg-deb", "exit 1")
    yield add
    native.program.cache_clear()


def places(conf: Settings) -> None:
    """Tell the fake apt-get where archives go (the real one reads it from its configuration)."""
    apt = conf.path(conf.cache_dir) / "apt"
    (apt / "cache/archives").mkdir(parents=True)
    (apt / "apt.conf.places").write_text(f"archives={apt / 'cache/archives'}\n")


def refused(lacking: list[str] | None = None) -> str:
    """Fetch, expecting trouble; return the one line said about it."""
    with pytest.raises(ConfigError) as raised:
        fetch(lacking or ["asterisk", "sipp"], lambda _: None)

    line = str(raised.value)
    assert "\n" not in line
    assert not native.root().exists()
    assert not native.root().with_name("root.new").exists()
    return line


def test_a_machine_without_apt_is_told_what_to_install(
    conf: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No apt-get: the missing parts by name."""
    monkeypatch.setenv("PATH", str(tmp_path))

    line = refused()
    assert "apt-get not found" in line
    assert "asterisk, sipp" in line


def test_apt_without_a_mirror_says_so(conf: Settings, tool: Tool) -> None:
    """Sources that name no mirror of this distribution: add one, or install these versions."""
    tool("apt-get", "exit 0")

    line = refused()
    assert f"name no {SYSTEM} mirror" in line
    assert "asterisk (20 or later)" in line


def test_a_mirror_that_cannot_be_reached_is_named(conf: Settings, tool: Tool) -> None:
    """Real apt words: its own reason is in the line, not that it then knows no package."""
    tool("apt-get", SITE + f'case "$*" in *Error-Mode=any*update*) '
         f"echo 'E: Failed to fetch {MIRROR}/dists/x/InRelease  Could not resolve mirror.invalid' >&2; "
         "echo 'E: Some index files failed to download.' >&2; exit 100;; *update*) exit 0;; "
         "*) echo 'E: Unable to locate package asterisk' >&2; exit 100;; esac")

    line = refused()
    assert "Could not resolve mirror.invalid" in line
    assert "check the network" in line
    assert "Unable to locate" not in line


@pytest.mark.skipif(not shutil.which("apt-get"), reason="no apt-get here")
def test_the_real_apt_names_an_unreachable_mirror(conf: Settings, tool: Tool) -> None:
    """Nobody listens at the mirror's address: apt's own reason and address."""
    real = shutil.which("apt-get")
    tool("apt-get", f"""
case "$*" in *indextargets*) echo http://127.0.0.1:9/{SYSTEM}; exit;; esac
exec {real} -o Acquire::Retries=0 "$@\"""")

    line = refused()
    assert "127.0.0.1:9" in line
    assert "check the network" in line


def test_without_network_the_known_lists_will_do(conf: Settings, tool: Tool, tmp_path: Path) -> None:
    """Lists from an earlier time: an unreachable mirror is only a warning of apt's, and the work goes on."""
    lists = conf.path(conf.cache_dir) / "apt/state/lists"
    lists.mkdir(parents=True)
    (lists / "mirror.invalid_dists_x_main_binary-any_Packages").touch()
    tool("apt-get", SITE + f'echo "$*" >> {tmp_path}/asked; case "$*" in *Error-Mode*) exit 100;; '
         "*update*) exit 0;; *) echo 'E: later' >&2; exit 100;; esac")

    assert "(later)" in refused()


def test_a_full_disk_while_unpacking_leaves_nothing_and_says_so(conf: Settings, tool: Tool) -> None:
    """tar fails in the middle: the half unpacked folder is gone, so that the disk has room again."""
    places(conf)
    tool("apt-get", GOOD_APT)
    tool("dpkg-deb", "echo something")
    tool("tar", "echo 'tar: ./usr/sbin/asterisk: Cannot write: No space left on device' >&2; exit 2")

    line = refused()
    assert "No space left on device" in line
    assert "is the disk full?" in line
    assert "sipp_1_all.deb" in line


def test_an_archive_that_is_broken_is_named(conf: Settings, tool: Tool) -> None:
    """dpkg-deb refuses it: which file to delete."""
    places(conf)
    tool("apt-get", GOOD_APT)
    tool("dpkg-deb", "echo 'not a Debian archive' >&2; exit 2")
    tool("tar", "cat > /dev/null")

    assert f"Delete {conf.path(conf.cache_dir)}/apt/cache/archives/sipp_1_all.deb" in refused()


def test_what_was_unpacked_before_stays_when_the_new_fails(conf: Settings, tool: Tool) -> None:
    """A working runtime is replaced by a complete one only."""
    places(conf)
    tool("apt-get", GOOD_APT)
    tool("tar", "exit 2")
    native.root().mkdir(parents=True)
    (native.root() / ".stamp").write_text("of an earlier set-up")
    with pytest.raises(ConfigError):
        fetch(["sipp"], lambda _: None)

    assert "of an earlier set-up" == (native.root() / ".stamp").read_text()
    assert not native.root().with_name("root.new").exists()


def test_good_packages_are_put_in_place_with_a_stamp(conf: Settings, tool: Tool) -> None:
    """And a second time nothing is unpacked."""
    places(conf)
    tool("apt-get", GOOD_APT)
    tool("dpkg-deb", "echo something")
    tool("tar", "cat > /dev/null")
    fetch(["sipp"], lambda _: None)
    tool("tar", "exit 2")
    fetch(["sipp"], lambda _: None)

    assert (native.root() / ".stamp").exists()


@pytest.mark.parametrize("setting", ["cache_dir", "runtime_dir", "var"])
def test_a_folder_that_cannot_be_made_is_one_clear_line(
    conf: Settings, tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    """A file is in the way: its path and the settings that name folders, no traceback."""
    (tmp_path / "file").touch()
    blocked = load(**{**conf.model_dump(), setting: tmp_path / "file" / "inside"})
    monkeypatch.setattr(native, "settings", lambda: blocked)
    monkeypatch.setattr(module, "settings", lambda: blocked)
    if setting != "cache_dir":
        places(conf)
    if setting == "var":
        monkeypatch.setattr(native, "missing", list)
    tool("apt-get", GOOD_APT)
    tool("dpkg-deb", "echo something")
    tool("tar", "cat > /dev/null")

    with pytest.raises(ConfigError, match=f"{tmp_path / 'file'}.*Not a directory.*HOTLINE_{setting.upper()}"):
        setup.set_up(blocked, lambda _: None)


def test_apt_is_told_that_needless_packages_are_there(conf: Settings, tool: Tool) -> None:
    """Graphviz only places boxes: its plugins for image formats, and all that hangs on them, stay away."""
    tool("apt-get", SITE + "exit 100")
    refused()
    status = (conf.path(conf.cache_dir) / "apt/status").read_text()

    assert "Status: install ok installed" in status
    assert all(f"{name} (= 999:0)" in status for name in module.NEEDLESS)
    assert status.endswith("\n\n")
