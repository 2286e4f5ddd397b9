"""The invariants of design/routing.md, held against everything Redis holds, after every request.

Numbers are those of the list there. The rules know records, indexes and events; how a decision is made they do not
know, only what must be true of it. `Rules.look` is called with each request done, `Rules.calm` when faults have been
over for long enough.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from routing import keys
from tests.support.lossy_redis import Outcome
from tests.support.routing import Dump, index_faults

CALL_STATES = {"waiting", "offered", "bridged", "detached"}
AGENT_STATES = {"ready", "reserved", "ringing", "talking", "wrap_up", "back_off"}
WITH_AGENT, WITH_CALL = {"offered", "bridged"}, {"reserved", "ringing", "talking"}
OFFER_SCRIPTS = {"offer_take", "offer_accept", "offer_refuse"}
# A sweep may come so much after its time, a decision so much after it was possible.
SWEEP_MS, SIDE_BY_SIDE_MS, OFFERS_MAX = 1500, 1000, 3

Records = Mapping[str, Mapping[str, str]]


class Broken(AssertionError):
    """An invariant does not hold."""


class Rules:
    """One group's life. `steps` requests were looked at."""

    def __init__(self) -> None:
        self.steps = 0
        self.seen: Counter[str] = Counter()
        self._replies: dict[str, str] = {}
        self._begun: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()

    def look(self, done: Outcome) -> None:
        """Raise Broken with every rule this request broke."""
        self.steps += 1
        self.seen.update(event["type"] for event in done.events)
        changed = _difference(done)
        found = [*self._reply(done, changed), *_changed_nothing(done, changed)]
        if changed:
            calls, agents = done.after.records("call"), done.after.records("agent")
            found += [*_states(calls, agents), *_pairs(calls, agents), *_places(done, calls)]
            found += [f"11 {fault}" for fault in index_faults(done.after)]
            for name, call in calls.items():
                if call.get("token", "") != done.before.records("call").get(name, {}).get("token", ""):
                    found += _offer(name, call, calls, agents, done)
        found += self._ends(done)
        if found:
            raise Broken("; ".join(found))

    def _reply(self, done: Outcome, changed: list[str]) -> Iterator[str]:
        """6: a request id repeated gets the first reply and changes nothing."""
        request = done.request.request_id
        if not request or done.error or (done.request.name == "sweep_due" and '"done":0' in done.reply):
            return  # a sweep with nothing to do decided nothing: it may come again
        if request in self._replies:
            if self._replies[request] != done.reply:
                yield f"6 {done.request.name} repeated: {done.reply}, first {self._replies[request]}"
            if changed:
                yield f"6 {done.request.name} repeated and changed {changed}"
        self._replies[request] = done.reply

    def _ends(self, done: Outcome) -> Iterator[str]:
        """9, 10: one end for each beginning, and nothing left of the call after it."""
        for event in done.events:
            if event["type"] == "waiting" and event.get("was", "new") == "new":
                self._begun[event["call"]] += 1
            if event["type"] == "ended":
                call = event["call"]
                self._ended[call] += 1
                if not event.get("outcome"):
                    yield f"15 {call} ended without an outcome"
                if self._ended[call] > self._begun[call]:
                    yield f"9 {call} ended {self._ended[call]} times, began {self._begun[call]} times"
                if left := mentions(done.after, call):
                    yield f"10 {call} ended and is still in {left}"

    def calm(self, dump: Dump, now_ms: int) -> None:
        """13, 14: no offer past its lease, nobody ready beside a call he may take."""
        calls, agents = dump.records("call"), dump.records("agent")
        found = [f"13 {name} has an offer past its time" for name, call in calls.items()
                 if call["state"] == "offered" and int(call["deadline_ms"]) < now_ms - SWEEP_MS]
        found += [f"13 {name} rests past its time" for name, agent in agents.items()
                  if int(agent.get("until_ms", now_ms)) < now_ms - SWEEP_MS]
        lending, then_ms = set(dump.all.get("lending", [])), now_ms - SWEEP_MS - SIDE_BY_SIDE_MS
        for name, call in calls.items():
            if call["state"] != "waiting" or call.get("held"):
                continue
            for agent_id, agent in agents.items():
                if (agent["state"], agent["status"]) == ("ready", "in") \
                        and max(int(call["since_ms"]), int(agent["since_ms"])) < then_ms \
                        and offers(call, agent_id) < OFFERS_MAX \
                        and may_take(call, agent, then_ms, lending, early=False):
                    found.append(f"14 {name} waits beside {agent_id}, who is ready")
        if found:
            raise Broken("; ".join(found))

    def over(self, dump: Dump) -> None:
        """15: all calls have ended, nobody is stuck."""
        found = [f"15 {name} is {call['state']} and never ended" for name, call in dump.records("call").items()]
        found += [f"15 {name} began {n} times, ended {self._ended[name]} times" for name, n in self._begun.items()
                  if n != self._ended[name]]
        found += [f"15 agent {name} is still {agent['state']}" for name, agent in dump.records("agent").items()
                  if agent["state"] != "ready"]
        if found:
            raise Broken("; ".join(found))


