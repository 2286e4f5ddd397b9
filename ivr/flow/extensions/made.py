"""What an import makes: steps, flows, queues, calendars, targets, prompts; what to tell of each line. Pure data."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ivr.flow.declare import DIAL_STRING, NAME
from ivr.flow.extensions.file import Entry
from ivr.flow.extensions.times import Hours
from ivr.flow.extensions.words import OWN, RECORDING, SILENCE, SOUNDS, free_name, name_of, prompt_name
from ivr.flow.queue_keys import QUEUE

PROMPTS_MOST = 20  # of one step


@dataclass
class Made:
    """One step. entries  the lines it comes from.  remarks  comments above it."""

    name: str
    kind: str
    values: dict[str, object] = field(default_factory=dict)
    on: dict[str, str] = field(default_factory=dict)
    next: str = ""
    entries: list[Entry] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


@dataclass
class MadeFlow:
    """One flow. context  where it begins.  invoked  it goes back where a `Return` stands."""

    name: str
    context: str
    title: str
    invoked: bool = False
    start: str = ""
    rescue: str = ""
    steps: dict[str, Made] = field(default_factory=dict)


@dataclass(frozen=True)
class Refused:
    """A line that is not converted, why, and what to do instead."""

    entry: Entry
    why: str
    instead: str


@dataclass(frozen=True)
class Differs:
    """A line that became something not quite the same."""

    entry: Entry
    how: str


@dataclass
class MadeQueue:
    """One queue of queues.toml. keys  of `[queues.<name>.keys]`."""

    title: str
    values: dict[str, object] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    context: str = ""


@dataclass
class Catalogue:
    """What the flows of one import name. shared  prompts there are already."""

    shared: Collection[str]
    queues_conf: Mapping[str, Mapping[str, str]]
    prompts: dict[str, str] = field(default_factory=dict)
    calendars: dict[str, Hours] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)
    queues: dict[str, MadeQueue] = field(default_factory=dict)
    languages: set[str] = field(default_factory=set)
    refused: dict[Entry, Refused] = field(default_factory=dict)
    differs: dict[tuple[Entry, str], Differs] = field(default_factory=dict)
    sounds: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    waits: dict[str, dict[Entry, int]] = field(default_factory=dict)  # of Queue lines by queue, 0 for no time-out

    def refuse(self, entry: Entry, why: str, instead: str) -> None:
        """Note that `entry` is not converted; the first reason stays."""
        self.refused.setdefault(entry, Refused(entry, why, instead))

    def differ(self, entry: Entry, how: str) -> None:
        """Note that what `entry` became is not quite the same."""
        self.differs.setdefault((entry, how), Differs(entry, how))

    def prompts_of(self, text: str) -> list[str]:
        """Return the prompts of sounds joined by `&`; silence and tones are left out."""
        sounds = [sound.strip().strip('"') for sound in text.split("&")[:PROMPTS_MOST]]
        found = [self._prompt(sound) for sound in sounds if sound]
        return [key for key in found if key]

    def _prompt(self, sound: str) -> str:
        if SILENCE.fullmatch(sound):
            return ""
        if SOUNDS.get(sound) in self.shared:
            self.sounds[sound] = SOUNDS[sound]
            return SOUNDS[sound]
        if sound not in self.names:
            wanted = prompt_name(sound)
            taken = {*self.prompts, *(set(self.shared) - OWN)}
            key = free_name(wanted if wanted not in taken else f"{wanted}_recording", taken)
            self.names[sound] = key
            self.prompts[key] = RECORDING.format(re.sub(r"[{}]", "", printable(sound, 120)))
        return self.names[sound]

    def placeholder(self, wanted: str, text: str) -> str:
        """Return a prompt for something the files do not say."""
        self.prompts.setdefault(wanted, text)
        return wanted

    def calendar(self, hours: Hours) -> str:
        """Return the name of the calendar of `hours`."""
        for name, each in self.calendars.items():
            if (each.open, each.zone) == (hours.open, hours.zone):
                return name
        name = free_name(name_of(hours.name, "open"), self.calendars)
        self.calendars[name] = hours
        return name

    def target(self, dial: str) -> str:
        """Return the name of the target `dial`."""
        for name, each in self.targets.items():
            if each == dial:
                return name
        name = free_name(name_of(dial.removeprefix("PJSIP/").partition("@")[0], "phone"), self.targets)
        self.targets[name] = dial
        return name

    def queue(self, name: str, wait_s: str, entry: Entry) -> str:
        """Return the name of the queue `name` of Asterisk. wait_s  time-out of the application, '' for none."""
        key = name_of(name, "queue")
        if key not in self.queues:
            conf = self.queues_conf.get(name, {})
            self.queues[key] = queue_of(name, key, conf, self)
        made = self.queues[key]
        within = int(wait_s) if re.fullmatch(r"[0-9]{1,5}", wait_s) else 0
        if entry.app.lower() == "queue":
            self.waits.setdefault(key, {}).setdefault(entry, within)
        if within:
            made.values.setdefault("max_wait_s", min(7200, max(5, within)))
        return key

    def compare_waits(self) -> None:
        """Note each `Queue` that waited another time than its queue does, once every line was seen."""
        for key, waits in self.waits.items():
            values = self.queues[key].values if key in self.queues else {}
            kept = values.get("max_wait_s", _LIMITS["max_wait_s"].default)
            for entry, wait_s in waits.items() if key in self.queues else ():
                same = next((str(each.at) for each, s in waits.items() if s == kept), "")
                why = f", as {same}: a queue has one max_wait_s" if same else " (max_wait_s)"
                if wait_s != kept:
                    asked = f"waits {wait_s} s" if wait_s else "waits without end"
                    self.differ(entry, f"{asked} in Asterisk; here at most {kept} s{why}")


_ORDERS = {"fewestcalls": "fewest_calls", "leastrecent": "longest_idle"}
_WHOLE = {"timeout": "ring_s", "wrapuptime": "wrap_up_s", "maxlen": "max_len", "weight": "priority",
          "announce-frequency": "position_every_s", "periodic-announce-frequency": "message_every_s"}  # fmt: skip
_LIMITS = {key.name: key for key in QUEUE}


def queue_of(name: str, skill: str, conf: Mapping[str, str], catalogue: Catalogue) -> MadeQueue:
    """Return the queue `name` as queues.conf (`conf`) describes it."""
    made = MadeQueue(printable(name, 100), {"need": skill}, context=conf.get("context", ""))
    for theirs, ours in _WHOLE.items():
        if re.fullmatch(r"[0-9]{1,6}", conf.get(theirs, "")) and int(conf[theirs]) > 0:
            key = _LIMITS[ours]
            made.values[ours] = int(max(key.least or 0, min(key.most or 0, int(conf[theirs]))))
    if conf.get("strategy") in _ORDERS:
        made.values["order"] = _ORDERS[conf["strategy"]]
    moh = conf.get("musicclass", conf.get("musiconhold", ""))
    if re.fullmatch(NAME, moh) and moh != "default":
        made.values["moh"] = moh
    if re.fullmatch(r"[0-9]{1,4}", conf.get("servicelevel", "")) and 1 <= int(conf["servicelevel"]) <= 3600:
        made.values["service_level"] = {"target_s": int(conf["servicelevel"]), "percent": 80}
    if messages := catalogue.prompts_of(conf.get("periodic-announce", "").replace(",", "&")):
        made.values["messages"] = messages
    return made


def dial_string(text: str) -> str:
    """Return what `Dial` rings as PJSIP would be told, '' when that is no fixed phone."""
    technology, _, rest = text.strip().partition("/")
    if technology.upper() not in ("SIP", "PJSIP") or not rest:
        return ""
    trunk, slash, number = rest.partition("/")
    dial = f"PJSIP/{number}@{trunk}" if slash else f"PJSIP/{rest}"
    return dial if re.fullmatch(DIAL_STRING, dial) else ""


def printable(text: str, most: int) -> str:
    """Return `text` on one line, without anything that cannot be printed, at most `most` characters."""
    shown = "".join(sign if sign.isprintable() else " " for sign in text).strip()
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"
