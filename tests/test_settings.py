"""Settings: documented, frozen, and clear about what is wrong."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from ivr import settings
from ivr.errors import ConfigError
from ivr.settings import PROJECT, Settings


def documented() -> dict[str, tuple[str, str]]:
    rows = (PROJECT / "docs/settings.md").read_text().splitlines()
    cells = [[c.strip().strip("`") for c in row.split(" | ")] for row in rows if row.startswith("| `HOTLINE_")]
    return {
        name.removeprefix("| `"): (default.removeprefix("(empty)"), meaning.rstrip(" |"))
        for name, default, meaning in cells
    }


def test_the_table_of_settings_is_complete_and_true() -> None:
    """docs/settings.md names every setting with its default and meaning, and no other."""
    declared = {
        f"HOTLINE_{name.upper()}": (str(field.default), str(field.description))
        for name, field in Settings.model_fields.items()
    }

    assert declared == documented()


def test_settings_are_frozen() -> None:
    """Nobody changes a setting while calls are up."""
    with pytest.raises(ValidationError):
        settings.load().sip_port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value"), [("sip_port", "ten"), ("agi_port", "70000"), ("runtime", "privat"), ("country_code", "+48")]
)
def test_a_wrong_value_is_named_with_what_was_expected(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """The error names the variable and the value."""
    monkeypatch.setenv(f"HOTLINE_{name.upper()}", value)

    with pytest.raises(ConfigError, match=f"HOTLINE_{name.upper()}.*{value.replace('+', '.')}"):
        settings.load()


def test_the_nearest_choice_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt choice is answered with the likely one."""
    monkeypatch.setenv("HOTLINE_RUNTIME", "privat")

    with pytest.raises(ConfigError, match="did you mean 'private'"):
        settings.load()


def test_keys_of_webhooks() -> None:
    """By name, whatever signs they are made of; printed they are stars."""
    loaded = settings.load(webhook_tokens="crm=a1/b+c==, billing=x")

    assert {"crm": "a1/b+c==", "billing": "x"} == loaded.tokens
    assert {} == settings.load(webhook_tokens="").tokens
    assert "a1/b" not in f"{loaded!r} {loaded.webhook_tokens}"


@pytest.mark.parametrize("value", ["s3cret", "crm=", "=s3cret", "crm=s3 cret", "Crm=s3cret", "crm=s3cret\r\nX: y"])
def test_a_wrong_key_is_refused_without_being_shown(value: str) -> None:
    """It may be in a log that others read."""
    with pytest.raises(ConfigError, match=r"HOTLINE_WEBHOOK_TOKENS.*crm=secret") as refused:
        settings.load(webhook_tokens=value)

    assert "s3" not in str(refused.value)
