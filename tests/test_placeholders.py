"""ivr/desk/placeholders.py: texts an import wrote in place of words are noted, and never become live."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.desk.dialplan_check import Checked, check_folder
from ivr.errors import ConfigError
from ivr.extensions_folder import import_folder
from ivr.flow.extensions.convert import Options
from ivr.flow.load import prompt_keys
from ivr.reload import reload
from ivr.settings import PROJECT, Settings
from tests.support.desk import desk_settings

KEYS = frozenset(prompt_keys(PROJECT / "prompts"))
MENU = """
[in]
exten => s,1,Background(custom/choices)
 same => n,WaitExten(5)
exten => 1,1,Playback(custom/address)
 same => n,Hangup()
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A folder just imported, with a prompt that no step says, and recordings of its own."""
    (tmp_path / "extensions.conf").write_text(MENU)
    made = tmp_path / "made"
    import_folder(tmp_path / "extensions.conf", made, Options("pl", "Europe/Warsaw"), KEYS)
    with (made / "prompts" / "pl.toml").open("a") as file:
        file.write('left_over = "[recording custom/left]"\n')
    own = tmp_path / "prompts"
    own.mkdir()
    for file in (PROJECT / "prompts").glob("*.toml"):
        (own / file.name).write_bytes(file.read_bytes())
    return desk_settings(tmp_path, dialplans=made, prompts=own)


def write(settings: Settings, key: str, words: str) -> None:
    file = settings.dialplans_dir / "prompts" / "pl.toml"
    file.write_text(file.read_text().replace(f'{key} = "[recording custom/{key}]"', f'{key} = "{words}"'))


def noted(checked: Checked) -> list[str]:
    return [str(note).removeprefix(f"{note.file.parent}/") for note in checked.notes
            if not isinstance(note, str) and note.kind == "placeholder"]  # fmt: skip


async def test_each_placeholder_is_noted_with_its_line(settings: Settings) -> None:
    """A note of the check, which finds no mistake: the folder can be tried and tested."""
    checked = await check_folder(settings, settings.dialplans_dir)

    assert [] == checked.findings
    assert noted(checked) == [
        f"pl.toml:{line}: {key}: still a placeholder of the import: [recording custom/{sound}]; expected the words, "
        f"or the recording: `ivr prompts import FILE --key {key} --locale pl`"
        for line, key, sound in (
            (6, "choices", "choices"), (7, "address", "address"), (8, "left_over", "left"),
        )
    ]  # fmt: skip


async def test_a_reload_refuses_those_callers_would_hear(settings: Settings) -> None:
    """Each with its line and the step that says it; what nobody says is only noted."""
    with pytest.raises(ConfigError) as refused:
        await reload(settings, author="anna", dry_run=True)

    assert ["step in.menu says it", "step in.say_address says it"] == [
        each.wrong.partition(", and ")[2] for each in refused.value.findings if not isinstance(each, str)
    ]


async def test_words_or_a_recording_make_it_ready(settings: Settings) -> None:
    """Written in the file, or brought by `ivr prompts import`."""
    write(settings, "choices", "Adres: jeden.")
    audio = settings.prompts_dir / "audio" / "pl"
    audio.mkdir(parents=True)
    (audio / "address.wav").write_bytes(b"RIFF")
    checked = await check_folder(settings, settings.dialplans_dir)

    assert () == tuple(checked.unready)
    assert ["pl.toml:8"] == [each.partition(": ")[0] for each in noted(checked)]


async def test_a_prompt_made_of_parts_is_said_with_them(settings: Settings) -> None:
    """The step names the whole, the placeholder is a part of it."""
    write(settings, "choices", "Adres: jeden.")
    write(settings, "address", "Plac Bankowy 1.")
    file = settings.dialplans_dir / "prompts" / "pl.toml"
    file.write_text(file.read_text().replace('choices = "Adres: jeden."', 'choices = { parts = ["left_over"] }'))
    checked = await check_folder(settings, settings.dialplans_dir)

    assert ["left_over"] == [each.where for each in checked.unready]


async def test_the_messages_of_a_queue_are_said_while_waiting(settings: Settings) -> None:
    """They stand in queues.toml, not in a step."""
    write(settings, "choices", "Kolejka: jeden.")
    write(settings, "address", "Plac Bankowy 1.")
    flow = settings.dialplans_dir / "flows" / "in.toml"
    flow.write_text(flow.read_text().replace('kind = "menu"', 'kind = "menu"\non.2 = "wait"', 1)
                    + '\n[steps.wait]\nkind = "queue"\nqueue = "sales"\n')  # fmt: skip
    (settings.dialplans_dir / "queues.toml").write_text(
        '[queues.sales]\ntitle = "Sales"\nneed = "sales"\nmessages = "left_over"\n'
    )
    checked = await check_folder(settings, settings.dialplans_dir)

    assert [("left_over", "queue sales says it")] == [
        (each.where, each.wrong.partition(", and ")[2]) for each in checked.unready
    ]
