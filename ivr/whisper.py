"""What an agent hears before his caller: project, queue, language, wait, announcement heard. Pure.

Short on purpose, the caller waits meanwhile: only what there is a prompt for, and what tells him something.
Called by `ringing.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ivr.flow.model import QueueConfig
from ivr.sound import Phrase, Prompt, PromptSet, SayDuration

WAIT_LEAST_S = 60  # a shorter wait is not worth the time it takes to say
FILES_MOST = 12  # the list travels in one AGI command of 2,000 bytes, most of it paths
BYTES_MOST = 1500
SERVICES = ("internet", "tv", "phone")  # there is a sentence for; of others, that he heard an announcement


@dataclass(frozen=True)
class CallerNews:
    """What is worth whispering of a caller. language  he is spoken to in.

    announced  he heard an announcement.  services  it was about, '' for all.  again  he has called about it repeatedly.
    """

    queue: QueueConfig
    waited_s: float
    language: str
    announced: bool = False
    services: tuple[str, ...] = ()
    again: bool = False


def whisper(news: CallerNews, queues: Collection[QueueConfig], agent_language: str) -> tuple[Phrase, ...]:
    """Return what to say. queues  all there are: a name that is the only one is not said."""
    queue = news.queue
    said: list[Phrase] = []
    if queue.project and len({each.project for each in queues}) > 1:
        said.append(Prompt(f"whisper_project_{queue.project}"))
    if len(queues) > 1:
        said.append(Prompt(f"whisper_queue_{queue.name}"))
    if news.language != agent_language:
        said.append(Prompt(f"whisper_language_{news.language}"))
    if news.waited_s >= WAIT_LEAST_S:
        said += [Prompt("whisper_waited"), SayDuration(int(news.waited_s / 60))]
    if news.announced:
        about = [each for each in news.services if each in SERVICES] or ["announcement"]
        said += [Prompt(f"whisper_heard_{each}") for each in about]
    if news.again:
        said.append(Prompt("whisper_calls_again"))
    return tuple(said)


def whisper_files(phrases: Collection[Phrase], prompts: PromptSet, language: str) -> str:
    """Return the files of `phrases` as Playback takes them; what has no prompt, or is too much, is left out."""
    stems: list[str] = []
    for phrase in phrases:
        if isinstance(phrase, Prompt) and phrase.key not in prompts.keys:
            continue
        found = prompts.files(phrase, language)
        if len(stems) + len(found) > FILES_MOST or len("&".join((*stems, *found)).encode()) > BYTES_MOST:
            break
        stems += found
    return "&".join(stems)
