"""ivr/terminal/driver.py: a call in the terminal, on a clock that does not run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr.errors import InputError, SpeechError
from ivr.flow import commands as c
from ivr.flow.asked import AskedWorld, Question
from ivr.flow.load import prompt_texts
from ivr.flow.model import Dialplans
from ivr.flow.scenario import read_scenarios
from ivr.flow.trial import Way, try_flow
from ivr.flow.world import Known, Situation
from ivr.phone.hear import Recogniser, read_audio
from ivr.settings import PROJECT, load
from ivr.sound import Clip, PromptSet, Rendered
from ivr.speech.clip import ClipFile
from ivr.terminal.as_scenario import scenario_text
from ivr.terminal.driver import FAST, Driver
from ivr.terminal.parts import Taken
from ivr.terminal.scripted import Lines, ScriptKeyboard, usual
from ivr.terminal.sound import ProgramPlayer, save_call
from ivr.terminal.speech import Piece, Speech
from tests.support.flows import END, dialplans
from tests.support.typist import Typist
from tests.support.voices import sentence, to_ulaw

TEXTS = {
    "welcome": "good day this is the hotline of your provider",
    "main_menu": "press one for a fault press two for invoices press nine for another language",
    "invalid_key": "this choice is not known to us",
    "no_input": "we did not hear what you pressed",
    "connecting": "we are connecting you with a colleague",
    "closed": "our office is closed at this time of the day",
    "too_many_tries": "we could not understand your choice sorry",
    "goodbye": "thank you for calling goodbye",
    "goodbye_announcement": "we tell you more when we know more goodbye",
    "enter_account": "please enter the number of your account",
    "no_agents": "all our colleagues have gone home",
}
MENU = (
    """
title = "t"
start = "welcome"
rescue = "end"
[steps.welcome]
kind = "say"
prompt = "welcome"
next = "menu"
[steps.menu]
kind = "menu"
prompt = "main_menu"
on.1 = "support"
on.2 = "office"
[steps.support]
kind = "queue"
queue = "support"
on."*" = "menu"
on.nobody = "welcome"
[steps.office]
kind = "hours"
calendar = "office"
next = "end"
"""
    + END
)
PLANS = dialplans(MENU)
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class Watched(Lines):
    """Keeps also what scrolls by in the terminal alone."""

    def __init__(self) -> None:
        super().__init__()
        self.questions: list[Question] = []
        self.silences: list[int] = []
        self.told: list[str] = []
        self.rows: dict[str, str] = {}
        self.gone: list[Way] = []

    def asks(self, question: Question) -> None:
        self.questions.append(question)

    def silence(self, left_s: float, typed: str) -> None:
        self.silences.append(round(left_s))

    def complains(self, text: str) -> None:
        self.told.append(text)

    def facts(self, rows: Sequence[tuple[str, str]]) -> None:
        self.rows = dict(rows)

    def way(self, ways: Sequence[Way], now: str) -> None:
        self.gone = list(ways)


def speech(stems: dict[str, tuple[Path, float]] | None = None) -> Speech:
    """Words that take a second a prompt, or the given audio."""
    rendered = {}
    for key, text in TEXTS.items():
        stem, seconds = (stems or {}).get(key, (Path(f"en/{key}"), 1.0))
        rendered["pl", key, None] = Rendered(str(stem), seconds, text, "")
    words = {audio.stem: audio.text for audio in rendered.values()}
    return Speech(PromptSet("v", rendered, default_language="pl"), words, load())


class Call:
    """One call: what was typed when, and what came of it."""

    def __init__(
        self, keys: Sequence[tuple[float, str]] = (), *, plans: Dialplans = PLANS, lines: Sequence[str] = (),
        said: Speech | None = None, situation: Situation | None = None, speed: float = 1.0,
    ) -> None:  # fmt: skip
        self.screen, self.typist = Watched(), Typist(keys, lines)
        so = situation or Situation(MONDAY, dialled="100", caller="+48221234567")
        self.driver = Driver(
            plans, plans.numbers["100"], lambda driver: AskedWorld(plans, so, "pl", driver.note, driver.ask),
            said or speech(), self.screen, self.typist, speed=speed,
        )  # fmt: skip
        self.taken: Taken = self.driver.lead()

    def heard(self) -> list[tuple[str, float, float]]:
        return [(each.name, round(each.at_s, 2), round(each.until_s, 2)) for each in self.taken.said]


def test_a_key_in_the_middle_of_a_prompt_stops_it_and_acts() -> None:
    """2 after 1.4 s: the menu is cut there, and the call is at the office at once."""
    call = Call([(1.4, "2")])

    assert [("welcome", 0.0, 1.0), ("main_menu", 1.0, 1.4), ("goodbye", 1.4, 2.4)] == call.heard()
    assert call.taken.disposition == "completed"


def test_a_key_during_a_say_stops_it_and_is_taken_by_the_next_menu() -> None:
    """As on the phone: the menu is not even begun."""
    call = Call([(0.5, "2")])

    assert [("welcome", 0.0, 0.5), ("goodbye", 0.5, 1.5)] == call.heard()


def test_a_key_where_none_is_heard_changes_nothing() -> None:
    """The goodbye takes no key: it is said to its end, and the person is told."""
    call = Call([(0.5, "2"), (0.8, "5")])

    assert call.heard()[-1] == ("goodbye", 0.5, 1.5)
    assert call.screen.told == ["5 is not heard here"]


def test_silence_counts_down_and_times_out() -> None:
    """Five seconds after the question it is asked again, three times; then the rescue, which hangs up."""
    call = Call()

    assert [name for name, _, _ in call.heard()] == [
        "welcome", "main_menu", "no_input", "main_menu", "no_input", "main_menu", "too_many_tries", "goodbye"
    ]  # fmt: skip
    assert call.heard()[2][1] == 1.0 + 1.0 + 5.0
    assert sorted(set(call.screen.silences), reverse=True) == [5, 4, 3, 2, 1, 0]
    assert call.taken.seconds == pytest.approx(8.0 + 3 * 5.0)


def test_space_skips_what_is_said_and_then_the_silence() -> None:
    """The call's clock goes on as if all had been heard."""
    call = Call([(0.1, " "), (0.2, " "), (0.3, " "), (0.4, "2")])

    assert call.heard()[:3] == [("welcome", 0.0, 1.0), ("main_menu", 1.0, 2.0), ("no_input", 7.0, 7.1)]
    assert all(each.whole for each in call.taken.said[:2])
    assert call.taken.disposition == "completed"


