"""The recogniser: which prompts were heard, when, how completely; nothing that was not said."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ivr.errors import InputError
from ivr.phone.ear import tone
from ivr.phone.hear import Heard, Recogniser, read_audio
from tests.support.voices import RATE, Signal, music, sentence, through_line, to_ulaw

TEXTS = {
    "welcome": "good day this is the hotline of your provider",
    "main_menu": "press one for a fault press two for invoices press nine for another language",
    "connecting": "we are connecting you",
    "goodbye": "thank you for calling goodbye",
    "outage": "there is an outage in your district our technicians are working on it",
    "invalid": "this choice is not known",
    "yes": "yes indeed",
    **{f"queue_position {n}": f"you are number no{n} in the queue now" for n in range(1, 41)},
    **{f"wait_minutes {n}": f"the waiting time is about no{n} minutes" for n in range(1, 31)},
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Rendered prompts of one voice, as mu-law files."""
    folder = tmp_path_factory.mktemp("prompts")
    made = {}
    for name, text in TEXTS.items():
        made[name] = folder / f"{name.replace(' ', '_')}.ulaw"
        made[name].write_bytes(to_ulaw(sentence(text)))
    return made


@pytest.fixture(scope="module")
def recogniser(files: dict[str, Path]) -> Recogniser:
    return Recogniser(files)


def silence(seconds: float) -> Signal:
    return np.zeros(int(seconds * RATE), np.float32)


