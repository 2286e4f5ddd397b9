"""Read `dialplans/`: all files, every mistake at once, one immutable version.

Called before a set goes live, and by `ivr dialplan`; one mistake refuses the whole set, so that whatever was
live before stays so. Reads files, nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from ivr.errors import ConfigError, Finding, nearest
from ivr.flow import declare
from ivr.flow.check_words import Texts
from ivr.flow.declare import TYPES
from ivr.flow.draft import FILES, build, version_of
from ivr.flow.model import Dialplans, Flow, Number, QueueConfig, Step
from ivr.flow.prompt_texts import prompt_keys, prompt_texts
from ivr.flow.source import FILE_BYTES

FLOW_FILES = 200
PROMPTS = "prompts/"  # files of a version below it are words; the flows are all the others
SHARED = "prompts/shared/"  # those of HOTLINE_PROMPTS

__all__ = [
    "FILES", "PROMPTS", "SHARED", "Dialplans", "Flow", "Number", "QueueConfig", "Step", "build", "in_order", "load",
    "load_spoken", "prompt_keys", "prompt_texts", "read_files", "read_version", "version_files",
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


def load_spoken(folder: Path, *prompts: Path) -> tuple[Dialplans, Texts]:
    """Return everything in `folder` with the version it would be live as, and what its prompts say.

    prompts  folders of words, those all dialplans share first. Raises ConfigError.
    """
    texts = prompt_texts(*prompts)
    dialplans = load(folder, {key for said in texts.values() for key in said})
    return replace(dialplans, version=read_version(folder, *prompts)), texts


def version_files(folder: Path, *prompts: Path) -> dict[str, bytes]:
    """Return every file that counts for the version, flows and words; what cannot be read is left to the check."""
    wanted = {name: folder / name for name in FILES}
    wanted |= {f"flows/{file.name}": file for file in (folder / "flows").glob("*.toml")}
    for below, place in zip((SHARED, PROMPTS), prompts, strict=False):
        wanted |= {f"{below}{file.name}": file for file in place.glob("*.toml")}
    found = {}
    for name, file in sorted(wanted.items()):
        try:
            if not file.name.startswith("."):
                found[name] = _read_bytes(file)
        except OSError:
            continue
    return found


def read_version(folder: Path, *prompts: Path) -> str:
    """Return the version of what `folder` and the folders of words hold now."""
    return version_of(version_files(folder, *prompts))


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