def test_fast_reads_ten_times_as_fast_and_keeps_silences() -> None:
    """Two seconds of words take 0.2 s; the key after them comes 3 s into the silence of the call."""
    call = Call([(3.2, "2")], speed=FAST)

    assert call.heard()[2][:2] == ("goodbye", pytest.approx(5.0, abs=0.02))


@pytest.mark.parametrize(("at_s", "disposition"), [(0.5, "hung_up"), (3.0, "hung_up")])
def test_h_hangs_up(at_s: float, disposition: str) -> None:
    """In the middle of words and in a silence."""
    call = Call([(at_s, "h")])

    assert (disposition, at_s) == (call.taken.disposition, pytest.approx(call.taken.seconds))
    assert call.taken.keys[-1] == "h"


def test_who_hangs_up_while_he_waits_has_abandoned_the_queue() -> None:
    """As the record of a real call says."""
    assert Call([(1.4, "1"), (1.5, "h")]).taken.disposition == "abandoned"


def test_moved_time_changes_the_calendar() -> None:
    """Monday 10:00 is open; at 17:00 the same key meets a closed office. The call's own clock stands meanwhile."""
    call = Call([(0.5, "t"), (1.4, "2")], lines=["17:00"])

    assert [way for way in call.taken.ways if way[1] == "office"] == [("main", "office", "closed")]
    assert ("closed", 1.4, 2.4) in call.heard()
    assert call.driver.world.at.hour == 17


def test_a_time_nobody_understands_changes_nothing() -> None:
    """One line says what was expected."""
    call = Call([(0.5, "t"), (1.4, "2")], lines=["noon"])

    assert "'noon' is not a time, expected +10m" in call.screen.told[0]
    assert call.taken.disposition == "completed"


def test_what_only_the_world_knows_is_asked() -> None:
    """How waiting ends: Enter is answered; the queue's own keys are offered as well."""
    call = Call([(1.4, "1"), (2.0, "\n")])
    question = call.screen.questions[0]

    assert [choice.outcome for choice in question.choices if choice.key != "*"] == [
        "answered", "nobody", "full", "too_long", "timeout", "opted_in", "failed"
    ]  # fmt: skip
    assert not {choice.key for choice in question.choices} & set("fhtw? ")
    assert (call.taken.disposition, call.taken.ways[-1]) == ("agent", ("main", "support", "answered"))


