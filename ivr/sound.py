"""Phrases: what a flow wants said, and which audio files say it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class Prompt:
    """A prompt of prompts/<locale>.toml; `value` fills the one number of a prompt rendered for a range."""

    key: str
    value: int | None = None


@dataclass(frozen=True)
class Clip:
    """Audio made for one announcement: an absolute path without its extension, already in one language.

    name  how the trace calls it, e.g. `announcement:a1b2c3 v2`.
    """

    file: str
    name: str


@dataclass(frozen=True)
class SayDigits:
    """Digits spoken one by one (account and ticket numbers)."""

    digits: str


@dataclass(frozen=True)
class SayNumber:
    """A whole number from 0 to 999 spoken as a counting word would be."""

    number: int


@dataclass(frozen=True)
class SayTime:
    """A time of day, spoken in whole minutes."""

    hour: int
    minute: int


@dataclass(frozen=True)
class SayDuration:
    """Minutes, spoken with the right form of the unit (1 minuta, 2 minuty, 5 minut)."""

    minutes: int


Phrase = Prompt | Clip | SayDigits | SayNumber | SayTime | SayDuration


@dataclass(frozen=True)
class Rendered:
    """One rendered prompt. stem  absolute path without extension.  text  what it says."""

    stem: str
    seconds: float
    text: str
    voice: str


Part = tuple[str, int | None]
"""A prompt key and its value: the smallest thing that has one audio file."""


@dataclass(frozen=True)
class PromptSet:
    """The rendered prompts of one version: phrases in, audio files out. Never raises.

    rendered  (language, key, value) -> audio.  joined  key -> the keys it is made of.
    default_language  tried when a phrase is missing in the caller's language; then English, then any.
    missing  (language, key) asked for and found nowhere, for `ivr doctor` and the log.
    clip_seconds  how long audio lasts that is no prompt: the clips of announcements.
    """

    version: str
    rendered: Mapping[tuple[str, str, int | None], Rendered]
    joined: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    default_language: str = "en"
    missing: set[tuple[str, str]] = field(default_factory=set, compare=False)
    clip_seconds: Callable[[str], float] = field(default=lambda _: 0.0, compare=False)

    def files(self, phrase: Phrase, language: str) -> tuple[str, ...]:
        """Return the absolute stems that say `phrase`, in playing order; () when nothing can."""
        if isinstance(phrase, Clip):
            return (phrase.file,)
        return tuple(audio.stem for audio in self._audio(phrase, language))

    def text(self, phrase: Phrase, language: str) -> str:
        """Return the words of `phrase`, for traces and `ivr dialplan try`."""
        if isinstance(phrase, Clip):
            return f"[{phrase.name}]"
        return " ".join(audio.text for audio in self._audio(phrase, language)) or f"[missing: {phrase}]"

    def seconds(self, stem: str) -> float:
        """Return how long the prompt or clip at `stem` plays."""
        known = self._seconds.get(stem)
        return self.clip_seconds(stem) if known is None else known

    def name(self, stem: str) -> str:
        """Return the readable name of the prompt at `stem`; for a clip `clip/` and its file name."""
        return self.names.get(stem) or f"clip/{stem.rpartition('/')[2]}"

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Map every stem to a readable name: `pl/welcome`, `pl/queue_position 3`."""
        found: dict[str, str] = {}
        for (language, key, value), audio in self.rendered.items():
            found.setdefault(audio.stem, readable_name(language, key, value))
        return found

    @cached_property
    def keys(self) -> frozenset[str]:
        """Return every key a flow may name."""
        return frozenset(key for _, key, _ in self.rendered) | frozenset(self.joined)

    @cached_property
    def _seconds(self) -> Mapping[str, float]:
        return {audio.stem: audio.seconds for audio in self.rendered.values()}

    @cached_property
    def _known(self) -> tuple[str, ...]:
        return tuple(sorted({language for language, _, _ in self.rendered}))

    def _audio(self, phrase: Prompt | SayDigits | SayNumber | SayTime | SayDuration, language: str) -> list[Rendered]:
        for candidate in self._languages(language):
            found = [self._find(candidate, part) for part in self._parts(candidate, phrase)]
            if found and None not in found:
                return [audio for audio in found if audio]
        if isinstance(phrase, Prompt) and phrase.key in self.joined:
            return [audio for key in self.joined[phrase.key] for audio in self._audio(Prompt(key), language)]
        self.missing.add((language, phrase.key if isinstance(phrase, Prompt) else str(phrase)))
        return []

    def _languages(self, language: str) -> Iterator[str]:
        """Yield the languages to try, each once, the caller's first."""
        yield from dict.fromkeys((language, self.default_language, "en", *self._known))

    def _find(self, language: str, part: Part) -> Rendered | None:
        key, value = part
        return self.rendered.get((language, key, value))

    def _parts(self, language: str, phrase: Phrase) -> list[Part]:
        match phrase:
            case Prompt(key, value):
                return self._prompt(language, key, value)
            case SayDigits(digits):
                return [("number", int(digit)) for digit in digits if digit in "0123456789"]
            case SayNumber(number):
                return self._number(language, number)
            case SayTime(hour, minute):
                return self._time(language, hour % 24, minute % 60)
            case SayDuration(minutes):
                return _duration(minutes)
            case _:
                return []

    def _prompt(self, language: str, key: str, value: int | None) -> list[Part]:
        """A value above the range is said by `<key>_many`."""
        if value is None or (language, key, None) in self.rendered:
            return [(key, None)]
        many = f"{key}_many"
        if (language, key, value) not in self.rendered and value > 0 and (language, many, None) in self.rendered:
            return [(many, None)]
        return [(key, value)]

    def _number(self, language: str, number: int) -> list[Part]:
        if not 0 <= number <= 999:
            return [("number", int(digit)) for digit in str(abs(number))]
        hundreds, rest = divmod(number, 100)
        parts: list[Part] = [("hundreds", hundreds)] if hundreds else []
        if rest or not hundreds:
            if (language, "number", rest) in self.rendered:
                parts.append(("number", rest))
            else:
                parts += [("tens", rest // 10), *([("number", rest % 10)] if rest % 10 else [])]
        return parts

    def _time(self, language: str, hour: int, minute: int) -> list[Part]:
        if minute == 0:
            return [("clock_full", hour)]
        parts: list[Part] = [("clock_hour", hour), ("clock_minute", minute)]
        half = "am" if hour < 12 else "pm"
        if (language, half, None) in self.rendered:
            parts.append((half, None))
        return parts


def _duration(minutes: int) -> list[Part]:
    """Up to an hour in minutes, above it hours and minutes, at most 24 hours; 0 is said as one minute."""
    minutes = min(max(minutes, 1), 24 * 60)
    if minutes <= 60:
        return [("minutes", minutes)]
    hours, rest = divmod(minutes, 60)
    return [("hours", hours), *([("minutes", rest)] if rest else [])]


def readable_name(language: str, key: str, value: int | None = None) -> str:
    """Return the readable name of a prompt in one language."""
    return f"{language}/{key}" if value is None else f"{language}/{key} {value}"
