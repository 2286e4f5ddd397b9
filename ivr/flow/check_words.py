"""Check that each prompt has a text in every language it is said in, and is no longer than a caller listens. Pure.

Called by `flow/draft.py` once all flows are read; mistakes go into the Report of the flow's file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ivr.flow.model import Flow, Step
from ivr.flow.said import QUESTIONS, Said, prompts_of
from ivr.flow.spoken import Place
from ivr.flow.tables import Report

CHARS_PER_S = 14.0  # of speech, about
QUESTION_S = 30.0  # who listens longer has forgotten the first choice
MESSAGE_S = 60.0

Texts = Mapping[str, Mapping[str, str]]
"""What each prompt says, by language and key."""
Seconds = Mapping[tuple[str, str], float]
"""How long a prompt lasts, by language and key, where it was spoken already."""


def check_words(
    reports: Mapping[str, Report],
    flows: Mapping[str, Flow],
    spoken: Mapping[Place, Collection[str]],
    texts: Texts,
    seconds: Seconds,
) -> None:
    """Note prompts without a text where they are said, and prompts that are too long.

    spoken  the steps callers come to, and in which languages.  texts  by language and key.
    """
    known = {key for each in texts.values() for key in each}
    for (flow, name), languages in sorted(spoken.items()):
        step = flows[flow].steps[name]
        said = [each for each in prompts_of(step) if each.prompt in known]
        heard = sorted(language for language in languages if language)
        _check_languages(reports[flow], step, said, heard, texts)
        _check_lengths(reports[flow], step, said, heard, texts, seconds)


def _check_languages(report: Report, step: Step, said: list[Said], languages: Collection[str], texts: Texts) -> None:
    for each in {each.prompt: each for each in reversed(said)}.values():
        lacking = [language for language in languages if each.prompt not in texts.get(language, {})]
        if lacking:
            wrong = f"prompt {each.prompt!r} has no text in {', '.join(lacking)}, and is said in that language here"
            expected = "a text in " + ", ".join(f"prompts/{language}.toml" for language in lacking)
            path = ("steps", step.name, each.key) if each.key else ("steps", step.name)
            report.add(path, wrong, expected, kind="missing_language", item=each.item)


def _check_lengths(
    report: Report, step: Step, said: list[Said], languages: Collection[str], texts: Texts, seconds: Seconds
) -> None:
    long = set()
    for each in said:
        lasts = max(_lengths([each.prompt], languages, texts, seconds), default=(0.0, ""))
        if lasts[0] > MESSAGE_S and each.key:
            long.add(each.key)
            wrong = f"prompt {each.prompt!r} lasts about {lasts[0]:.0f} s in {lasts[1]}"
            expected = f"at most {MESSAGE_S:.0f} s: nobody listens longer"
            report.add(("steps", step.name, each.key), wrong, expected, kind="too_long", item=each.item)
    for key in QUESTIONS.get(step.kind, ()):
        asked = [each.prompt for each in said if each.key == key]
        together = [asked] if key != "questions" else [[prompt] for prompt in asked]
        for number, prompts in enumerate(together, 1):
            lasts = max(_lengths(prompts, languages, texts, seconds), default=(0.0, ""))
            if lasts[0] > QUESTION_S and key not in long:
                wrong = f"a question of about {lasts[0]:.0f} s in {lasts[1]}"
                expected = f"at most {QUESTION_S:.0f} s: who listens longer has forgotten the first choice"
                item = number if len(together) > 1 else 0
                report.add(("steps", step.name, key), wrong, expected, kind="too_long", item=item)


def _lengths(
    prompts: list[str], languages: Collection[str], texts: Texts, seconds: Seconds
) -> Iterator[tuple[float, str]]:
    for language in languages:
        yield sum(_length(prompt, language, texts, seconds) for prompt in prompts), language


def _length(prompt: str, language: str, texts: Texts, seconds: Seconds) -> float:
    written = texts.get(language, {}).get(prompt, "")
    return seconds.get((language, prompt), len(written) / CHARS_PER_S)