def test_a_key_of_the_queue_leads_back_to_the_flow() -> None:
    """* while waiting: the menu again; told answers are remembered for a scenario."""
    call = Call([(1.4, "1"), (2.0, "*"), (2.1, "2")])

    assert ("main", "support", "*") in call.taken.ways
    assert call.driver.world.told.queues == {"support": "*"}


def test_what_the_situation_says_is_not_asked() -> None:
    """--queue support=nobody."""
    so = Situation(MONDAY, dialled="100", queues={"support": c.Queued("nobody")})
    call = Call([(1.4, "1"), (2.0, "h")], situation=so)

    assert (call.screen.questions, call.taken.ways[2]) == ([], ("main", "support", "nobody"))


def test_facts_and_the_way_are_shown_in_the_middle_of_words() -> None:
    """The words go on where they were: no time of the call has passed."""
    call = Call([(1.5, "f"), (1.5, "w"), (1.6, "2")])

    assert call.screen.rows["hours office"] == "open until 16:00"
    assert call.screen.rows["caller"] == "+48221234567 called 100 (unknown)"
    assert call.screen.gone == [("main", "welcome", "done")]
    assert ("main_menu", 1.0, 1.6) in call.heard()


def test_an_entry_of_several_digits_ends_with_its_key() -> None:
    """Digits are kept; the finishing key is none of them."""
    plans = dialplans(
        'title = "t"\nstart = "ask"\nrescue = "end"\n[steps.ask]\nkind = "collect"\nprompt = "enter_account"\n'
        'name = "account"\nnext = "end"\n' + END
    )
    call = Call([(0.5, "4"), (1.0, "7"), (1.5, "#")], plans=plans)

    assert call.driver.world.kept == {"account": "47"}
    assert call.taken.keys[:3] == ["4", "7", "#"]
    assert "presses 47 #" in [line.text for line in call.screen.lines]


def test_the_saved_call_is_what_was_said(tmp_path: Path) -> None:
    """As long as the call; each prompt at its time, the one a key cut off only so far."""
    stems = {}
    for key, text in TEXTS.items():
        sound = to_ulaw(sentence(text))
        (tmp_path / f"{key}.ulaw").write_bytes(sound)
        stems[key] = (tmp_path / key, len(sound) / 8000)
    menu_s = stems["welcome"][1]
    call = Call([(menu_s + 1.5, "7"), (menu_s + 9.0, "2")], said=speech(stems))
    seconds = save_call(tmp_path / "call.wav", call.taken.said, call.taken.seconds)
    recogniser = Recogniser({key: tmp_path / f"{key}.ulaw" for key in TEXTS})
    heard = recogniser.prompts((read_audio(tmp_path / "call.wav") * 32767).astype("int16"))

    assert seconds == pytest.approx(call.taken.seconds, abs=0.001)
    assert [each.name for each in call.taken.said] == [each.name for each in heard]
    assert [each.at_s for each in call.taken.said] == pytest.approx([each.start_s for each in heard], abs=0.06)
    assert [each.whole for each in call.taken.said] == [each.complete for each in heard]


@pytest.mark.parametrize("keys", ["1", "w,2", "w0.5,2", "7,7,7", "w1.4,1", "w", ""])
def test_a_script_leads_the_driver_where_it_leads_the_trial(keys: str) -> None:
    """One meaning of --keys, with sound and without."""
    so = Situation(MONDAY, dialled="100")
    texts = {"pl": TEXTS}
    trial = try_flow(PLANS.flows["main"], PLANS, keys, so, "pl", texts)
    driver = Driver(
        PLANS, PLANS.numbers["100"], lambda driver: AskedWorld(PLANS, so, "pl", driver.note, usual), speech(),
        Lines(), ScriptKeyboard(keys),
    )  # fmt: skip
    taken = driver.lead()

    assert (trial.disposition, trial.steps, trial.ways) == (taken.disposition, tuple(taken.steps), tuple(taken.ways))