def lose_packets(heard: np.ndarray, share: float, *, shorter: bool) -> np.ndarray:
    """Lose packets of 20 ms: replaced by silence, or missing so that all that follows comes early."""
    packets = heard[: len(heard) // 160 * 160].reshape(-1, 160)
    lost = np.random.default_rng(5).random(len(packets)) < share
    return packets[~lost].reshape(-1) if shorter else (packets * ~lost[:, None]).astype(np.int16).reshape(-1)


def test_a_call_is_told_in_order_with_times(recogniser: Recogniser) -> None:
    """Prompts, pause, music and the agent's tone come back with their names and times to 60 ms."""
    said = [
        ("welcome", sentence(TEXTS["welcome"])),
        ("silence", silence(0.73)),
        ("queue_position 3", sentence(TEXTS["queue_position 3"])),
        ("music", music(3.0)),
        ("tone 440", tone(440, 2.0).astype(np.float32) / 32768),
    ]
    edges = np.cumsum([0, *(len(audio) / RATE for _, audio in said)])

    heard = recogniser.recognise(through_line(np.concatenate([audio for _, audio in said])))

    assert [name for name, _ in said] == [h.name for h in heard]
    assert [h.start_s for h in heard] == pytest.approx(edges[:-1].tolist(), abs=0.06)
    assert [h.known for h in heard] == [True, False, True, False, False]
    assert all(h.complete for h in heard)


@pytest.mark.parametrize("number", [1, 3, 4, 13, 30, 40])
def test_sentences_that_differ_in_one_word_are_told_apart(recogniser: Recogniser, number: int) -> None:
    """'number 3' is not 'number 4' though every other sample is the same."""
    name = f"queue_position {number}"
    line = through_line(np.concatenate([silence(0.41), sentence(TEXTS[name]), silence(0.3)]))

    heard = recogniser.prompts(line)

    assert [(name, True, ())] == [(h.name, h.complete, h.also) for h in heard]


LINES: dict[str, Callable[[Signal], np.ndarray]] = {
    "clean": through_line,
    "6 dB quieter": lambda signal: through_line(signal, 0.5),
    "6 dB louder": lambda signal: through_line(signal, 2.0),
    "1 % of packets silent": lambda signal: lose_packets(through_line(signal), 0.01, shorter=False),
    "1 % of packets missing": lambda signal: lose_packets(through_line(signal), 0.01, shorter=True),
    "over soft music": lambda signal: through_line(
        signal + 0.15 * music(len(signal) / RATE + 1)[: len(signal)]
    ),
}


@pytest.mark.parametrize("line", LINES)
def test_every_prompt_is_found_at_any_offset_on_a_bad_line(recogniser: Recogniser, line: str) -> None:
    """Each of eight prompts at a random offset is named, and nothing else is."""
    random = np.random.default_rng(7)
    names = [str(name) for name in random.choice(list(TEXTS), 8, replace=False)]
    pieces = [piece for name in names for piece in (silence(random.uniform(0.1, 1.2)), sentence(TEXTS[name]))]

    heard = recogniser.prompts(LINES[line](np.concatenate(pieces)))

    assert names == [h.name for h in heard]
    if line in ("clean", "6 dB quieter", "6 dB louder"):
        assert all(h.complete and h.score > 0.95 for h in heard)


def test_a_prompt_cut_by_a_key_is_named_and_marked(recogniser: Recogniser) -> None:
    """1.5 s of a prompt, then another one: the first is cut off, at the time of the key."""
    cut = sentence(TEXTS["main_menu"])[: int(1.5 * RATE)]
    line = through_line(np.concatenate([silence(0.5), cut, sentence(TEXTS["connecting"])]))

    first, second = recogniser.prompts(line)

    assert (first.name, first.complete) == ("main_menu", False)
    assert first.end_s == pytest.approx(2.0, abs=0.12)
    assert (second.name, second.complete) == ("connecting", True)


def test_a_cut_before_the_difference_names_the_alternatives(recogniser: Recogniser) -> None:
    """Cut off within the words all positions share, the answer says what else it could be."""
    shared = sentence("you are number")

    (heard,) = recogniser.prompts(through_line(np.concatenate([shared, silence(0.5)])))

    assert {f"queue_position {n}" for n in range(1, 41)} == {heard.name, *heard.also}
    assert not heard.complete


def noise(seconds: float) -> Signal:
    return np.asarray(np.random.default_rng(3).normal(0, 0.1, int(seconds * RATE)), np.float32)


def shuffled(seconds: float) -> Signal:
    """Everything the voice ever says, in pieces of 120 ms and another order."""
    everything = np.concatenate([sentence(text) for text in TEXTS.values()])
    pieces = everything[: len(everything) // 960 * 960].reshape(-1, 960)
    return np.random.default_rng(4).permutation(pieces).reshape(-1)[: int(seconds * RATE)]


OTHERS = {
    "noise": noise(12),
    "music": music(12),
    "silence": silence(12),
    "tone": tone(425, 12).astype(np.float32) / 32768,
    "shuffled words": shuffled(12),
    "another voice": np.concatenate([sentence(text, voice=1) for text in list(TEXTS.values())[:6]]),
    "other sentences": np.concatenate(
        [sentence(f"quite another text {n} about zebras and xylophones") for n in range(4)]
    ),
}


@pytest.mark.parametrize("what", OTHERS)
def test_nothing_is_heard_that_was_not_said(recogniser: Recogniser, what: str) -> None:
    """No prompt is found in audio that holds none."""
    heard = recogniser.recognise(through_line(OTHERS[what]))

    assert [h for h in heard if h.known] == []


def test_a_minute_against_hundreds_of_prompts_takes_under_two_seconds(tmp_path: Path) -> None:
    """300 prompts x 60 s of audio: the recogniser is quick enough to use while calls run."""
    prompts = {}
    for n in range(300):
        prompts[f"p{n}"] = tmp_path / f"p{n}.ulaw"
        prompts[f"p{n}"].write_bytes(to_ulaw(sentence(f"announcement no{n % 60} of series s{n // 60}")))
    recogniser = Recogniser(prompts)
    line = through_line(
        np.concatenate([read_audio(path) for path in list(prompts.values())[::13]])[: 60 * RATE]
    )
    began = time.process_time()

    heard = recogniser.prompts(line)

    assert time.process_time() - began < 3.0  # CPU of two cores
    assert len(heard) >= 60 * RATE // max(path.stat().st_size for path in prompts.values())


def test_now_names_what_is_heard_last(recogniser: Recogniser) -> None:
    """While a prompt plays, its name is known after a second of it."""
    line = through_line(np.concatenate([silence(2), sentence(TEXTS["outage"])[: int(1.2 * RATE)]]))

    assert recogniser.now(line) == "outage"


def test_files_of_every_telephone_format_are_read(files: dict[str, Path], tmp_path: Path) -> None:
    """.sln, .wav and a stem without suffix give the same audio as .ulaw."""
    import soundfile

    signal = read_audio(files["welcome"])
    (tmp_path / "a.sln").write_bytes((signal * 32768).astype("<i2").tobytes())
    soundfile.write(tmp_path / "b.wav", signal, RATE, subtype="PCM_16")

    for path in (tmp_path / "a.sln", tmp_path / "b.wav", files["welcome"].with_suffix("")):
        assert read_audio(path) == pytest.approx(signal, abs=1e-4)


def test_a_missing_file_is_named() -> None:
    """The error is one line with the path."""
    with pytest.raises(InputError, match=r"/nowhere/welcome\.ulaw: cannot be read"):
        Recogniser({"welcome": Path("/nowhere/welcome.ulaw")})


def test_heard_reads_as_one_line() -> None:
    """What the demo prints: times, name, alternatives, cut off."""
    line = str(Heard("a", 1.0, 2.5, 0.9, complete=False, also=("b",)))

    assert line == "   1.00 -   2.50  a or b (cut off)"
