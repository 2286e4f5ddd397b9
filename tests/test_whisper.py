"""What an agent hears before his caller."""

from __future__ import annotations

from ivr.flow.model import QueueConfig
from ivr.sound import Prompt, PromptSet, Rendered, SayDuration
from ivr.whisper import BYTES_MOST, CallerNews, whisper, whisper_files
from routing.model import Need

FAULTS = QueueConfig(name="support", need=Need("internet"), project="provider")
SALES = QueueConfig(name="sales", need=Need("sales"), project="provider")
OTHER = QueueConfig(name="taxi", need=Need("taxi"), project="taxi")


def prompts(*keys: str, folder: str = "/p") -> PromptSet:
    """Return a set in which each of `keys` is one file named like it."""
    minutes = {("pl", "minutes", n): Rendered(f"{folder}/min{n}", 1, "", "") for n in range(1, 61)}
    return PromptSet("1", {("pl", key, None): Rendered(f"{folder}/{key}", 1, "", "") for key in keys} | minutes)


def test_an_only_queue_is_not_named() -> None:
    """There is nothing to tell an agent who gets one kind of call at once in his language."""
    assert whisper(CallerNews(FAULTS, 5, "pl"), [FAULTS], "pl") == ()


def test_the_queue_is_named_where_there_are_several() -> None:
    """Of one project: the project is not."""
    assert whisper(CallerNews(FAULTS, 5, "pl"), [FAULTS, SALES], "pl") == (Prompt("whisper_queue_support"),)


def test_all_there_is_to_tell() -> None:
    """Project, queue, language, wait in whole minutes, announcement."""
    said = whisper(CallerNews(FAULTS, 200, "ru", announced=True), [FAULTS, SALES, OTHER], "pl")

    assert said == (
        Prompt("whisper_project_provider"),
        Prompt("whisper_queue_support"),
        Prompt("whisper_language_ru"),
        Prompt("whisper_waited"),
        SayDuration(3),
        Prompt("whisper_heard_announcement"),
    )


def test_what_he_has_heard_of_is_named_where_there_is_a_sentence_for_it() -> None:
    """A service nobody has words for is `the announcement`; so is what he said is not his problem."""

    def said(*services: str, again: bool = False) -> list[str]:
        news = CallerNews(FAULTS, 5, "pl", announced=True, services=services, again=again)
        return [each.key for each in whisper(news, [FAULTS], "pl") if isinstance(each, Prompt)]

    assert said("internet", "tv") == ["whisper_heard_internet", "whisper_heard_tv"]
    assert said("internet", "water", again=True) == ["whisper_heard_internet", "whisper_calls_again"]
    assert said("water") == said("") == said() == ["whisper_heard_announcement"]


def test_what_has_no_prompt_is_left_out() -> None:
    """A new queue needs no recording before it can be used."""
    said = (Prompt("whisper_queue_new"), Prompt("whisper_waited"), SayDuration(3))

    assert whisper_files(said, prompts("whisper_waited"), "pl") == "/p/whisper_waited&/p/min3"


def test_the_files_fit_into_one_command() -> None:
    """Long paths cut the whisper short; an AGI command has 2,000 bytes."""
    known = prompts("a", "b", "c", folder="/" + "x" * 700)
    files = whisper_files([Prompt("a"), Prompt("b"), Prompt("c")], known, "pl")

    assert files.count("&") == 1
    assert len(files) <= BYTES_MOST
