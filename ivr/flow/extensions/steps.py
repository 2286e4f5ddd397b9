"""Make the steps of one flow from the lines of `extensions.conf` that a caller would notice. Pure.

Each line where `follow` stops becomes a step; two ways to the same line with the same variables that matter become
one. Used by `flow/extensions/convert.py`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from ivr.call import LANGUAGES
from ivr.flow.declare import KEYS
from ivr.flow.extensions import makers
from ivr.flow.extensions import menu as menus
from ivr.flow.extensions.live import Live
from ivr.flow.extensions.made import PROMPTS_MOST, Catalogue, Made, MadeFlow, dial_string
from ivr.flow.extensions.paths import Jump, Landing, Paths, Spot
from ivr.flow.extensions.times import read_times
from ivr.flow.extensions.walk import follow
from ivr.flow.extensions.words import CHOICES, free_name, name_of

STEPS = 300  # of one flow; such a file would be 60 kB
REMARKS = 20  # above one step
Key = tuple[object, ...]


class Flows(Protocol):
    """Where a step that leaves the flow finds the other one. begun  where flows begin that others come to."""

    @property
    def begun(self) -> Collection[Key]: ...

    def flow_of(self, landing: Landing, invoked: bool = False) -> str:
        """Return the name of the flow that begins at `landing`, '' when there are too many."""

    def is_menu(self, context: str) -> bool:
        """Is `context` a menu of its own, and so a flow of its own?"""


def key_of(landing: Landing, live: Live) -> Key:
    """Return what makes two landings the same step."""
    if landing.kind in ("hangup", "end"):
        return ("hangup",)
    spots = [landing.spot] if landing.spot else [each for _, each in landing.timed.first] if landing.timed else []
    matters = frozenset().union(*(live.at(spot) for spot in spots))
    known = tuple(sorted((name, value) for name, value in landing.env.items() if name in matters))
    return (landing.kind, landing.spot, landing.timed, landing.args if landing.kind == "queue" else (), known)


class Steps:
    """The steps of `flow`."""

    def __init__(self, paths: Paths, live: Live, catalogue: Catalogue, flows: Flows, flow: MadeFlow) -> None:
        self.paths, self.live, self.catalogue, self.flows, self.flow = paths, live, catalogue, flows, flow
        self.made: dict[Key, str] = {}
        self.ahead: deque[tuple[Made, Landing]] = deque()
        self.start_key: Key = ()
        self.passed: set[Key] = set()

    def build(self, landing: Landing) -> None:
        """Make every step from `landing` on."""
        self.start_key = key_of(landing, self.live)
        self.flow.start = self.step(landing)
        while self.ahead:
            made, line = self.ahead.popleft()
            made.remarks += _left_out(line)
            if line.entry and line.kind != "end":
                made.entries.append(line.entry)
            _MAKERS[line.kind](self, made, line)
        self.flow.rescue = self.flow.rescue or self.goodbye()

    # -- finding the step of a line

    def to(self, jump: Jump, env: Mapping[str, str]) -> str:
        """Return the step that `jump` leads to."""
        return self.step(follow(self.paths, jump, env))

    def after(self, line: Landing, **known: str) -> str:
        """Return the step after `line`. known  variables that hold there."""
        return self.step(self.beyond(line, **known))

    def beyond(self, line: Landing, **known: str) -> Landing:
        return follow(self.paths, menus.following(self.paths, line), {**line.env, **known})

    def step(self, landing: Landing) -> str:
        """Return the step of `landing`: a new one, or the one there is."""
        landing = self._worth_a_step(landing)
        key = key_of(landing, self.live)
        if key in self.made:
            return self.made[key]
        if len(self.flow.steps) >= STEPS:
            return self._too_many(landing)
        if self._leaves(landing, key) and (other := self.flows.flow_of(landing)):
            made = self._new(f"to_{other}", "pass")
            made.values["flow"] = other
            made.remarks += _left_out(landing)
            self.made[key] = made.name
            self.passed.add(key)
            return made.name
        made = self._new(self._name(landing), _KINDS.get(landing.kind, landing.kind))
        self.made[key] = made.name
        self.ahead.append((made, landing))
        return made.name

    def _leaves(self, landing: Landing, key: Key) -> bool:
        """Does another flow begin at `landing`?"""
        if key == self.start_key or not landing.spot or landing.kind in ("hangup", "end", "missing", "return"):
            return False
        elsewhere = landing.spot.context != self.flow.context and self.flows.is_menu(landing.spot.context)
        return elsewhere or (key in self.flows.begun and not self.flow.invoked)

    def goodbye(self) -> str:
        """Return the step that says goodbye and ends the call."""
        return self._ending("goodbye", [])

    def _ending(self, name: str, remarks: Iterable[str], **values: object) -> str:
        key = ("ending", name)
        if key not in self.made:
            made = self._new(name, "hangup")
            made.values |= values
            made.remarks += remarks
            self.made[key] = made.name
        return self.made[key]

    def _too_many(self, landing: Landing) -> str:
        if landing.entry:
            self.catalogue.refuse(
                landing.entry, f"the flow has {STEPS} steps already", "several flows and `pass` steps"
            )
        return self.goodbye()

    def _new(self, wanted: str, kind: str) -> Made:
        made = Made(free_name(name_of(wanted), self.flow.steps), kind)
        self.flow.steps[made.name] = made
        return made

    def _worth_a_step(self, landing: Landing) -> Landing:
        """Go on over lines that need no step: silence, an unknown language, times that cannot be read."""
        for _ in range(menus.LINES):
            if (way := self._way_over(landing)) is None:
                break
            onward = follow(self.paths, way, landing.env)
            landing = replace(onward, skipped=landing.skipped + onward.skipped)
        return landing

    def _way_over(self, line: Landing) -> Jump | None:
        entry, first = line.entry, line.args[0] if line.args else ""
        if entry is None or line.spot is None:
            return None
        if line.kind in ("playback", "controlplayback") and not self.catalogue.prompts_of(first):
            return menus.following(self.paths, line)
        if line.kind == "language" and first[:2].lower() not in LANGUAGES:
            self.catalogue.refuse(entry, f"there is no language {first[:20]!r}", "one of " + ", ".join(LANGUAGES))
            return menus.following(self.paths, line)
        if line.kind == "hours" and read_times(first) is None:
            self.catalogue.refuse(entry, f"{first[:60]!r} is no time", "an `hours` step and a calendar in hours.toml")
            return line.no
        return None

    def _name(self, line: Landing) -> str:
        first = line.args[0] if line.args else ""
        if line.entry and line.entry.label and line.kind not in ("end", "hangup"):
            return line.entry.label
        if line.kind in ("background", "backgrounddetect", "waitexten"):
            exten = line.spot.exten if line.spot else "s"
            return "menu" if exten == "s" else f"menu_{exten}"
        if line.kind in ("playback", "controlplayback"):
            return "_".join(["say", *self.catalogue.prompts_of(first)[:1]])
        if line.kind == "hours" and (hours := read_times(first)):
            return hours.name if hours.name[0].isalpha() else f"open_{hours.name}"
        if line.kind == "language":
            return f"language_{first[:2]}"
        if line.kind in ("queue", "read", "set"):
            return name_of(first, line.kind)
        if line.kind == "dial":
            return f"call_{dial_string(first.partition('&')[0])[6:].partition('@')[0] or 'phone'}"
        if line.kind == "branch":
            return f"by_{first.partition(' ')[0].removeprefix('var.')}"
        if line.kind == "invoke" and line.yes and isinstance(line.yes.target, Spot):
            return line.yes.target.context
        names = {"hangup": "hang_up", "end": "hang_up", "return": "back", "missing": "not_imported", "timed": "hours"}
        return names.get(line.kind, line.kind)

    # -- one maker for each kind of line

    def _say(self, made: Made, line: Landing) -> None:
        prompts, last = self.catalogue.prompts_of(line.args[0]), line
        following = self.beyond(line)
        while following.kind == "playback" and following.entry and following.spot and last.spot and (
            following.spot == self.paths.after(last.spot) and not following.entry.label and not following.skipped
        ) and len(prompts) < 10:  # fmt: skip
            prompts += self.catalogue.prompts_of(following.args[0] if following.args else "")
            made.entries.append(following.entry)
            last, following = following, self.beyond(following)
        if (
            following.kind == "waitexten"
            and not following.skipped
            and self._menu(made, menus.Heard(prompts, [line], following))
        ):
            return
        made.values["prompt"] = prompts[:PROMPTS_MOST] or [self._placeholder(made)]
        made.next = self.step(following)

    def _background(self, made: Made, line: Landing) -> None:
        heard = menus.heard_from(self.paths, self.catalogue, line)
        made.entries += [each.entry for each in [*heard.lines[1:], heard.wait] if each and each.entry]
        ends = heard.after is not None and heard.after.kind == "end" and not heard.after.skipped
        if (heard.wait or ends) and self._menu(made, heard):
            return
        made.kind = "say"
        made.values["prompt"] = heard.prompts[:PROMPTS_MOST] or [self._placeholder(made)]
        if heard.wait and heard.wait.spot:
            silent = self.paths.find(heard.wait.spot.context, "t")
            made.next = self.to(Jump(silent, "t"), heard.wait.env) if silent else self.after(heard.wait)
        else:
            made.next = self.step(heard.after) if heard.after else self.goodbye()

    def _placeholder(self, made: Made) -> str:
        if made.entries:
            self.catalogue.differ(made.entries[0], "no recording is played here: prompt menu_choices says the choices")
        return self.catalogue.placeholder("menu_choices", CHOICES)

    def _menu(self, made: Made, heard: menus.Heard) -> bool:
        """Make `made` the menu that `heard` asks. Returns whether its context has keys."""
        line = heard.wait or heard.lines[0]
        assert line.spot is not None
        context, env = line.spot.context, line.env
        ways = {key: self.paths.find(context, key) for key in KEYS}
        longer = menus.longer_extensions(self.paths, context)
        if longer and made.entries:
            how = f"callers could dial {', '.join(longer[:6])} here: a menu takes one key; `collect` takes several"
            self.catalogue.differ(made.entries[-1], how)
        if not any(ways.values()):
            return False
        made.kind = "menu"
        made.values["prompt"] = heard.prompts[:PROMPTS_MOST] or [self._placeholder(made)]
        written = heard.wait.args[0] if heard.wait and heard.wait.args else ""
        made.values["timeout_s"] = menus.seconds(written or env.get("TIMEOUT(response)", ""), menus.WAIT_S)
        for key, target in ways.items():
            if target is not None:
                made.on[key] = self.to(Jump(target, key), env)
        self._missed(made, heard, env)
        return True

    def _missed(self, made: Made, heard: menus.Heard, env: Mapping[str, str]) -> None:
        tries: list[int] = []
        last: list[Landing] = []
        found = {
            outcome: menus.missed(self.paths, self.catalogue, exten, heard, heard.prompts, env)
            for outcome, exten in (("wrong_key", "i"), ("no_input", "t"))
        }
        for outcome, miss in found.items():
            if miss is None:
                continue
            if miss.tries == 0 and miss.then:
                made.on[outcome] = self.step(miss.then)
                continue
            tries.append(min(menus.TRIES_MOST, miss.tries + 1))
            if miss.prompts:
                made.values[f"{outcome}_prompt"] = miss.prompts[0]
            if miss.then:
                last.append(miss.then)
            elif made.entries:
                how = f"asked for ever in Asterisk; here {menus.TRIES_MOST} times, then goodbye"
                self.catalogue.differ(made.entries[-1], how)
        if not any(found.values()) and made.entries:
            self.catalogue.differ(
                made.entries[-1], "no i and t in Asterisk: the call ended; here asked 3 times, then goodbye"
            )
        if tries:
            made.values["tries"] = max(tries)
        if len(made.on.keys() & {"wrong_key", "no_input"}) < 2:
            made.on["too_many"] = self.step(last[0]) if last else self.goodbye()

    def _read(self, made: Made, line: Landing) -> None:
        name, sound, most, *more = (*line.args, "", "", "")
        if not name or not line.entry:
            made.kind = "goto"
            made.next = self.after(line)
            return
        question = self.catalogue.prompts_of(sound) or [self._placeholder(made)]
        if most == "1" and self._choice(made, line, name, question):
            return
        self.paths.collected.add(name)
        made.values |= {"prompt": question, "name": name_of(name, "digits")}
        if most.isdecimal() and 1 <= int(most) <= 20:
            made.values |= {"most": int(most), "finish": "#"}
        tries = more[1] if len(more) > 1 else ""
        if tries.isdecimal() and 1 <= int(tries) <= menus.TRIES_MOST:
            made.values["tries"] = int(tries)
        env = {each: value for each, value in line.env.items() if each != name}
        made.next = self.to(menus.following(self.paths, line), env)
        made.on["too_many"] = self.after(line, **{name: ""})

    def _choice(self, made: Made, line: Landing, name: str, question: list[str]) -> bool:
        """Make `made` a menu when one digit decides where the call goes on. Returns whether it does."""
        ways = {key: self.beyond(line, **{name: key}) for key in KEYS}
        other, nothing = self.beyond(line, **{name: "other"}), self.beyond(line, **{name: ""})
        keys = {key: way for key, way in ways.items() if key_of(way, self.live) != key_of(other, self.live)}
        if not keys:
            return False
        made.kind = "menu"
        wait_s = line.args[5] if len(line.args) > 5 else ""
        made.values |= {"prompt": question, "timeout_s": menus.seconds(wait_s, menus.WAIT_S)}
        made.on |= {key: self.step(way) for key, way in keys.items()}
        for outcome, way in (("wrong_key", other), ("no_input", nothing)):
            if way.spot != line.spot:
                made.on[outcome] = self.step(way)
        if len(made.on.keys() & {"wrong_key", "no_input"}) < 2:
            made.on["too_many"] = self.goodbye()
        return True


def _left_out(landing: Landing) -> list[str]:
    """Return remarks on the lines before `landing` that are not converted."""
    remarks = [f"not converted: {entry.at}  {entry}" for entry in landing.skipped[:REMARKS]]
    more = len(landing.skipped) - REMARKS
    return [*remarks, f"not converted: {more} lines more, see IMPORT.md"] if more > 0 else remarks


_KINDS = {
    "playback": "say", "controlplayback": "say", "background": "menu", "backgrounddetect": "menu",
    "waitexten": "menu", "read": "collect", "timed": "hours", "dial": "transfer", "voicemail": "message",
    "end": "hangup", "missing": "hangup",
}  # fmt: skip
_MAKERS: Mapping[str, Callable[[Steps, Made, Landing], None]] = {
    "playback": Steps._say, "controlplayback": Steps._say, "background": Steps._background,
    "backgrounddetect": Steps._background, "waitexten": Steps._background, "read": Steps._read, "hours": makers.hours,
    "timed": makers.timed, "branch": makers.branch, "language": makers.language, "set": makers.set_,
    "queue": makers.queue, "dial": makers.dial, "voicemail": makers.voicemail, "hangup": makers.hangup,
    "end": makers.hangup, "missing": makers.missing, "return": makers.return_, "invoke": makers.invoke,
}  # fmt: skip
