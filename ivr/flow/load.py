"""Read `dialplans/`: all files, every mistake at once, one immutable version.

Called before a set goes live, and by `ivr dialplan`; one mistake refuses the whole set, so that whatever was
live before stays so. Reads files, nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from ivr.errors import ConfigError, Finding, nearest
from ivr.flow import declare
from ivr.flow.check_words import Texts
from ivr.flow.declare import TYPES
from ivr.flow.draft import FILES, build
from ivr.flow.model import Dialplans, Flow, Number, QueueConfig, Step
from ivr.flow.prompt_texts import prompt_keys, prompt_texts
from ivr.flow.source import FILE_BYTES

FLOW_FILES = 200

__all__ = [
    "FILES", "Dialplans", "Flow", "Number", "QueueConfig", "Step", "build", "in_order", "load", "prompt_keys",
    "prompt_texts", "read_files",
]  # fmt: skip


def load(folder: Path, prompt_keys: Collection[str], texts: Texts | None = None) -> Dialplans:
    """Return everything in `folder`, checked.

    prompt_keys  what a flow may say.  texts  what each prompt says, None when it is not to be checked.
    Raises ConfigError with every mistake in every file, in the order of files and lines.
    """
    contents, findings = read_files(folder)
    dialplans, wrong = build(contents, folder, prompt_keys, texts)
    findings += wrong
    if findings or dialplans is None:
        raise ConfigError(*in_order(findings))
    return dialplans


def in_order(findings: Collection[Finding]) -> list[Finding]:
    """Return `findings` in the order of files and lines."""
    return sorted(findings, key=lambda f: (str(f.file), f.line or 0))


def read_files(folder: Path) -> tuple[dict[Path, bytes], list[Finding]]:
    """Return the files of `folder` and what is wrong with the folder itself."""
    contents: dict[Path, bytes] = {}
    findings: list[Finding] = []
    flow_files = sorted(f for f in (folder / "flows").glob("*.toml") if not f.name.startswith("."))
    if not flow_files:
        findings.append(Finding(folder / "flows", None, "", "holds no flow", "at least one <name>.toml", kind="file"))
    if len(flow_files) > FLOW_FILES:
        wrong = f"holds {len(flow_files)} flows"
        findings.append(Finding(folder / "flows", None, "", wrong, f"at most {FLOW_FILES}", kind="file"))
    for file in sorted(f for f in folder.glob("*.toml") if not f.name.startswith(".")):
        if file.name not in FILES:
            near = nearest(file.name, FILES)
            expected = ", ".join(FILES) + ", or a flow in flows/"
            findings.append(Finding(file, None, "", "unknown file", expected, near, kind="file"))
    for file in flow_files:
        if not re.fullmatch(declare.NAME, file.stem):
            expected = f"{TYPES['name']} ({declare.NAME}) and .toml"
            findings.append(Finding(file, None, "", "a flow cannot be named so", expected, kind="file"))
    for file in [folder / name for name in FILES] + flow_files[:FLOW_FILES]:
        try:
            contents[file] = _read_bytes(file)
        except FileNotFoundError:
            findings.append(Finding(file, None, "", "is missing", "this file", kind="file"))
        except OSError as error:
            wrong = f"cannot be read: {error.strerror or error}"
            findings.append(Finding(file, None, "", wrong, "a readable file", kind="file"))
    return contents, findings


def _read_bytes(file: Path) -> bytes:
    if file.exists() and not file.is_file():
        raise OSError(f"{file.name} is no file")
    with file.open("rb") as opened:
        return opened.read(FILE_BYTES + 1)
