"""The folder of the call flows: checked, and read as the content of a version; and what is in force instead of it.

Called by `live` (at start), `ivr/reload.py` and `ivr/setup.py`.
"""

from __future__ import annotations

from ivr.db import Database
from ivr.errors import ConfigError, DatabaseError, InputError
from ivr.flow.load import load, prompt_texts, version_files
from ivr.flow.model import Dialplans
from ivr.settings import Settings
from ivr.versions.model import Change, Content, content_of, named
from ivr.versions.store import Versions

TRIES = 5  # a file may be saved while we read


def read_folder(settings: Settings) -> tuple[Dialplans, Content]:
    """Return what dialplans/ and the words hold now. Raises ConfigError with every mistake in them."""
    folder = settings.dialplans_dir
    for _ in range(TRIES):
        files = read_files(settings)
        texts = prompt_texts(*settings.prompt_dirs)
        keys = {key for said in texts.values() for key in said}
        dialplans = load(folder, keys, texts)
        if files == read_files(settings):
            content = content_of(files, keys)
            return named(dialplans, content.version), content
    raise InputError(f"the files in {folder} change while they are read: try again")


def read_files(settings: Settings) -> dict[str, str]:
    """Return every file of a version by its name; what is no text is left to the check."""
    found = {}
    for name, content in version_files(settings.dialplans_dir, *settings.prompt_dirs).items():
        try:
            found[name] = content.decode()
        except ValueError:
            continue
    return found


def unpublished(settings: Settings, live: Change) -> str:
    """Return in a sentence that dialplans/ and the prompts are not what is live, '' when they are."""
    from ivr.speech.catalog import read_index

    try:
        _, content = read_folder(settings)
    except ConfigError as error:
        return f"dialplans/ holds mistakes and is not live: {len(error.findings)} findings, ivr dialplan check"
    except InputError as error:
        return str(error)
    if content.version not in (live.version, live.tried):
        return "dialplans/ holds changes that are not live: ivr dialplan reload"
    if read_index(settings).version not in (live.prompts, live.canary_prompts if live.tried else ""):
        return "prompts were rendered that are not live: ivr dialplan reload"
    return ""


async def draft_state(settings: Settings) -> str:
    """Return the same of this hotline's database; '' while nothing is live in one that can be read."""
    database = Database(settings)
    try:
        last = await Versions(database).last()
    except DatabaseError:
        last = None
    finally:
        await database.close()
    return unpublished(settings, last) if last else ""


async def in_force(settings: Settings) -> list[Dialplans]:
    """Return what calls follow now, the live version last; dialplans/ while nothing is live that can be read.

    For who prepares something around the calls, such as Asterisk's configuration. Raises ConfigError.
    """
    database = Database(settings)
    try:
        store = Versions(database)
        last = await store.last()
        wanted = [each for each in (last.tried, last.version) if each] if last else []
        found = [content.build() for each in wanted if (content := await store.read(each))]
    except (DatabaseError, ConfigError):
        found = []
    finally:
        await database.close()
    return found or [read_folder(settings)[0]]
