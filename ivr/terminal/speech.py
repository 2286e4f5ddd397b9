"""What a caller hears, in words, seconds and audio files: rendered prompts where there are some, else only words.

Reads prompts and their index; speaks an announcement's free text when audio of it is wanted. Called by `driver`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ivr.errors import SpeechError
from ivr.settings import Settings
from ivr.sound import Clip, Phrase, PromptSet, Rendered
from ivr.speech import catalog
from ivr.speech.clip import make_clip

CHARS_PER_S = 14.0  # of speech, about: as flow/trial.py
SHORTEST_S = 0.4
Texts = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Piece:
    """One audio file of an utterance. stem  '' when there is none: then it is silence of that length."""

    stem: str
    name: str
    seconds: float


@dataclass(frozen=True)
class Utterance:
    """One phrase as it is heard."""

    text: str
    pieces: tuple[Piece, ...]

    @property
    def seconds(self) -> float:
        return sum(piece.seconds for piece in self.pieces)


@dataclass
class Speech:
    """Phrases in, utterances out. silent  prompts that were said without audio.

    texts  what clips of announcements say, by stem.  clips  folder for audio of free text, None: words only.
    """

    prompts: PromptSet
    words: Mapping[str, str]
    settings: Settings
    texts: Mapping[str, str] = field(default_factory=dict)
    clips: Path | None = None
    silent: list[str] = field(default_factory=list)

    def utterance(self, phrase: Phrase, language: str) -> Utterance:
        """Return how `phrase` is heard in `language`."""
        if isinstance(phrase, Clip):
            return self._clip(phrase, language)
        stems = self.prompts.files(phrase, language)
        if not stems:
            return self._only_words(f"[{getattr(phrase, 'key', phrase)}]")
        pieces = tuple(self._piece(stem) for stem in stems)
        return Utterance(" ".join(self.words[stem] for stem in stems), pieces)

    def _piece(self, stem: str) -> Piece:
        name = self.prompts.name(stem)
        if stem.startswith("/"):
            return Piece(stem, name, self.prompts.seconds(stem))
        self.silent.append(name)
        return Piece("", name, self.prompts.seconds(stem))

    def _clip(self, clip: Clip, language: str) -> Utterance:
        text = self.texts.get(clip.file, clip.name)
        seconds = catalog.clip_seconds(clip.file) if clip.file else 0.0
        if seconds:
            return Utterance(text, (Piece(clip.file, clip.name, seconds),))
        if self.clips is None:
            return self._only_words(text)
        try:
            made = asyncio.run(make_clip(text, language, self.clips, settings=self.settings))
        except SpeechError as error:
            self.silent.append(f"{text[:30]!r} ({error})")
            return self._only_words(text)
        return Utterance(text, (Piece(str(made.stem), text, made.seconds),))

    def _only_words(self, text: str) -> Utterance:
        return Utterance(text, (Piece("", text, spoken_s(text)),))


def spoken_s(text: str) -> float:
    """Return about how long it takes to say `text`."""
    return max(SHORTEST_S, len(text) / CHARS_PER_S)


def load_speech(settings: Settings, texts: Texts, clips: Path | None = None) -> Speech:
    """Return the words of every prompt as they are now, with the audio that says just that.

    texts  further prompts, by language and key.  Raises ConfigError when prompts cannot be read.
    """
    index = catalog.load_prompt_set(settings)
    rendered: dict[tuple[str, str, int | None], Rendered] = {}
    joined: dict[str, tuple[str, ...]] = {}
    for code, locale in catalog.wording(settings).items():
        joined |= locale.joined
        for line in locale.lines:
            rendered[code, line.key, line.value] = _rendered(index, code, line.key, line.value, line.text)
    for code, prompts in texts.items():
        for key, text in prompts.items():
            if (code, key, None) not in rendered and key not in joined:
                rendered[code, key, None] = _rendered(index, code, key, None, text)
    words = {audio.stem: audio.text for audio in rendered.values()}
    prompt_set = PromptSet(index.version, rendered, joined, settings.default_language)
    return Speech(prompt_set, words, settings, clips=clips)


def _rendered(index: PromptSet, code: str, key: str, value: int | None, text: str) -> Rendered:
    audio = index.rendered.get((code, key, value))
    if audio is not None and audio.text == text and catalog.clip_seconds(audio.stem):
        return audio
    return Rendered(f"{code}/{key}/{value}", spoken_s(text), text, "")