@pytest.mark.parametrize(
    "keys",
    [
        [(1.4, "2")],
        [(0.5, "2")],
        [(0.5, "7"), (3.0, "1"), (4.0, "*"), (4.5, "2")],
        [(9.0, "5"), (12.0, "1"), (13.0, "n"), (13.5, "h")],
        [(9.0, "5"), (9.5, "h")],
        [(1.4, "1"), (2.0, "h")],
        [(3.0, "h")],
        [],
    ],
)
def test_a_call_kept_as_a_scenario_ends_the_same_way(keys: Sequence[tuple[float, str]]) -> None:
    """What was pressed, answered and heard is written down so that the trial repeats it."""
    outage = c.Announcement("o", 1, (Clip("", "No internet in Wola."),), True, True, "told")
    call = Call(keys, situation=Situation(MONDAY, [Known(outage, "internet")], dialled="100"))
    text = scenario_text(call.taken, call.driver.world, "pl")
    scenarios, wrong = read_scenarios({Path("s.toml"): text.encode()}, PLANS, list(TEXTS), MONDAY.tzinfo or UTC)
    assert not wrong, (text, [str(each) for each in wrong])
    again = try_flow(
        PLANS.flows["main"], PLANS, scenarios[0].keys, replace(scenarios[0].situation, at=MONDAY), "pl", {"pl": TEXTS}
    )

    assert (again.disposition, list(again.steps)) == (call.taken.disposition, call.taken.steps), text


def test_every_number_shipped_can_be_called() -> None:
    """A caller who presses nothing hears the words of prompts/ and comes to an end."""
    from ivr.flow.load import load as load_dialplans
    from ivr.flow.load import prompt_keys
    from ivr.terminal.speech import load_speech

    settings = load()
    plans = load_dialplans(PROJECT / "dialplans", prompt_keys(*settings.prompt_dirs))
    words = load_speech(settings, prompt_texts(*settings.prompt_dirs))
    for number in plans.numbers.values():
        driver = Driver(
            plans, number, lambda driver, n=number: AskedWorld(plans, Situation(MONDAY, dialled=n.number), n.language,
                                                               driver.note, usual),
            words, Lines(), Typist(),
        )  # fmt: skip
        taken = driver.lead()

        assert taken.disposition
        assert [each.utterance.text for each in taken.said if each.utterance.text.startswith("[")] == []


def test_a_player_is_interrupted_and_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first program found gets a WAV file; a key ends it; after facts it plays only what is left."""
    program, log = tmp_path / "aplay", tmp_path / "log"
    program.write_text(f'#!/bin/sh\nwc -c < "$2" >> {log}\nexec sleep 60\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (tmp_path / "words.sln").write_bytes(bytes(2 * 8000 * 3))
    pieces = (Piece(str(tmp_path / "words"), "words", 3.0),)
    player = ProgramPlayer(tmp_path)
    for from_s in (0.0, 2.0):
        player.start(pieces, from_s)
        playing = player._playing
        assert playing is not None
        while not log.exists() or len(log.read_text().split()) < 1 + (from_s > 0):
            assert playing.poll() is None
        player.stop()
        assert playing.poll() is not None

    assert [44 + 2 * 8000 * 3, 44 + 2 * 8000] == [int(size) for size in log.read_text().split()]


def test_no_player_program_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the ones that are looked for, and what works without."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(InputError, match=r"no player program found, expected one of pw-play, .*--save"):
        ProgramPlayer(tmp_path)


def test_free_text_without_a_clip_is_spoken_when_sound_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, into the given folder; without a folder it stays text; a voice that fails is told, not raised."""
    asked = []

    async def make(text: str, language: str, folder: Path, **_: object) -> ClipFile:
        asked.append((text, language))
        if "no voice" in text:
            raise SpeechError("no voice could say it")
        return ClipFile(folder / "clip", 2.5, "v")

    monkeypatch.setattr("ivr.terminal.speech.make_clip", make)
    words = speech()
    assert words.utterance(Clip("", "Awaria na Woli."), "pl").pieces[0].stem == ""
    words.clips = tmp_path

    assert words.utterance(Clip("", "Awaria na Woli."), "ru").pieces == (
        Piece(str(tmp_path / "clip"), "Awaria na Woli.", 2.5),
    )
    assert words.utterance(Clip("", "no voice"), "pl").pieces[0].stem == ""
    assert asked == [("Awaria na Woli.", "ru"), ("no voice", "pl")]
    assert "no voice could say it" in words.silent[-1]