def _changed_nothing(done: Outcome, changed: list[str]) -> Iterator[str]:
    """5, 12: an old token and an error change nothing."""
    if not changed:
        return
    if done.error:
        yield f"12 {done.request.name} answered {done.error} and changed {changed}"
    values = done.request.values or {}
    if done.request.name in OFFER_SCRIPTS:
        call = done.before.records("call").get(values["call_id"], {})
        if call.get("token", "") != values["token"]:
            yield f"5 {done.request.name} with the old token {values['token']} changed {changed}"


def _states(calls: Records, agents: Records) -> Iterator[str]:
    """1: each in exactly one state, with what belongs to it."""
    for name, call in calls.items():
        if call["state"] not in CALL_STATES:
            yield f"1 call {name} is {call['state']!r}"
        if (call["state"] in WITH_AGENT) != ("agent" in call):
            yield f"1 call {name} is {call['state']} with agent {call.get('agent')!r}"
    for name, agent in agents.items():
        if agent["state"] not in AGENT_STATES:
            yield f"1 agent {name} is {agent['state']!r}"
        if (agent["state"] in WITH_CALL) != ("call" in agent):
            yield f"1 agent {name} is {agent['state']} with call {agent.get('call')!r}"


def _pairs(calls: Records, agents: Records) -> Iterator[str]:
    """2, 3, 4: a call's agent has that call, under the same token; one each."""
    of_calls = {(name, call["agent"], call["token"]) for name, call in calls.items() if "agent" in call}
    of_agents = {(agent["call"], name, agent["token"]) for name, agent in agents.items() if "call" in agent}
    if of_calls != of_agents:
        yield f"4 calls say {sorted(of_calls)}, agents say {sorted(of_agents)}"
    if len({agent for _, agent, _ in of_calls}) < len(of_calls):
        yield f"3 an agent has two calls: {sorted(of_calls)}"


def _places(done: Outcome, calls: Records) -> Iterator[str]:
    """8, second half: whatever happens to a call, its entry time never gets later."""
    for name, before in done.before.records("call").items():
        if name in calls and int(calls[name]["entered_ms"]) > int(before["entered_ms"]):
            yield f"8 {done.request.name} moved {name} back in line"


def _offer(name: str, call: Mapping[str, str], calls: Records, agents: Records, done: Outcome) -> Iterator[str]:
    """7, 8: who got this new offer may take it, and no older call of the same class still waits that he may take."""
    agent_id = call.get("agent", "")
    if not agent_id:
        return
    agent = agents[agent_id]
    lending = set(done.after.all.get("lending", []))
    if agent["status"] != "in":
        yield f"7 {name} was offered to {agent_id}, who is {agent['status']}"
    if not may_take(call, agent, done.now_ms, lending, early=True):
        yield f"7 {name} ({call['class']}) was offered to {agent_id} ({agent['group']})"
    if offers(call, agent_id) >= OFFERS_MAX:
        yield f"7 {name} was offered to {agent_id} once more ({call['tried']})"
    for other, older in calls.items():
        if older["state"] == "waiting" and older["class"] == call["class"] and not older.get("held") \
                and (int(older["entered_ms"]), other) < (int(call["entered_ms"]), name) \
                and not offers(older, agent_id) and not call.get("held"):
            yield f"8 {name} overtook {other} for {agent_id}"


def may_take(call: Mapping[str, str], agent: Mapping[str, str], now_ms: int, lending: set[str], *, early: bool) -> bool:
    """Tell whether the agent meets a need that is open for the call at `now_ms`.

    early  count needs that open early while nobody meets those before them.
    """
    skills, waited_ms = keys.group_skills(agent["group"]), now_ms - int(call["entered_ms"])
    for ring in call["class"].partition("@")[0].split("|"):
        when, _, need = ring.rpartition(":")
        after, project = re.match(r"(\d*)", when)[0], when.partition("^")[2]  # type: ignore[index]
        open_now = waited_ms >= int(after or 0) or (early and "!" in when)
        if open_now and (not project or project in lending) and meets(need.partition("?")[0], skills):
            return True
    return False


def meets(need: str, skills: Mapping[str, int]) -> bool:
    """Tell whether these skills meet all of the need; an absent skill meets nothing."""
    for term in need.split("&"):
        skill, op, level = re.fullmatch(r"([^<>]+)([<>]=)(\d+)", term).groups()  # type: ignore[union-attr]
        have = skills.get(skill)
        if have is None or (have < int(level) if op == ">=" else have > int(level)):
            return False
    return True


def offers(call: Mapping[str, str], agent_id: str) -> int:
    """Return how often this agent had the call and did not take it."""
    found = re.search(rf"(?:^| ){re.escape(agent_id)}(?:[=:](\d+))?(?= |$)", call.get("tried", ""))
    return int(found[1] or 1) if found else 0


def mentions(dump: Dump, call: str) -> list[str]:
    """Return the keys, but streams, that still know `call`."""
    members = {call, f"offer {call}", f"lost {call}", f"hold {call}"}
    return [name for name, flat in dump.all.items()
            if name == f"call:{call}" or (not name.startswith(("resume", "offers", "events")) and members & set(flat))]


def _difference(done: Outcome) -> list[str]:
    """Return the keys that are not what they were; the order within a hash means nothing."""
    before, after = done.before.all, done.after.all
    return sorted(name for name in before.keys() | after.keys()
                  if before.get(name) != after.get(name)
                  and (name not in before or name not in after or sorted(before[name]) != sorted(after[name])))
