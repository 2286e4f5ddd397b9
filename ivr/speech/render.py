"""Render every prompt of every language: what changed, in parallel, through a cache shared by checkouts.

A studio recording (prompts/audio/<locale>/<key>.wav) wins over speech. Each result is named by the hash of
all it depends on, so a rendering that exists is right and is never made twice. Called by `ivr setup` and
`ivr prompts render`.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ivr.errors import HotlineError, SpeechError
from ivr.settings import Settings
from ivr.speech import audio, catalog, recording, voice
from ivr.speech.expand import expand
from ivr.speech.voice import Voice
from ivr.speech.wording import Line, Locale

KEEP_UNUSED_S = 24 * 3600
"""Old renderings stay this long: a call keeps the prompts it began with."""

Report = Callable[[str], None]


@dataclass(frozen=True)
class Source:
    """What one audio file is made of: a text of a language, or a recording."""

    locale: str
    text: str
    recording: Path | None = None


@dataclass(frozen=True)
class Made:
    """One audio file. how  'kept', 'cache' or 'new'."""

    stem: str
    seconds: float
    voice: str
    how: str


@dataclass(frozen=True)
class Outcome:
    """What a rendering did. counts  how often each `Made.how`; failed  readable name -> why."""

    version: str
    counts: Mapping[str, int]
    failed: Mapping[str, str]
    seconds: float


def render_prompts(
    settings: Settings, report: Report = lambda _: None, *, voices: Sequence[Voice] | None = None, force: bool = False
) -> Outcome:
    """Bring VAR/prompts up to date with the wording and recordings.

    voices  None: those of this machine.  force  speak everything again, the cache included.
    A prompt that cannot be made keeps its last audio. Raises ConfigError for wrong texts, SpeechError when a
    prompt has no audio at all.
    """
    began = time.monotonic()
    locales = catalog.wording(settings)
    maker = Maker(settings, locales, voice.chain(locales, settings) if voices is None else voices, force)
    plan = [(line, source_of(settings, locale, line)) for locale in locales.values() for line in locale.lines]
    made = _make_all(maker, list(dict.fromkeys(source for _, source in plan)), report)
    before = {} if force else {entry.line: entry for entry in _old_entries(settings)}
    entries, failed = [], {}
    for line, source in plan:
        result, name = made[source], f"{source.locale}/{line.file_name}"
        if isinstance(result, Made):
            entries.append(
                catalog.Entry(source.locale, line.key, line.value, result.stem, result.seconds, result.voice, line.text)
            )
            continue
        failed[name] = str(result)
        last = before.get((source.locale, line.key, line.value))
        if last and audio.complete(catalog.folder(settings) / last.stem):
            entries.append(last)
    joined = {key: parts for locale in locales.values() for key, parts in locale.joined.items()}
    index = catalog.write_index(settings, entries, joined)
    _remove_unused(settings, {entry.stem for entry in entries} | catalog.kept_stems(settings))
    outcome = Outcome(index.version, _counts(made), failed, time.monotonic() - began)
    _tell(outcome, report)
    if len(entries) < len(plan):
        name, reason = next(iter(failed.items()))
        raise SpeechError(f"{len(plan) - len(entries)} prompts have no audio, first {name}: {reason}")
    return outcome


def source_of(settings: Settings, locale: Locale, line: Line) -> Source:
    """Return what `line` is made of: its recording if there is one, else its text as it is spoken."""
    file = recording.find(settings, locale.locale, line.file_name)
    return Source(locale.locale, "" if file else expand(line.text, locale.locale, locale.expansion), file)


def _old_entries(settings: Settings) -> tuple[catalog.Entry, ...]:
    try:
        return catalog.read_index(settings).entries
    except HotlineError:
        return ()


LINE_EVERY = 150  # prompts between two lines of progress where there is no terminal


def _make_all(maker: Maker, sources: list[Source], report: Report) -> dict[Source, Made | HotlineError]:
    """Make every source with one thread a processor; each thread waits for its own speech program."""
    todo = [source for source in sources if not maker.kept(source)]
    if todo:
        report(f"rendering {len(todo)} of {len(sources)} prompt recordings")
    results: dict[Source, Made | HotlineError] = {}
    columns = (TextColumn("prompts"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    pool = ThreadPoolExecutor(max_workers=os.cpu_count() or 1)
    with Progress(*columns, console=console, transient=True, disable=not (todo and console.is_terminal)) as progress:
        bar = progress.add_task("prompts", total=len(todo))
        try:
            futures: dict[Source, Future[Made]] = {source: pool.submit(maker.make, source) for source in sources}
            for source, future in futures.items():
                try:
                    results[source] = future.result()
                except HotlineError as error:
                    results[source] = error
                fresh = len(results) - (len(sources) - len(todo))
                progress.update(bar, completed=fresh)
                if fresh > 0 and fresh % LINE_EVERY == 0 and not console.is_terminal:
                    report(f"rendered {fresh} of {len(todo)}")
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return results


class Maker:
    """Makes the audio of one source; safe to use from several threads."""

    def __init__(
        self, settings: Settings, locales: Mapping[str, Locale], voices: Sequence[Voice], force: bool = False
    ) -> None:
        self.folder = catalog.folder(settings)
        self.cache = settings.path(settings.cache_dir) / "speech"
        self.locales, self.voices, self.force = locales, voices, force

    def kept(self, source: Source) -> bool:
        """Tell whether the best rendering of `source` is there already."""
        digests = self._digests(source)
        return bool(digests) and not self.force and audio.complete(self._stem(source, digests[0][0]))

    def make(self, source: Source) -> Made:
        """Return the audio of `source`, by the first voice that has or makes it. Raises SpeechError."""
        reasons = []
        for digest, name, samples in self._digests(source):
            stem = self._stem(source, digest)
            if not self.force and audio.complete(stem):
                return self._made(source, stem, name, "kept")
            cached = self._cached(digest)
            if cached is not None:
                audio.write(cached, stem)
                return self._made(source, stem, name, "cache")
            try:
                fresh = samples()
            except SpeechError as error:
                reasons.append(str(error))
                continue
            audio.write(fresh, stem)
            self._remember(digest, fresh)
            return self._made(source, stem, name, "new")
        raise SpeechError("; ".join(reasons) or f"no voice for {source.locale} is installed")

    def _digests(self, source: Source) -> list[tuple[str, str, Callable[[], audio.Samples]]]:
        """Return (hash of all that decides the sound, who speaks, how to make it), best first."""
        if source.recording:
            file = source.recording
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            return [(_digest("recording", content), "recording", lambda: recording.telephone(file))]
        rate = self.locales[source.locale].rate
        return [
            (
                _digest(voice.identity(each, source.locale, rate), source.text),
                f"{each.engine}/{each.voice(source.locale)}",
                partial(self._spoken, each, source),
            )
            for each in self.voices
            if each.voice(source.locale)
        ]

    def _spoken(self, each: Voice, source: Source) -> audio.Samples:
        with tempfile.TemporaryDirectory(prefix="hotline-speech-") as directory:
            samples, rate = voice.speak_with(each, source.text, source.locale, Path(directory) / "speech.wav")
        return audio.telephone(samples, rate)

    def _made(self, source: Source, stem: Path, name: str, how: str) -> Made:
        seconds = stem.with_name(f"{stem.name}.ulaw").stat().st_size / audio.RATE
        return Made(f"{source.locale}/{stem.name}", round(seconds, 3), name, how)

    def _stem(self, source: Source, digest: str) -> Path:
        return self.folder / source.locale / digest

    def _cached(self, digest: str) -> audio.Samples | None:
        try:
            samples = None if self.force else audio.read_sln(self.cache / f"{digest}.sln")
        except (OSError, ValueError):
            return None
        return samples if samples is not None and len(samples) else None

    def _remember(self, digest: str, samples: audio.Samples) -> None:
        """Keep it for the next checkout; a cache that cannot be written is no cache."""
        try:
            self.cache.mkdir(parents=True, exist_ok=True)
            audio.write_whole(self.cache / f"{digest}.sln", audio.encoded(samples, "sln"))
        except OSError:
            return


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join((str(audio.RECIPE), *parts)).encode()).hexdigest()[:20]


def _remove_unused(settings: Settings, used: set[str]) -> None:
    base, oldest = catalog.folder(settings), time.time() - KEEP_UNUSED_S
    for file in base.glob("*/*.*"):
        if f"{file.parent.name}/{file.name.partition('.')[0]}" not in used and file.stat().st_mtime < oldest:
            file.unlink(missing_ok=True)


def _counts(made: Mapping[Source, Made | HotlineError]) -> dict[str, int]:
    counts = {"new": 0, "cache": 0, "kept": 0}
    for result in made.values():
        if isinstance(result, Made):
            counts[result.how] += 1
    return counts


def _tell(outcome: Outcome, report: Report) -> None:
    counts = outcome.counts
    if counts["new"] or counts["cache"]:
        made = f"{counts['new']} rendered, {counts['cache']} from the cache, {counts['kept']} unchanged"
        report(f"prompts: {made}, {outcome.seconds:.1f} s")
    for name, reason in list(outcome.failed.items())[:5]:
        report(f"prompt {name} keeps its old audio: {reason}")
