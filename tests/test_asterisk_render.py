"""ivr/asterisk.py without a server: what it writes, what it refuses to write, what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ivr import asterisk
from ivr.asterisk import AgentPhone
from ivr.errors import AsteriskError, ConfigError
from ivr.settings import load
from tests.support.asterisk_conf import CONF, CONTEXTS, SECRETS, lines, render, section


@pytest.fixture
def rendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder with a rendered configuration of two agents, two numbers, a target and an emergency phone."""
    return render(tmp_path, monkeypatch)


def test_every_placeholder_is_filled(rendered: Path) -> None:
    """Nothing of the form @NAME@ is left, every template is written."""
    assert {f.name for f in CONF.glob("*.conf")} | {"pjsip_agents.conf"} == {f.name for f in rendered.iterdir()}
    assert not [f.name for f in rendered.iterdir() if re.search(r"@[A-Z_]+@", f.read_text())]


def test_contexts_have_no_placeholder() -> None:
    """Engineers edit them as they are."""
    assert not [f.name for f in CONTEXTS.glob("*.conf") if re.search(r"@[A-Z_]+@", f.read_text())]


def test_values_become_globals(rendered: Path) -> None:
    """Ports, token, prompts, emergency phones, targets."""
    body = section(rendered / "extensions.conf", "globals")

    assert {f"HOTLINE_AGI_TOKEN = {SECRETS.agi_token}", "HOTLINE_FALLBACK_PROMPT = /p/trouble",
            "HOTLINE_GOODBYE_PROMPT = /p/bye", "HOTLINE_EMERGENCY = PJSIP/ag-ann-1",
            "HOTLINE_TARGET_reception = PJSIP/ag-bob-2", "HOTLINE_AGI_PORT = 4573"} <= set(body)


@pytest.mark.parametrize("how", [
    {"numbers": ("_X.",)}, {"numbers": ("100\nexten => 1,1,System(id)",)}, {"numbers": ("",)},
    {"phones": (AgentPhone("a]\n[b", "p" * 32, "a", ""),)}, {"phones": (AgentPhone("a", "short", "a", ""),)},
    {"phones": (AgentPhone("a", "p" * 32 + "\nx = y", "a", ""),)}, {"emergency": ("Local/s@entry",)},
    {"targets": {"x": "PJSIP/a&PJSIP/b"}}, {"targets": {"x y": "PJSIP/a"}}, {"fallback_prompt": "/p/a;b"},
    {"goodbye_prompt": "/p/${SHELL(id)}"},
])
def test_values_that_would_break_out_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: dict[str, Any],
) -> None:
    """Nothing that is not a number, name, password, dial string or file reaches a configuration file."""
    with pytest.raises(ConfigError, match="cannot be written into Asterisk's configuration"):
        render(tmp_path, monkeypatch, **how)


def test_refused_password_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the endpoint only."""
    with pytest.raises(ConfigError) as error:
        render(tmp_path, monkeypatch, phones=(AgentPhone("ag-1", "hunter2", "a", ""),))

    assert "hunter2" not in str(error.value)
    assert "ag-1" in str(error.value)


def test_agents_name_cannot_add_a_line(rendered: Path) -> None:
    """Display names are letters, digits, blank, dot and hyphen; everything else is dropped."""
    assert "callerid = Bob xload  y <ag-bob-2>" in (rendered / "pjsip_agents.conf").read_text()
    assert "[x]" not in (rendered / "pjsip_agents.conf").read_text()


@pytest.mark.parametrize(("setting", "value"), [("trunk_from", "192.0.2.0/33"), ("agent_from", "everybody")])
def test_wrong_network_names_its_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, value: str,
) -> None:
    """HOTLINE_TRUNK_FROM and HOTLINE_AGENT_FROM."""
    with pytest.raises(ConfigError, match=f"HOTLINE_{setting.upper()}: .*expected networks such as"):
        render(tmp_path, monkeypatch, {setting: value})


def test_folder_too_long_for_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asterisk would start and its console never answer."""
    with pytest.raises(ConfigError, match=r"longer than 107 bytes.*HOTLINE_VAR"):
        render(tmp_path / ("x" * 100), monkeypatch)


def test_asterisk_without_music_gets_a_ring_tone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A waiting caller hears something."""
    render(tmp_path, monkeypatch)
    monkeypatch.setattr(asterisk, "_asterisk_folders", lambda: (Path("/modules"), Path("/data"), None))
    chosen = load(var=tmp_path / "var")
    folder = asterisk.render(chosen, secrets=SECRETS, numbers=("100",))

    directory = next(line for line in lines(folder / "musiconhold.conf") if line.startswith("directory"))
    assert (Path(directory.partition(" = ")[2]) / "ring.wav").stat().st_size > 70000


def test_own_contexts_of_a_dialplan_folder_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HOTLINE_DIALPLANS with an asterisk folder brings its contexts; without one the project's are used."""
    (tmp_path / "plans/asterisk").mkdir(parents=True)
    own = (render(tmp_path, monkeypatch, {"dialplans": tmp_path / "plans"}) / "extensions.conf").read_text()
    other = (render(tmp_path, monkeypatch, {"dialplans": tmp_path / "none"}) / "extensions.conf").read_text()

    assert f'#include "{tmp_path}/plans/asterisk/entry.conf"' in own
    assert f'#include "{CONTEXTS}/entry.conf"' in other


def test_console_of_a_dead_asterisk_says_so(tmp_path: Path) -> None:
    """One line naming the socket."""
    with pytest.raises(AsteriskError, match=r"does not answer at .*asterisk\.ctl"):
        asterisk.console(load(var=tmp_path / "var"), "core show version")


def test_console_takes_one_line_only(tmp_path: Path) -> None:
    """Nothing can be added to a command."""
    with pytest.raises(ValueError, match="one line"):
        asterisk.console(load(var=tmp_path / "var"), "core show version\0core stop now")


def test_start_without_configuration_says_what_to_do(tmp_path: Path) -> None:
    """`ivr setup`."""
    with pytest.raises(ConfigError, match=r"asterisk\.conf is missing: run `ivr setup`"):
        asterisk.argv(load(var=tmp_path / "var"))
