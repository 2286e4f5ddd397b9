"""Build small dialplans from text, and hold a flow against a transcript, for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from ivr.errors import Finding
from ivr.flow import commands as c
from ivr.flow.commands import Command, Done, Event, HangUp
from ivr.flow.declare import KEYS
from ivr.flow.load import Dialplans, Flow, build
from ivr.flow.run import run
from ivr.sound import Clip, Phrase, Prompt

FOLDER = Path("dialplans")
Flows = Mapping[str, Flow]
PROMPTS = frozenset({
        "welcome", "main_menu", "language_menu", "closed", "no_agents", "queue_full", "goodbye",
        "goodbye_announcement", "invalid_key", "no_input", "too_many_tries", "offer_menu", "offer_opt_in",
        "offer_agent",
        "enter_account",
        "connecting", "transferring", "transfer_failed", "announcement_intro", "enter_postcode",
        "read_back", "confirm_entry", "not_found", "status_normal",
        "status_unknown", "survey_intro", "survey_thanks", "survey_polite", "survey_solved",
})  # fmt: skip
NUMBERS = '[numbers.100]\nflow = "main"\nlanguage = "pl"\n\n[targets]\nreception = "PJSIP/reception"\n'
WEBHOOKS = '\n[webhooks]\ncrm = "https://crm.example/ask"\n'
QUEUES = '[queues.support]\nskill = "internet"\nkeys = "*"\n\n[queues.plain]\nskill = "internet"\n'
HOURS = 'timezone = "Europe/Warsaw"\n[hours.office]\nopen = "Mo-Fr 08:00-16:00"\n'
END = '\n[steps.end]\nkind = "hangup"\n'


def files(flow: str | bytes, **others: str | bytes) -> dict[Path, bytes]:
    """Return the files of dialplans whose flow `main` is `flow`. others  numbers, queues, hours when not usual."""
    texts = {"numbers": NUMBERS, "queues": QUEUES, "hours": HOURS} | others
    contents = {FOLDER / f"{name}.toml": _bytes(text) for name, text in texts.items()}
    return contents | {FOLDER / "flows" / "main.toml": _bytes(flow)}


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def findings(flow: str | bytes, **others: str | bytes) -> list[str]:
    """Return every mistake in these dialplans, as a person reads it."""
    return [str(finding) for finding in raw_findings(flow, **others)]


def raw_findings(flow: str | bytes, **others: str | bytes) -> list[Finding]:
    """Return every mistake in these dialplans."""
    return build(files(flow, **others), FOLDER, PROMPTS)[1]


def dialplans(flow: str, **others: str | bytes) -> Dialplans:
    """Return checked dialplans whose flow `main` is `flow`."""
    built, wrong = build(files(flow, **others), FOLDER, PROMPTS)
    assert not wrong, "\n".join(map(str, wrong))
    assert built is not None
    return built


def flow(steps: str, start: str = "first", rescue: str = "end") -> Flow:
    """Return a checked flow with these steps, and a step `end` that hangs up."""
    return dialplans(text(steps, start, rescue)).flows["main"]


def text(steps: str, start: str = "first", rescue: str = "end") -> str:
    """Return a flow file with these steps, and a step `end` that hangs up."""
    return f'title = "Test"\nstart = "{start}"\nrescue = "{rescue}"\n{steps}{END}'


def commands(
    flow: Flow, events: Iterable[Event], *, flows: Flows | None = None, place: str = "", traced: bool = False
) -> list[Command]:
    """Return the commands `flow` yields when `events` come; Enter and Leave are answered (and left out) by itself."""
    waiting = iter(events)
    generator = run(flow, flows, place=place)
    found: list[Command] = []
    command = next(generator)
    while True:
        own = type(command).__name__ in ("Enter", "Leave")
        if traced or not own:
            found.append(command)
        if isinstance(command, HangUp):
            assert list(waiting) == [], "events the flow never asked for"
            return found
        command = generator.send(Done() if own else next(waiting))


def transcript(
    flow: Flow, *lines: tuple[Command, Event | None], flows: Flows | None = None, place: str = ""
) -> None:
    """Assert that `flow` yields exactly these commands when each is answered by the event beside it."""
    events = [event for _, event in lines if event is not None]

    assert [command for command, _ in lines] == commands(flow, events, flows=flows, place=place)


def lines_of(values: Mapping[str, object]) -> str:
    """Return `values` as TOML lines; strings, numbers, booleans and lists of strings."""
    return "".join(f"{key} = {_toml(value)}\n" for key, value in values.items())


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


# -- pieces of transcripts

WELCOME = '[steps.first]\nkind = "say"\nprompt = "welcome"\nnext = "menu"\n'
MENU = '[steps.menu]\nkind = "menu"\nprompt = "main_menu"\non.1 = "wait"\n'
WAIT = '[steps.wait]\nkind = "queue"\nqueue = "plain"\n'
GOODBYE = ((c.Play((Prompt("goodbye"),)), c.Heard()), (c.HangUp("completed"), None))
FIND, OFFER = c.FindAnnouncements(), c.Ask((Prompt("offer_menu"),))
SORRY = c.Ask((Prompt("invalid_key"), Prompt("offer_menu")))


def say(*keys: str) -> tuple[Phrase, ...]:
    return tuple(Prompt(key) for key in keys)


def known(name: str = "a", *, certain: bool = True, may_end: bool = True, version: int = 1) -> c.Announcement:
    return c.Announcement(name, version, (Clip(f"/{name}", name),), certain, may_end, f"why {name}")


def plays(name: str = "a") -> c.Play:
    return c.Play((Clip(f"/{name}", name),), KEYS)


def announce(**values: object) -> str:
    return '[steps.first]\nkind = "announce"\nnext = "menu"\non.agent = "wait"\n' + lines_of(values) + MENU + WAIT


def goes_on() -> tuple[tuple[c.Command, c.Event | None], ...]:
    """The rest of a call that has come to the menu, and presses 1 there."""
    return (c.Ask(say("main_menu")), c.Digits("1")), *talks()


def talks() -> tuple[tuple[c.Command, c.Event | None], ...]:
    return (c.Queue("plain"), c.Queued("answered")), (c.HangUp("agent"), None)
