"""`ivr dialplan try`: a call without a telephone, made by hand in the terminal or told in advance with --keys."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from ivr.call import DISPOSITIONS, LANGUAGES
from ivr.cli.folder import dialplans_option, mistakes_shown, with_folder
from ivr.errors import InputError
from ivr.flow.load import Dialplans, load_spoken, prompt_texts
from ivr.flow.trial import Transcript, try_flow
from ivr.settings import Settings, settings
from ivr.terminal.options import Options, number_of, situation_of

if TYPE_CHECKING:
    from ivr.flow.asked import AskedWorld
    from ivr.flow.world import Situation
    from ivr.terminal.driver import Driver
    from ivr.terminal.keyboard import TerminalKeyboard
    from ivr.terminal.known import Known
    from ivr.terminal.parts import Player, Taken
    from ivr.terminal.screen import TerminalScreen
    from ivr.terminal.speech import Speech

SCENARIOS = "scenarios/tried.toml"


@click.command(name="try")
@click.argument("number")
@dialplans_option
@click.option("--keys", help="What the caller presses, told in advance: keys, w to let a question pass, w2 to wait 2 "
              "seconds, h to hang up. Prints the call at once.")  # fmt: skip
@click.option("--from", "caller", default="", metavar="NUMBER", help="Who calls: the customer with this number.")
@click.option("--at", default="", metavar="TIME", help="When the call comes: 2026-12-25T10:00, 18:00, +2h.")
@click.option("--announce", multiple=True, metavar="TEXT", help="An announcement that certainly concerns the caller.")
@click.option("--maybe", multiple=True, metavar="TEXT", help="An announcement that may concern the caller.")
@click.option("--service", default="", help="Service of these announcements, for example internet.")
@click.option("--heard", type=click.IntRange(0, 9), default=0, metavar="CALLS",
              help="He has heard these announcements in so many calls of the last two hours.")
@click.option("--live", is_flag=True, help="Also the announcements that are live now, from the database.")
@click.option("--open", "opened", multiple=True, metavar="CALENDAR", help="Take this calendar as open.")
@click.option("--closed", multiple=True, metavar="CALENDAR", help="Take this calendar as closed.")
@click.option("--queue", "queues", multiple=True, metavar="QUEUE=OUTCOME",
              help="How waiting ends: nobody, full, too_long, timeout, a key …")  # fmt: skip
@click.option("--transfer", "transfers", multiple=True, metavar="TARGET=OUTCOME",
              help="How a transfer ends: busy, no_answer …")  # fmt: skip
@click.option("--webhook", "webhooks", multiple=True, metavar="NAME=RESULT",
              help="What a company's server answers: a result, timeout, failed.")  # fmt: skip
@click.option("--fact", "facts", multiple=True, metavar="NAME=VALUE", help="A fact: repeat=3, waiting.support=12 …")
@click.option("--customer", default="", metavar="CUSTOMER",
              help="Who calls: class=vip,area=pl/mazowieckie,language=ru.")  # fmt: skip
@click.option("--account", "accounts", multiple=True, metavar="DIGITS=AREA", help="An account number there is.")
@click.option("--language", type=click.Choice(LANGUAGES),
              help="Language the call begins in (the customer's or the number's unless given).")  # fmt: skip
@click.option("--fast", is_flag=True, help="Words appear ten times as fast; silences keep their length.")
@click.option("--play", is_flag=True, help="Play what is said.")
@click.option("--save", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.wav",
              help="Save what the caller hears.")  # fmt: skip
@click.option("--save-scenario", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.toml",
              help="Add the call to a file of scenarios.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the call as JSON, at once.")
def command(
    number: str, folder: Path | None, keys: str | None, live: bool, language: str | None, fast: bool, play: bool,
    save: Path | None, save_scenario: Path | None, as_json: bool, **told: object,
) -> None:  # fmt: skip
    """Call NUMBER without a phone: read what is said, press keys, see where the call goes.

    In a terminal the call is yours: keys act at once, ? shows what else you can do. With --keys or --json, or where
    nobody watches, the caller does what --keys says and the whole call is printed at once: a key is pressed when the
    hotline next asks for one; a key right after a wait is pressed at that moment.

    Examples: ivr dialplan try 100 --announce "No internet in Wola."
              ivr dialplan try 100 --keys 2 --at 2026-12-25T10:00
    """
    used = with_folder(settings(), folder)
    with mistakes_shown():
        dialplans, _ = load_spoken(used.dialplans_dir, *used.prompt_dirs)
    options = Options(number_of(number, dialplans), opt_in=bool(used.trunk_to), **told)  # type: ignore[arg-type]
    known = _known(used, options.caller, number, live) if options.caller or live else None
    now = datetime.now(ZoneInfo(used.timezone))
    situation = situation_of(options, dialplans, now, **_customers(known))
    customer = situation.customer
    spoken = language or (customer.language if customer else "") or dialplans.numbers[number].language
    by_hand = keys is None and not as_json and sys.stdin.isatty() and sys.stdout.isatty()
    if by_hand:
        _by_hand(used, dialplans, situation, spoken, known, fast=fast, play=play, save=save, scenario=save_scenario)
        return
    if play:
        raise InputError("--play: only in a terminal and without --keys, --json; --save FILE.wav keeps the sound")
    _at_once(used, dialplans, situation, spoken, known, keys or "", save=save, scenario=save_scenario, as_json=as_json)


def _customers(known: Known | None) -> dict[str, Any]:
    if known is None:
        return {}
    return {"customer": known.customer, "accounts": known.accounts, "postcodes": known.postcodes}


def _known(used: Settings, caller: str, number: str, live: bool) -> Known:
    from ivr.log import configure
    from ivr.terminal.known import look_up

    configure("error")
    return look_up(used, caller, number, announcements=live)


# -- told in advance


def _at_once(
    used: Settings, dialplans: Dialplans, situation: Situation, language: str, known: Known | None, keys: str, *,
    save: Path | None, scenario: Path | None, as_json: bool,
) -> None:  # fmt: skip
    if known:
        click.echo(f"note: {known.note}", err=True)
    number = dialplans.numbers[situation.dialled]
    if save or scenario or (known and known.live):
        transcript = _driven(used, dialplans, situation, language, known, keys, save, scenario)
    else:
        texts = prompt_texts(*used.prompt_dirs)
        transcript = try_flow(dialplans.flows[number.flow], dialplans, keys, situation, language, texts)
    click.echo(json.dumps(_as_json(transcript), indent=2, ensure_ascii=False) if as_json else _as_text(transcript))


def _driven(
    used: Settings, dialplans: Dialplans, situation: Situation, language: str, known: Known | None, keys: str,
    save: Path | None, scenario: Path | None,
) -> Transcript:  # fmt: skip
    from ivr.flow.asked import AskedWorld
    from ivr.terminal.driver import Driver
    from ivr.terminal.scripted import Lines, ScriptKeyboard, usual

    def world(driver: Driver) -> AskedWorld:
        return AskedWorld(dialplans, situation, language, driver.note, usual, live=known.live if known else None,
                          numbers=known.numbers if known else None)  # fmt: skip

    with _speech(used, known, audio=save is not None) as speech:
        lines = Lines()
        driver = Driver(dialplans, dialplans.numbers[situation.dialled], world, speech, lines, ScriptKeyboard(keys))
        taken = driver.lead()
        for told in _kept(driver, taken, language, speech, save, scenario):
            click.echo(f"note: {told}", err=True)
    lines.note(taken.seconds, "ends", taken.disposition)
    return Transcript(
        tuple(lines.lines), tuple(taken.steps), tuple(taken.ways), (), driver.world.kept, taken.disposition,
        driver.world.answered_in,
    )  # fmt: skip


def _as_text(transcript: Transcript) -> str:
    return "\n".join(f"{line.at_s:7.1f} s  {line.what:<9} {_quoted(line.what, line.text)}" for line in transcript.lines)


def _quoted(what: str, text: str) -> str:
    if what == "ends":
        return f"{text}: {DISPOSITIONS[text]}"
    return f"“{text}”" if what == "says" else text


def _as_json(transcript: Transcript) -> dict[str, object]:
    return {
        "disposition": transcript.disposition,
        "steps": transcript.steps,
        "lines": [dataclasses.asdict(line) for line in transcript.lines],
    }


# -- by hand


def _by_hand(
    used: Settings, dialplans: Dialplans, situation: Situation, language: str, known: Known | None, *,
    fast: bool, play: bool, save: Path | None, scenario: Path | None,
) -> None:  # fmt: skip
    from ivr.flow.asked import AskedWorld
    from ivr.terminal.driver import FAST, Driver
    from ivr.terminal.keyboard import TerminalKeyboard

    if fast and play:
        raise InputError("--fast and --play: a voice speaks no faster; take one of them")
    number = dialplans.numbers[situation.dialled]

    def world(driver: Driver) -> AskedWorld:
        return AskedWorld(dialplans, situation, language, driver.note, driver.ask, live=known.live if known else None,
                          numbers=known.numbers if known else None)  # fmt: skip

    screen = _screen(number.flow)
    with (
        contextlib.suppress(KeyboardInterrupt),
        _speech(used, known, audio=play or save is not None) as speech,
        _player(play) as player,
        TerminalKeyboard(sys.stdin.fileno()) as keyboard,
    ):
        again = True
        while again:
            about = f"{number.name or number.flow}, flow {number.flow}, {situation.at:%A %Y-%m-%d %H:%M}"
            screen.begins(f"Calling {number.number}", [about, *([known.note] if known else [])])
            driver = Driver(
                dialplans, number, world, speech, screen, keyboard, player=player, speed=FAST if fast else 1.0
            )
            taken = driver.lead()
            screen.ends(taken, list(driver.world.kept.items()))
            for told in _kept(driver, taken, language, speech, save, scenario):
                screen.tells(told)
            again = _afterwards(used.dialplans_dir / SCENARIOS, driver, taken, language, screen, keyboard)


def _screen(flow: str) -> TerminalScreen:
    from rich.console import Console

    from ivr.terminal.screen import TerminalScreen

    with contextlib.suppress(AttributeError):
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    return TerminalScreen(Console(highlight=False), flow)


@contextlib.contextmanager
def _speech(used: Settings, known: Known | None, *, audio: bool) -> Iterator[Speech]:
    from ivr.terminal.speech import load_speech

    with tempfile.TemporaryDirectory(prefix="hotline-try-") as folder:
        speech = load_speech(used, prompt_texts(*used.prompt_dirs), Path(folder) if audio else None)
        speech.texts = known.texts if known else {}
        yield speech


@contextlib.contextmanager
def _player(play: bool) -> Iterator[Player | None]:
    if not play:
        yield None
        return
    from ivr.terminal.sound import ProgramPlayer

    with tempfile.TemporaryDirectory(prefix="hotline-try-") as folder:
        player = ProgramPlayer(Path(folder))
        try:
            yield player
        finally:
            player.stop()


def _afterwards(
    usual: Path, driver: Driver, taken: Taken, language: str, screen: TerminalScreen, keyboard: TerminalKeyboard
) -> bool:
    """Ask what to do with the call, usually kept in the file `usual`; return whether he calls again."""
    from ivr.terminal.as_scenario import scenario_text
    from ivr.terminal.keep import add_scenario
    from ivr.terminal.parts import PATIENCE_S

    screen.tells("Enter: done   s: keep as a scenario   r: call again")
    key, _ = keyboard.wait(PATIENCE_S, asked=True)
    if key == "s":
        screen.prompt(f"file [{usual}]: ")
        file = Path(keyboard.line().strip() or usual)
        try:
            name = add_scenario(file, scenario_text(taken, driver.world, language, driver.speech.texts))
            screen.tells(f"scenario {name} is in {file}")
        except InputError as error:
            screen.complains(str(error))
    return key == "r"


def _kept(
    driver: Driver, taken: Taken, language: str, speech: Speech, save: Path | None, scenario: Path | None
) -> Iterator[str]:
    """Write the files asked for; yield what to tell of each."""
    if save:
        from ivr.terminal.sound import save_call

        yield f"saved {save}, {save_call(save, taken.said, taken.seconds):.1f} s"
        if speech.silent:
            lacking = dict.fromkeys(speech.silent)
            yield f"without audio, silent there: {', '.join(lacking)}; run `ivr prompts render`"
    if scenario:
        from ivr.terminal.as_scenario import scenario_text
        from ivr.terminal.keep import add_scenario

        text = scenario_text(taken, driver.world, language, speech.texts)
        yield f"scenario {add_scenario(scenario, text)} is in {scenario}"
