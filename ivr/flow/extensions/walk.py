"""Follow an `extensions.conf` from one line to the next that a caller would notice. Pure.

What lies between (Set, Goto, GotoIf, subroutines) is worked out as far as the file alone tells. Used by
`flow/extensions/convert.py`, which makes a step of each line where `follow` stops.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ivr.flow.extensions.branch import condition_of
from ivr.flow.extensions.file import Entry
from ivr.flow.extensions.paths import Jump, Landing, Paths, Spot, Timed, assignments
from ivr.flow.extensions.values import Unknown, arguments, holds, plain, split, substitute, variables
from ivr.flow.extensions.words import ADVICE, SILENT, UNKNOWN

SILENT_LINES = 300  # between two that a caller would notice
GOSUB_DEPTH = 10
VISIBLE = frozenset({
        "background", "backgrounddetect", "waitexten", "playback", "controlplayback", "read", "queue", "dial",
        "voicemail",
})  # fmt: skip
ENDS = frozenset({"hangup", "busy", "congestion", "zapateller", "playtones"})
_ELSEWHERE_QUEUE = ("ext-queues", "from-queue", "queues")
_ELSEWHERE_PHONE = ("from-did-direct", "from-did-direct-ivr", "ext-local", "from-internal")
_SILENT_MACROS = ("blkvm", "user-callerid", "get-vmcontext", "record-enable", "sub-record-check", "user-set-callerid")
_ASKED = re.compile(r"\$\{(DB|CURL|ODBC_[A-Z_]+|SHELL)\(")
_FUNCTION = re.compile(r"([A-Za-z_]+)\((.*)\)")
_LABEL = re.compile(r"([^()]*)(?:\((.*)\))?", re.DOTALL)


def counted(name: str) -> str:
    """Return under which name the variables keep what `name` has counted."""
    return f"#{name}"


def follow(paths: Paths, start: Jump, env: Mapping[str, str], counting: bool = False) -> Landing:
    """Return the next line a caller would notice, from `start` on. counting  variables that count keep it."""
    return _Walk(paths, dict(env), counting).follow(start)


@dataclass
class _Frame:
    """A subroutine begun and not yet returned from."""

    spot: Spot
    entry: Entry
    begin: Jump
    env: dict[str, str]
    back: Jump
    macro: bool


class _Walk:
    def __init__(self, paths: Paths, env: dict[str, str], counting: bool) -> None:
        self.paths, self.env, self.counting = paths, env, counting
        self.frames: list[_Frame] = []
        self.skipped: list[Entry] = []
        self.next: Jump | None = None
        self.last: Entry | None = None

    def follow(self, start: Jump) -> Landing:
        self.next = start
        for _ in range(SILENT_LINES):
            assert self.next is not None
            found = self._one(self.next)
            if found is not None:
                return self._landed(found)
        if self.last:
            self._skip(self.last, "goes round for ever, and nobody hears anything", "a `menu` step")
        return self._landed(Landing("end", self.env))

    def _landed(self, found: Landing) -> Landing:
        """Return `found`, or the subroutine it is in: that is a flow of its own."""
        skipped = tuple(dict.fromkeys(self.skipped))
        if self.frames and found.kind not in ("end", "missing", *ENDS):
            frame = self.frames[0]
            return Landing("invoke", frame.env, frame.spot, frame.entry, (), frame.begin, frame.back, skipped=skipped)
        return replace(found, env=dict(self.env), skipped=skipped)

    def _one(self, jump: Jump) -> Landing | None:
        """Go on by one line: return it when a caller would notice it, else None with `next` set."""
        if isinstance(jump.target, Timed):
            return Landing("timed", self.env, timed=jump.target)
        spot = jump.target
        self.env |= {"EXTEN": jump.exten, "CONTEXT": spot.context}
        entry = self.paths.entry(spot)
        if entry is None:
            return self._returned() if self.frames and self.frames[-1].macro else Landing("end", self.env, spot)
        self.paths.seen.add(entry)
        self.last = entry
        self.next = Jump(self.paths.after(spot), jump.exten)
        return self._perform(spot, entry)

    def _perform(self, spot: Spot, entry: Entry) -> Landing | None:
        app = entry.app.lower()
        if app in ENDS:
            return Landing("hangup", self.env, spot, entry)
        if app in SILENT or not app:
            return None
        known = getattr(self, f"_app_{app}", None) if app in _FOLLOWED else None
        try:
            if known is not None:
                found: Landing | None = known(spot, entry)
                return found
            if app in VISIBLE:
                args = tuple(arguments(substitute(entry.args, self.env)))
                return Landing(app, self.env, spot, entry, args)
        except Unknown as unknown:
            return self._skip(entry, f"{unknown.name} is known only in the call", ADVICE.get(app, UNKNOWN)[1])
        return self._skip(entry, *ADVICE.get(app, UNKNOWN))

    def _skip(self, entry: Entry, why: str, instead: str) -> Landing | None:
        self.paths.refuse(entry, why, instead)
        self.skipped.append(entry)
        return None

    def _app_set(self, spot: Spot, entry: Entry) -> Landing | None:
        found, inherited = None, entry.args.lstrip().startswith("_")
        for name, value in assignments(entry.args):
            if function := _FUNCTION.fullmatch(name):
                found = self._set_function(spot, entry, function[1].upper(), function[2], value) or found
                continue
            try:
                known = substitute(value, self.env)
            except Unknown as unknown:
                known = None
                function = _ASKED.search(value)
                if function and unknown.name:
                    self._skip(entry, *ADVICE[function[1].lower().partition("_")[0]])
            if name in variables(value) and not self.counting:
                self._count(name, value)
            elif known is None:
                self.env.pop(name, None)
            else:
                self.env.pop(counted(name), None)
                self.env[name] = plain(known)
                if not inherited and self._for_agents(name, plain(known)):
                    found = Landing("set", self.env, spot, entry, (name, plain(known)))
        return found

    def _count(self, name: str, value: str) -> None:
        """Keep what a variable that counts is now, out of sight: each time round it is another one."""
        before = self.env.pop(name, self.env.get(counted(name), ""))
        try:
            self.env[counted(name)] = substitute(value, {**self.env, name: before})
        except Unknown:
            self.env.pop(counted(name), None)

    def _for_agents(self, name: str, value: str) -> bool:
        fits = value.isprintable() and 0 < len(value) <= 200 and not set(value) & set("{}")
        return fits and name not in self.paths.read and not self.counting and name.isidentifier()

    def _set_function(self, spot: Spot, entry: Entry, name: str, of: str, value: str) -> Landing | None:
        if name == "LANGUAGE" or (name == "CHANNEL" and of == "language"):
            return Landing("language", self.env, spot, entry, (substitute(value, self.env),))
        if name == "TIMEOUT":
            self.env[f"TIMEOUT({of})"] = substitute(value, self.env)
        elif advice := ADVICE.get(name.lower()):
            self._skip(entry, *advice)
        return None

    def _app_goto(self, spot: Spot, entry: Entry) -> Landing | None:
        return self._go(spot, entry, entry.args)

    def _go(self, spot: Spot, entry: Entry, text: str) -> Landing | None:
        try:
            found = self.paths.jump(text, spot, self.env)
        except Unknown as unknown:
            self._skip(entry, f"{unknown.name} is known only in the call", "a `branch` step with each place named")
            return Landing("missing", self.env, spot, entry)
        if found is not None:
            self.next = found
            return None
        return self._elsewhere(spot, entry, [plain(substitute(part, self.env)) for part in arguments(text)])

    def _elsewhere(self, spot: Spot, entry: Entry, parts: list[str]) -> Landing:
        """Return what a place outside these files is, by the names FreePBX gives."""
        context, exten = (parts[0], parts[1]) if len(parts) > 2 else ("", parts[0])
        if context == "app-blackhole" or exten in ("hang", "hangup"):
            return Landing("hangup", self.env, spot, entry)
        if context in _ELSEWHERE_QUEUE:
            return Landing("queue", self.env, spot, entry, (exten,))
        if context in _ELSEWHERE_PHONE and exten.isdecimal():
            return Landing("dial", self.env, spot, entry, (f"PJSIP/{exten}",))
        place = ",".join(parts)
        self._skip(entry, f"there is no {place[:60]} in these files", "name the file that has it, or write the steps")
        return Landing("missing", self.env, spot, entry)

    def _app_gotoif(self, spot: Spot, entry: Entry) -> Landing | None:
        condition, yes, no = _ways(entry.args)
        try:
            chosen = yes if holds(condition, self.env) else no
        except Unknown as unknown:
            if counted(unknown.name) not in self.env:
                return self._branch(spot, entry, (condition, yes, no), unknown)
            chosen = self._first_time(condition, yes, no)
        return self._go(spot, entry, chosen) if chosen else None

    def _first_time(self, condition: str, yes: str, no: str) -> str:
        """Return the way a test of a counter goes the first time: `tries` of the menu counts the rest."""
        now = {name.removeprefix("#"): value for name, value in self.env.items()}
        try:
            return yes if holds(condition, now) else no
        except Unknown:
            return no

    def _branch(self, spot: Spot, entry: Entry, ways: tuple[str, str, str], unknown: Unknown) -> Landing | None:
        condition, yes, no = ways
        written = condition_of(condition, self.env, self.paths.collected)
        if isinstance(written, bool):
            return self._go(spot, entry, yes if written else no) if (yes if written else no) else None
        then, otherwise = self._jump_or_next(yes, spot), self._jump_or_next(no, spot)
        if written and then and otherwise:
            return Landing("branch", self.env, spot, entry, (written,), then, otherwise)
        why = f"{unknown.name} is known only in the call; the import goes on as if it did not hold"
        self._skip(entry, why, "a `branch` step, where a fact tells it")
        return self._go(spot, entry, no) if no else None

    def _jump_or_next(self, text: str, spot: Spot) -> Jump | None:
        try:
            return self.paths.jump(text, spot, self.env) if text else self.next
        except Unknown:
            return None

    def _app_gotoiftime(self, spot: Spot, entry: Entry) -> Landing | None:
        spec, yes, no = _ways(entry.args)
        then, otherwise = self._jump_or_next(yes, spot), self._jump_or_next(no, spot)
        if not then or not otherwise:
            return self._skip(entry, "it leads to a place that is not in these files", "an `hours` step")
        return Landing("hours", self.env, spot, entry, (substitute(spec, self.env),), then, otherwise)

    def _app_execif(self, spot: Spot, entry: Entry) -> Landing | None:
        condition, yes, no = _ways(entry.args)
        try:
            chosen = yes if holds(condition, self.env) else no
        except Unknown:
            return self._skip(entry, *ADVICE["execif"])
        if not chosen:
            return None
        app, _, args = chosen.partition("(")
        inner = replace(entry, app=app.strip(), args=args.rstrip().removesuffix(")"))
        if inner.app.lower() in ("execif", "exec"):
            return self._skip(entry, *ADVICE["execif"])
        return self._perform(spot, inner)

    def _app_gosub(self, spot: Spot, entry: Entry) -> Landing | None:
        *place, last = arguments(entry.args)
        label = _LABEL.fullmatch(last)
        name, given = (label[1], label[2]) if label else (last, None)
        return self._call(spot, entry, ",".join([*place, name]), split(given) if given else [], macro=False)

    def _app_gosubif(self, spot: Spot, entry: Entry) -> Landing | None:
        condition, yes, no = _ways(entry.args)
        chosen = yes if holds(condition, self.env) else no
        return self._app_gosub(spot, replace(entry, args=chosen)) if chosen else None

    def _app_macro(self, spot: Spot, entry: Entry) -> Landing | None:
        name, *given = arguments(entry.args)
        if name == "hangupcall":
            return Landing("hangup", self.env, spot, entry)
        if name.startswith(_SILENT_MACROS):
            return None
        return self._call(spot, entry, f"macro-{name},s,1", given, macro=True)

    def _call(self, spot: Spot, entry: Entry, place: str, given: list[str], macro: bool) -> Landing | None:
        found = self.paths.jump(place, spot, self.env)
        if found is None or len(self.frames) >= GOSUB_DEPTH:
            return self._skip(entry, *ADVICE["macro" if macro else "gosub"])
        assert self.next is not None
        args = {f"ARG{i}": substitute(value, self.env).strip() for i, value in enumerate(given[:20], 1)}
        self.env |= args
        self.frames.append(_Frame(spot, entry, found, dict(self.env), self.next, macro))
        self.next = found
        return None

    def _app_return(self, spot: Spot, entry: Entry) -> Landing | None:
        return self._returned() if self.frames else Landing("return", self.env, spot, entry)

    def _returned(self) -> Landing | None:
        self.next = self.frames.pop().back
        return None


_FOLLOWED = frozenset(name.removeprefix("_app_") for name in vars(_Walk) if name.startswith("_app_"))


def _ways(args: str) -> tuple[str, str, str]:
    """Return condition and both ways of `condition?yes:no`."""
    question = _outside(args, "?")
    rest = args[question + 1 :] if question >= 0 else ""
    colon = _outside(rest, ":")
    yes, no = (rest[:colon], rest[colon + 1 :]) if colon >= 0 else (rest, "")
    return (args[:question] if question >= 0 else args).strip(), yes.strip(), no.strip()


def _outside(text: str, sign: str) -> int:
    """Return where `sign` stands outside quotes and brackets, -1 for nowhere."""
    whole = split(text, sign)
    return len(whole[0]) if len(whole) > 1 else -1
