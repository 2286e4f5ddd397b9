"""Turn the IVR menus of an Asterisk `extensions.conf` into a dialplan folder. Pure.

`convert` gives the files of the folder by name, IMPORT.md among them: it names every line, what it became, and what
could not be converted. Called by `ivr dialplan import`, which reads and writes files.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ivr.call import LANGUAGES
from ivr.errors import InputError, nearest
from ivr.flow.extensions.file import Context, ExtensionsFile, Odd
from ivr.flow.extensions.live import Live
from ivr.flow.extensions.made import Catalogue, MadeFlow, MadeQueue, printable
from ivr.flow.extensions.paths import Jump, Landing, Paths
from ivr.flow.extensions.repair import repair
from ivr.flow.extensions.steps import Key, Steps, key_of
from ivr.flow.extensions.walk import follow
from ivr.flow.extensions.words import SILENT, free_name, name_of
from ivr.flow.extensions.write import Imported, write

FLOWS = 100
NUMBERS = 500
ROUNDS = 4
INCLUDES = 50
LANGUAGES_SET = 3  # before a call is answered
NUMBER = "100"  # of calls whose number the file does not tell
ENTRY = re.compile(
    r"(?:^|[-_.])(?:from-(?:trunk|pstn|did|external|outside|carrier|sip-external)|ext-did|incoming|inbound|public|did)"
    r"(?:$|[-_.])|^(?:default|main|ivr|entry)$"
)
_MENU_APPS = ("background", "backgrounddetect", "waitexten", "read")


@dataclass(frozen=True)
class Options:
    """What the file does not tell. contexts  where calls come in, () to guess.  zone  of opening hours."""

    language: str
    zone: str
    contexts: Sequence[str] = ()


def convert(
    file: ExtensionsFile, options: Options, prompts: Collection[str], queues: ExtensionsFile | None = None
) -> Imported:
    """Return the dialplan folder for `file`.

    prompts  those there are already.  queues  queues.conf, read as an extensions file; None: not given.
    Raises InputError when a context is not there, or nothing in the file answers a call.
    """
    begun: set[Key] = set()
    for _ in range(ROUNDS):
        made = _Import(file, options, prompts, queues, begun)
        made.follow()
        if not (again := made.made_twice() - begun):
            break
        begun |= again
    return made.imported()


class _Import:
    def __init__(
        self,
        file: ExtensionsFile,
        options: Options,
        prompts: Collection[str],
        queues: ExtensionsFile | None,
        begun: Collection[Key],
    ) -> None:
        self.file, self.options = file, options
        self.catalogue = Catalogue(frozenset(prompts), _queues_conf(queues), languages={options.language})
        self.paths = Paths(file, self.catalogue.refuse)
        self.live = Live(self.paths)
        self.flows: dict[str, MadeFlow] = {}
        self.keys: dict[tuple[Key, bool], str] = {}
        self.numbers: dict[str, tuple[str, str, str]] = {}
        self.ahead: deque[tuple[MadeFlow, Landing]] = deque()
        self.begun = frozenset(begun)
        self.patterns: set[str] = set()
        self.made: dict[str, frozenset[Key]] = {}

    def follow(self) -> None:
        """Make the flows of every number."""
        contexts = self._contexts()
        for context in contexts:
            self._answer(context)
        while self.ahead:
            flow, landing = self.ahead.popleft()
            steps = Steps(self.paths, self.live, self.catalogue, self, flow)
            steps.build(landing)
            if not flow.invoked:
                self.made[flow.name] = frozenset(steps.made) - steps.passed
        if not self.numbers:
            raise InputError(f"[{contexts[0]}] answers no call: it has neither numbers nor an extension s")

    def made_twice(self) -> set[Key]:
        """Return where a flow begins that is a part of another, too."""
        return {
            key
            for (key, invoked), name in self.keys.items()
            if not invoked and any(key in made for other, made in self.made.items() if other != name)
        }

    def imported(self) -> Imported:
        """Return the folder."""
        repair(self.flows, {flow for flow, _, _ in self.numbers.values()}, self.catalogue)
        for name in {name for name in self.catalogue.queues if not self._uses(name)}:
            del self.catalogue.queues[name]
        self.catalogue.compare_waits()
        file = replace(self.file, odd=[*self.file.odd, *self._left_out()])
        return write(file, self.paths, self.catalogue, self.flows, self.numbers, self.options.zone)

    def _left_out(self) -> Iterator[Odd]:
        """Yield the lines of contexts that are neither extensions nor includes of something there."""
        for context in self.file.contexts.values():
            for exten in self.patterns & set(context.extens):
                entry = next(iter(context.extens[exten].values()))
                if entry not in self.paths.seen:
                    yield Odd(entry.at, f"exten => {exten}", "stands for many numbers: write each into numbers.toml")
            for key, text, at in context.settings if context.name != "general" else ():
                yield Odd(at, f"{key} => {text}", "no step does this")
            if not context.template:
                for entry in context.extens.get("h", {}).values():
                    if entry.app.lower() not in SILENT | {"hangup", "macro", "return"}:
                        yield Odd(entry.at, str(entry), "runs when the call is over; its record is kept anyway")
            for each in context.includes:
                if each.context not in self.file.contexts:
                    yield Odd(each.at, f"include => {each.context}", "there is no such context in these files")

    def _uses(self, queue: str) -> bool:
        return any(made.values.get("queue") == queue for flow in self.flows.values() for made in flow.steps.values())

    # -- where calls come in

    def _contexts(self) -> list[str]:
        known = [name for name, context in self.file.contexts.items() if name not in ("general", "globals")]
        for name in self.options.contexts:
            if name not in known:
                near = nearest(name, known)
                hint = f"did you mean {near!r}?" if near else "expected one of " + ", ".join(known[:20])
                raise InputError(f"--context: there is no [{printable(name, 60)}]; {hint}")
        if self.options.contexts:
            return list(dict.fromkeys(self.options.contexts))
        answering = [name for name in known if not self.file.contexts[name].template and self._entries(name)]
        found = [name for name in answering if ENTRY.search(name.lower())] or self._not_led_to(answering)
        found = found or answering[:1]
        if not found:
            raise InputError("no context answers a call; expected one with numbers or an extension s")
        return found[:20]

    def _not_led_to(self, names: list[str]) -> list[str]:
        """Return those of `names` with a menu that no other context mentions."""
        said = [
            (name, entry.args)
            for name, context in self.file.contexts.items()
            for entries in context.extens.values()
            for entry in entries.values()
        ]
        included = {each.context for context in self.file.contexts.values() for each in context.includes}
        return [
            name
            for name in names
            if self.is_menu(name)
            and name not in included
            and not any(name in args for other, args in said if other != name)
        ]

    def _entries(self, name: str) -> list[str]:
        """Return the extensions of the context through which calls come in: numbers, else s, else a pattern."""
        within: set[str] = set()
        extens = self._extens(name, within)
        least = 6 if "s" in extens and any(self.is_menu(each) for each in within) else 3
        numbers = [each for each in extens if re.fullmatch(r"\+?[0-9]{1,20}", each) and len(each) >= least]
        if numbers:
            return numbers
        patterns = [each for each in extens if each.startswith("_")]
        return ["s"] if "s" in extens else patterns[:1] if not self.is_menu(name) else []

    def _extens(self, name: str, been: set[str]) -> list[str]:
        """Return the extensions of the context, those of its includes after them."""
        context = self.file.contexts.get(name)
        if context is None or name in been or len(been) > INCLUDES:
            return []
        been.add(name)
        return [*context.extens, *(each for of in context.includes for each in self._extens(of.context, been))]

    def _answer(self, context: str) -> None:
        entries = self._entries(context) or (["s"] if self.paths.find(context, "s") else [])
        self.patterns |= {each for each in self._extens(context, set()) if each.startswith("_")} - set(entries)
        for exten in entries[:NUMBERS]:
            number = exten if re.fullmatch(r"\+?[0-9]+", exten) else ""
            target = self.paths.find(context, number or ("s" if exten == "s" else exten))
            if target is None and exten.startswith("_"):
                target = self.paths.find(context, _example(exten))
            if target is None:
                continue
            dialled = number or (_example(exten) if exten.startswith("_") else exten)
            self._number(number, context, exten, Jump(target, dialled))

    def _number(self, number: str, context: str, exten: str, jump: Jump) -> None:
        language, landing = self.options.language, follow(self.paths, jump, self.file_variables)
        for _ in range(LANGUAGES_SET):
            if landing.kind != "language" or landing.args[0][:2] not in LANGUAGES or not landing.spot:
                break
            language = landing.args[0][:2]
            beyond = Jump(self.paths.after(landing.spot), landing.env["EXTEN"])
            landing = follow(self.paths, beyond, landing.env)
        flow = self.flow_of(landing)
        if not number:
            number = next(str(each) for each in range(int(NUMBER), 10_000) if str(each) not in self.numbers)
        self.catalogue.languages.add(language)
        if flow:
            self.numbers.setdefault(number, (flow, language, f"[{context}] {exten}"))

    @property
    def file_variables(self) -> dict[str, str]:
        return {name: value for name, value in self.file.variables.items() if "${" not in value and "$[" not in value}

    # -- what the flows ask

    def is_menu(self, context: str) -> bool:
        """Is `context` a menu of its own, and so a flow of its own?"""
        found = self.file.contexts.get(context)
        if found is None or context in self.options.contexts:
            return found is not None and self._asks("s", found)
        return any(self._asks(exten, found) for exten in found.extens if len(exten) > 1 or exten == "s")

    def _asks(self, exten: str, context: Context) -> bool:
        entries = context.extens.get(exten, {}).values()
        return any(entry.app.lower() in _MENU_APPS or "Background(" in entry.args for entry in entries)

    def flow_of(self, landing: Landing, invoked: bool = False) -> str:
        """Return the name of the flow that begins at `landing`, '' when there are too many."""
        key = key_of(landing, self.live), invoked
        if key in self.keys:
            return self.keys[key]
        if len(self.flows) >= FLOWS:
            if landing.entry:
                self.catalogue.refuse(landing.entry, f"there are {FLOWS} flows already", "fewer --context")
            return ""
        timed = landing.timed.first[0][1].context if landing.timed else "main"
        context = landing.spot.context if landing.spot else timed
        label = landing.entry.label if landing.entry and landing.kind not in ("hours", "timed") else ""
        exten = landing.spot.exten if landing.spot else "s"
        wanted = name_of(f"{context}_{exten}" if exten != "s" and len(exten) < 6 else context, "flow")
        name = free_name(name_of(f"{wanted}_{label}") if label and wanted in self.flows else wanted, self.flows)
        title = self.file.contexts[context].title if context in self.file.contexts else ""
        title = f"{title} [{context}]" if re.search(r"\w", title) else f"[{context}]"
        flow = MadeFlow(name, context, printable(title, 200), invoked)
        self.flows[name], self.keys[key] = flow, name
        self.ahead.append((flow, landing))
        return name


def _example(pattern: str) -> str:
    """Return a number that a pattern takes."""
    signs = re.findall(r"\[[^\]]*\]|.", pattern[1:].rstrip(".!"))
    return "".join({"X": "0", "Z": "1", "N": "2"}.get(sign[0].upper(), sign[1:2] or sign) for sign in signs) + "0" * (
        pattern[-1:] in ".!"
    )


def _queues_conf(file: ExtensionsFile | None) -> Mapping[str, Mapping[str, str]]:
    if file is None:
        return {}
    usual = file.contexts.get("general")
    return {
        name: {key: value for key, value, _ in [*(usual.settings if usual else []), *context.settings]}
        for name, context in file.contexts.items()
        if name != "general"
    }


__all__ = ["Imported", "MadeQueue", "Options", "convert"]
