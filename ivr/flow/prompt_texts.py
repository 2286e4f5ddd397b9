"""What the prompts of `prompts/` say, for those who check and try flows without audio. Reads files, nothing else.

A folder of dialplans may bring prompts of its own: `<dialplans>/prompts/<language>.toml` adds to those of
HOTLINE_PROMPTS, and wins where both have a key (`Settings.prompt_dirs`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ivr.errors import ConfigError, Finding
from ivr.flow.source import parse


def prompt_keys(*folders: Path) -> set[str]:
    """Return the prompts of `folders`/<locale>.toml that a flow can say: those that need no number.

    Raises ConfigError when a file cannot be read.
    """
    return {key for texts in prompt_texts(*folders).values() for key in texts}


def prompt_texts(*folders: Path) -> dict[str, dict[str, str]]:
    """Return what each prompt says, by language and key; prompts that need a number are left out.

    Raises ConfigError with each file that cannot be read; whether its prompts are right, `ivr prompts check` tells.
    """
    found, findings = read_texts(*folders)
    if findings:
        raise ConfigError(*findings)
    return found


def read_texts(*folders: Path) -> tuple[dict[str, dict[str, str]], list[Finding]]:
    """Return what each prompt says, by language and key, and the mistakes of files that cannot be read."""
    written: dict[str, dict[str, Any]] = {}
    findings: list[Finding] = []
    for folder in folders:
        files = sorted(folder.glob("*.toml"))
        if not files:
            expected = "at least one <language>.toml (HOTLINE_PROMPTS)"
            findings.append(Finding(folder, None, "", "holds no prompts", expected, kind="file"))
        for file in files:
            try:
                prompts = _prompts(file)
            except ConfigError as error:
                findings += [each for each in error.findings if isinstance(each, Finding)]
                continue
            written.setdefault(file.stem, {}).update(prompts)
    return texts_of(written), findings


def texts_of(written: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Return what each prompt says, by language and key, as `written` in the files."""
    return {
        language: {key: _text(prompts, text) for key, text in prompts.items() if _needs_no_number(text)}
        for language, prompts in written.items()
    }


def _prompts(file: Path) -> dict[str, Any]:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ConfigError(Finding(file, None, "", f"cannot be read: {error}", kind="file")) from error
    source, mistake = parse(file, content)
    if source is None:
        assert mistake is not None
        raise ConfigError(mistake)
    prompts = source.table.get("prompts")
    if not isinstance(prompts, dict):
        raise ConfigError(Finding(file, None, "prompts", "missing", "a table [prompts]", kind="missing_key"))
    return prompts


def _needs_no_number(text: object) -> bool:
    return not (isinstance(text, dict) and "from" in text)


def _text(prompts: Mapping[str, Any], text: object) -> str:
    parts = text.get("parts") if isinstance(text, dict) else None
    if isinstance(parts, list):
        return " ".join(str(prompts[part]) for part in parts if part in prompts)
    return str(text)
