"""Audit the prompts: what callers would miss, not hear, or have to endure.

Reads only; called by `ivr prompts audit`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ivr.errors import InputError, SpeechError
from ivr.settings import Settings
from ivr.sound import readable_name
from ivr.speech import audio, catalog, recording
from ivr.speech.wording import Locale

LONGEST_S = 15.0
QUIETEST_LUFS = audio.LOUDNESS_LUFS - 2 * audio.LOUDNESS_TOLERANCE
LOUDEST_PEAK_DBFS = -2.0
QUIETEST_MASTER_DBFS = -30.0
CLIPPED_RUN = 3
"""So many samples in a row at full scale are audible as clipping."""

OWN_LANGUAGE_ONLY = ("am", "pm")
"""Words only some languages need."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one prompt. severe  a caller notices; else advice."""

    name: str
    what: str
    severe: bool = True


def audit(settings: Settings) -> list[Problem]:
    """Return every problem, in the order of languages and prompts. Raises ConfigError for wrong texts."""
    locales = catalog.wording(settings)
    index = {entry.line: entry for entry in catalog.read_index(settings).entries}
    found: list[Problem] = []
    for locale in locales.values():
        found += _missing_languages(locale, locales)
        found += _rendered(settings, locale, index)
        found += _recordings(settings, locale)
    return found


def _missing_languages(locale: Locale, locales: Mapping[str, Locale]) -> Iterator[Problem]:
    """A prompt another language has is missing here; parts of a joined prompt speak for one language each."""
    own = {line.key for line in locale.lines} | set(locale.joined)
    parts = {part for each in locales.values() for group in each.joined.values() for part in group}
    for other in locales.values():
        for key in dict.fromkeys((*(line.key for line in other.lines), *other.joined)):
            if key not in own and key not in parts and key not in OWN_LANGUAGE_ONLY:
                own.add(key)
                what = f"missing in {locale.locale}.toml; {other.locale}.toml has it"
                yield Problem(readable_name(locale.locale, key), what)
    for group, keys in locale.joined.items():
        for key in keys:
            if not any(line.key == key for each in locales.values() for line in each.lines):
                yield Problem(readable_name(locale.locale, group), f"its part {key!r} is in no language")


def _rendered(
    settings: Settings, locale: Locale, index: Mapping[tuple[str, str, int | None], catalog.Entry]
) -> Iterator[Problem]:
    for line in locale.lines:
        name = readable_name(locale.locale, line.key, line.value)
        entry = index.get((locale.locale, line.key, line.value))
        stem = catalog.folder(settings) / entry.stem if entry else None
        if entry is None or stem is None or not audio.complete(stem):
            yield Problem(name, "not rendered: run `ivr prompts render`")
            continue
        if entry.text != line.text:
            yield Problem(name, "its wording has changed since: run `ivr prompts render`")
        if entry.voice.startswith("espeak"):
            yield Problem(name, f"spoken by the last fallback, {entry.voice}", severe=False)
        yield from _sound(name, stem)


def _sound(name: str, stem: Path) -> Iterator[Problem]:
    try:
        measured = audio.measure(audio.read_sln(stem.with_name(f"{stem.name}.sln")))
    except (OSError, ValueError) as error:
        yield Problem(name, f"cannot be read: {error}")
        return
    if measured.loudness < QUIETEST_LUFS:
        yield Problem(name, f"too quiet: {measured.loudness:.1f} LUFS, {audio.LOUDNESS_LUFS:.0f} is right")
    if measured.clipped >= CLIPPED_RUN or measured.peak > LOUDEST_PEAK_DBFS:
        yield Problem(name, f"clipped: peak {measured.peak:.1f} dBFS, at most {audio.PEAK_DBFS:.0f} is right")
    if measured.seconds > LONGEST_S:
        what = f"too long: {measured.seconds:.1f} s, callers listen to {LONGEST_S:.0f} s"
        yield Problem(name, what, severe=False)


def _recordings(settings: Settings, locale: Locale) -> Iterator[Problem]:
    """Check the masters themselves: levelling hides a clipped original but does not mend it."""
    names = {line.file_name for line in locale.lines}
    for file in sorted(recording.folder(settings, locale.locale).glob("[!.]*")):
        name = f"audio/{locale.locale}/{file.name}"
        if file.suffix.lower().lstrip(".") not in recording.EXTENSIONS:
            yield Problem(name, f"is not used: not one of {', '.join(recording.EXTENSIONS)}", severe=False)
        elif file.stem not in names:
            yield Problem(name, f"belongs to no prompt of {locale.locale}.toml", severe=False)
        else:
            yield from _master(name, file)


def _master(name: str, file: Path) -> Iterator[Problem]:
    with tempfile.TemporaryDirectory(prefix="hotline-audit-") as directory:
        try:
            samples, _ = audio.read(recording.decoded(file, Path(directory)))
        except (InputError, SpeechError) as error:
            yield Problem(name, str(error))
            return
    run, peak = audio.clipped_run(samples), audio.peak_dbfs(samples)
    if run >= CLIPPED_RUN:
        yield Problem(name, f"clipped in the recording itself: {run} samples in a row at full scale")
    if peak < QUIETEST_MASTER_DBFS:
        what = f"recorded too quietly: peak {peak:.1f} dBFS, its noise is raised with it"
        yield Problem(name, what, severe=False)
