"""Import an Asterisk `extensions.conf` as a dialplan folder: reads the files, writes the folder whole or not at all.

Called by `ivr dialplan import`; what becomes what is decided in `flow/extensions/convert.py`.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path

from ivr.errors import InputError
from ivr.flow.extensions.convert import Imported, Options, convert
from ivr.flow.extensions.file import ExtensionsFile, read_extensions
from ivr.flow.load import load, prompt_keys

FILE_BYTES = 2 * 1024 * 1024  # a FreePBX of 500 phones has 1 MB


def import_folder(
    file: Path, folder: Path, options: Options, prompts: Collection[str], queues: Path | None = None
) -> Imported:
    """Write `folder` from `file`; it must not exist, or be empty.

    prompts  those there are already.  queues  queues.conf.
    Raises InputError when a file cannot be read, nothing in it answers a call, or the folder holds something;
    ConfigError when what was made does not pass the check. Nothing is written then.
    """
    _refuse_if_taken(folder)
    imported = convert(_read(file), options, prompts, _read(queues) if queues else None)
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for name, text in imported.files.items():
            (made / name).parent.mkdir(exist_ok=True)
            (made / name).write_text(text, "utf-8")
        own = made / "prompts"
        load(made, {*prompts, *(prompt_keys(own) if own.is_dir() else ())})
        made.chmod(0o755)
        _refuse_if_taken(folder)
        made.rename(folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return imported


def _refuse_if_taken(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: holds something already; expected a folder that is empty or does not exist")


def _read(file: Path) -> ExtensionsFile:
    """Return what `file` and the files it includes hold; those must be in its folder."""
    text = _text(file)
    return read_extensions(file.name, text, _including(file.parent.resolve()))


def _including(folder: Path) -> Callable[[str], tuple[str, str] | None]:
    def include(name: str) -> tuple[str, str] | None:
        if not name or "\0" in name or len(name) > 255:
            return None
        for path in (folder / name, folder / Path(name).name):
            if path.resolve().is_relative_to(folder) and path.is_file():
                try:
                    return path.name, _text(path)
                except InputError:
                    return None
        return None

    return include


def _text(file: Path) -> str:
    """Return the text of `file`, bytes that are not UTF-8 as Latin-1."""
    try:
        if not file.is_file():
            raise InputError(f"{file}: is not there, or no file")
        with file.open("rb") as opened:
            content = opened.read(FILE_BYTES + 1)
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror or error}") from error
    if len(content) > FILE_BYTES:
        raise InputError(f"{file}: has more than {FILE_BYTES} bytes; expected a dialplan")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")
