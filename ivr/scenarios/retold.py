"""Tell a recorded call as a scenario, and hold it against a trial. Pure. Called by `recorded.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ivr.announce.model import PLANNED, Version
from ivr.call import TraceEntry
from ivr.errors import ConfigError
from ivr.flow.declare import KEYS
from ivr.flow.model import Dialplans
from ivr.flow.replay import Act, Past, Visit
from ivr.flow.scenario import Scenario, read_scenarios
from ivr.flow.scenario_keys import ANNOUNCEMENT
from ivr.flow.scenario_run import failures, happened, run_scenario
from ivr.flow.trial import Texts, Transcript
from ivr.flow.world import Who
from ivr.record import trace as t
from ivr.record.model import CallRecord
from ivr.scenarios.toml_text import value_text

ASKING = ("menu", "collect", "identify", "survey")  # kinds whose prompts are questions: a key answers when he is asked
INTO_S = 0.5  # a key that stopped a prompt is pressed so long after it began
COUNTED = ("repeat", "waiting", "ewt_s", "agents")  # facts a branch was told that the world must say again
NAME = re.compile(r"[^a-z0-9]+")
FACT = re.compile(r"([a-z_]+(?:\.[a-z0-9_]+)?) = (\d+)")


@dataclass(frozen=True)
class Draft:
    """The scenario as text. differs  what does not come out the same, empty when all does."""

    text: str
    differs: tuple[str, ...] = ()


class Retold:
    """A call, told as a scenario."""

    def __init__(
        self, record: CallRecord, trace: Sequence[TraceEntry], past: Past, versions: Mapping[tuple[str, int], Version],
        dialplans: Dialplans, texts: Texts, zone: ZoneInfo,
    ) -> None:  # fmt: skip
        self.record, self.trace, self.past, self.versions = record, trace, past, versions
        self.dialplans, self.texts, self.zone = dialplans, texts, zone

    def draft(self, number: str) -> Draft:
        """Return the scenario. number  the caller's, '' to leave it out."""
        values = self._values(number)
        values["keys"] = ",".join(self._script(values))
        transcript = self._run(values)
        values["hears"] = _common(self._heard(), [line.name for line in transcript.lines if line.what == "says"])
        scenario = self._scenario(values)
        wrong = failures(scenario, happened(run_scenario(scenario, self.dialplans, self.texts)))
        return Draft(self._text(values), tuple(str(failure.finding).partition(": ")[2] for failure in wrong))

    # -- what was so

    def _values(self, number: str) -> dict[str, Any]:
        record, who = self.record, self.past.who
        at = record.started_at.astimezone(self.zone).replace(tzinfo=None, microsecond=0)
        usual = (who.language if who else "") or self.dialplans.numbers[record.dnis].language
        answered = any(entry.event == t.ANSWERED for entry in self.trace)
        values: dict[str, Any] = {
            "title": f"A call of {at:%d.%m.%Y at %H:%M}",
            "number": record.dnis,
            "from": number or (None if record.ani else ""),
            "at": at,
            "language": self.past.language if self.past.language != usual else "",
            "keys": "",
            "customer": _customer(who) if who else None,
            "accounts": {},
            "announcements": list(self._known()),
            "open": self._hours(opened=True),
            "closed": self._hours(opened=False),
            "queues": self._queues(),
            "transfers": dict(self.past.transfers),
            "webhooks": self._webhooks(),
            "callbacks": self._arranged("callback", "declined"),
            "messages": self._arranged("message", "none"),
            "facts": self._facts(),
            "hears": [],
            "steps": [f"{visit.flow}.{visit.step}" for visit in self.past.visits],
            "ends": record.disposition,
            "ends_in": record.queue if answered else "",
        }
        self._enter_accounts(values["accounts"])
        return values

    def _known(self) -> Iterator[dict[str, Any]]:
        for announcement in self.past.known:
            version = self.versions.get((announcement.announcement_id, announcement.version))
            texts = version.texts if version else {}
            text = texts.get(self.past.language) or next(iter(texts.values()), announcement.announcement_id)
            found: dict[str, Any] = {"text": " ".join(text.split())}
            if version and version.service:
                found["service"] = version.service
            if not announcement.certain:
                found["certain"] = False
            if announcement.may_end != announcement.certain:
                found["may_end"] = announcement.may_end
            if version and version.kind == PLANNED:
                found["planned"] = True
            if announcement.lately and announcement.brief:
                found["heard"] = announcement.lately
            if announcement.opt_in:
                found["opt_in"] = "booked"
            yield found

    def _hours(self, *, opened: bool) -> list[str]:
        asked = {str(e.detail["calendar"]): bool(e.detail["open"]) for e in self.trace if e.event == t.HOURS}
        return [name for name, state in asked.items() if state is opened]

    def _queues(self) -> dict[str, str]:
        """How waiting in each queue ended first, where it was not simply answered."""
        found: dict[str, str] = {}
        queue = ""
        for entry in self.trace:
            if entry.event == t.ENTERED:
                queue = ""
                step = self._step(entry)
                if step and step.kind == "queue":
                    queue = str(step.values["queue"])
            elif not queue:
                continue
            elif entry.event == t.MOVED:
                queue = str(entry.detail.get("queue"))
            elif entry.event == t.OVERFLOW and entry.detail.get("to"):
                found.setdefault(str(entry.detail["queue"]), str(entry.detail["why"]))
            elif entry.event == t.PRESSED and str(entry.detail.get("key", "")) in self.dialplans.queues[queue].keys:
                key = str(entry.detail["key"])
                if self.dialplans.queues[queue].keys[key].kind != "hear_again":
                    found.setdefault(queue, key)
            elif entry.event == t.LEFT and str(entry.detail["outcome"]) in ("nobody", "full", "too_long", "timeout"):
                found.setdefault(queue, str(entry.detail["outcome"]))
        if self.record.disposition == "abandoned" and queue:
            found[queue] = "abandoned"
        return found

    def _webhooks(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for n, entry in enumerate(self.trace):
            if entry.event == t.ASKED:
                outcome = str(entry.detail["outcome"])
                left = next((each for each in self.trace[n:] if each.event == t.LEFT), None)
                result = re.search(r"result '([^']*)'", str(left.detail.get("detail", ""))) if left else None
                found[str(entry.detail["webhook"])] = {"result": result[1] if result else ""} \
                    if outcome == "answered" else outcome  # fmt: skip
        return found

    def _arranged(self, kind: str, no: str) -> dict[str, str]:
        found = {}
        for visit in self.past.visits:
            step = self._of(visit)
            if step and step.kind == kind and visit.outcome == no:
                found[str(step.values["queue"])] = no
        for entry in self.trace:
            if entry.event == t.OVERFLOW and entry.detail.get("to") == kind and self.record.disposition != kind:
                found[str(entry.detail["queue"])] = no
        return found

    def _facts(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for entry in self.trace:
            if entry.event == t.LEFT:
                for name, value in FACT.findall(str(entry.detail.get("detail", ""))):
                    if name.partition(".")[0] in COUNTED:
                        found[name] = int(value)
        return found

    def _enter_accounts(self, accounts: dict[str, Any]) -> None:
        for visit in self.past.visits:
            step = self._of(visit)
            if step and step.kind == "identify" and visit.outcome == "known":
                digits = [act.keys for act in visit.acts if len(act.keys) > 1]
                if digits:
                    accounts[digits[-1]] = _customer(self.past.who or Who())

    # -- what he pressed

    def _script(self, values: Mapping[str, Any]) -> list[str]:
        """Return the keys as a trial's script: those that stop a prompt after so many seconds, by a trial's clock."""
        script: list[str] = []
        for visit in self.past.visits:
            step = self._of(visit)
            for act in visit.acts if visit.kind != "queue" else ():
                if not act.keys:
                    script.append("w")
                elif step and _in_the_middle(act, step.kind, str(step.values.get("offer_prompt", ""))):
                    script += [f"w{self._until(values, script, visit, act):.1f}", act.keys]
                else:
                    script.append(act.keys + (str(step.values.get("finish", "")) if step and len(act.keys) > 1 else ""))
        if self.record.disposition == "hung_up" and self.past.visits:
            script += [f"w{self._until(values, script, self.past.visits[-1], None):.1f}", "h"]
        return script

    def _until(self, values: Mapping[str, Any], script: Sequence[str], visit: Visit, act: Act | None) -> float:
        """Return after how many seconds since his last key he is in the middle of what `act` stopped."""
        lines = self._run({**values, "keys": ",".join(script)}).lines
        pressed_s = [line.at_s for line in lines if line.what == "caller"]
        count = sum(1 for item in script for _ in (item if not item.startswith("w") else [item] if item == "w" else ()))
        last_s = pressed_s[count - 1] if 0 < count <= len(pressed_s) else 0.0
        entered = [line.at_s for line in lines if line.what == "step" and line.text.startswith(f"{visit.step} (")]
        since_s = max((at_s for at_s in entered if at_s >= last_s - 0.1), default=last_s)
        wanted = ANNOUNCEMENT if act and act.during.startswith(f"{ANNOUNCEMENT}:") else act.during if act else ""
        said = [line.at_s for line in lines if line.what == "says" and line.at_s >= since_s - 0.1
                and wanted in ("", line.name)]  # fmt: skip
        return max(0.1, (said[0] if said else since_s) - last_s + INTO_S)

    # -- held against a trial

    def _heard(self) -> list[str]:
        found = []
        for entry in self.trace:
            if entry.event in (t.PLAYED, t.INTERRUPTED):
                name = str(entry.detail.get("prompt", ""))
                kind = name.partition(":")[0]
                found.append(ANNOUNCEMENT if kind == ANNOUNCEMENT else name.partition("/")[2].partition(" ")[0])
        return found

    def _run(self, values: Mapping[str, Any]) -> Transcript:
        return run_scenario(self._scenario(values), self.dialplans, self.texts)

    def _scenario(self, values: Mapping[str, Any]) -> Scenario:
        keys = {key for said in self.texts.values() for key in said}
        contents = {Path("scenario.toml"): self._text(values).encode()}
        scenarios, findings = read_scenarios(contents, self.dialplans, sorted(keys), self.zone)
        if findings:
            raise ConfigError(*findings)
        return scenarios[0]

    def _text(self, values: Mapping[str, Any]) -> str:
        name = NAME.sub("_", f"call_{self.record.call_id.rpartition('/')[2]}".lower())[-40:].strip("_")
        lines = [f"[scenarios.{name if name[0].isalpha() else f'call_{name}'[:40]}]"]
        always = ("number", "ends")
        lines += [
            f"{key} = {value_text(value)}"
            for key, value in values.items()
            if value is not None and (value or key in always or (key == "from" and value == ""))
            and not (key in ("language", "ends_in", "keys") and not value)
        ]  # fmt: skip
        return "\n".join(lines) + "\n"

    def _step(self, entry: TraceEntry) -> Any:
        flow = self.dialplans.flows.get(str(entry.detail.get("flow") or self.record.flow))
        return flow.steps.get(entry.step) if flow else None

    def _of(self, visit: Visit) -> Any:
        flow = self.dialplans.flows.get(visit.flow)
        return flow.steps.get(visit.step) if flow else None


def _in_the_middle(act: Act, kind: str, offer: str) -> bool:
    """Did the key stop something that was no question?"""
    return bool(act.during) and kind not in ASKING and act.during != offer and set(act.keys) <= set(KEYS)


def _customer(who: Who) -> dict[str, str]:
    found = {"area": who.area, "class": who.class_ if who.class_ != "normal" else "", "language": who.language}
    return {name: value for name, value in found.items() if value}


def _common(heard: Sequence[str], said: Sequence[str]) -> list[str]:
    """Return the longest list of names that both have in this order."""
    best: list[list[int]] = [[0] * (len(said) + 1) for _ in range(len(heard) + 1)]
    for i in range(len(heard) - 1, -1, -1):
        for j in range(len(said) - 1, -1, -1):
            same = best[i + 1][j + 1] + 1 if heard[i] == said[j] else 0
            best[i][j] = max(same, best[i + 1][j], best[i][j + 1])
    found, i, j = [], 0, 0
    while i < len(heard) and j < len(said):
        if heard[i] == said[j] and best[i][j] == best[i + 1][j + 1] + 1:
            found.append(heard[i])
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            i += 1
        else:
            j += 1
    return found
