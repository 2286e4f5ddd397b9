"""What the routing tests share: Redis with time that tests move, a dump of everything, indexes rebuilt from records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import redis
import redis.asyncio
from redis.exceptions import ResponseError

from routing import keys
from routing.errors import from_reply
from routing.match import Agent, Call
from routing.rules import Opening, openings, read_class
from routing.scripts import Scripts, load

ROOT = keys.root("test")
# Loaded in place of include/clock.lua: the time is what the test wrote.
MOVED_CLOCK = {"clock": "local function now_ms()\n  return tonumber(redis.call('GET', KEYS[1] .. ':clock'))\nend\n"}
START_MS = 1_800_000_000_000
# Not records: time, streams, replies, and what outlives all calls on purpose.
PASSING = ("clock", "events", "epoch", "token", "lending", "budget")

_DUMP = """
local found = {}
for _, name in ipairs(redis.call('KEYS', KEYS[1] .. ':*')) do
  local kind, short = redis.call('TYPE', name).ok, string.sub(name, #KEYS[1] + 2)
  if string.sub(short, 1, 6) == 'reply:' then
    -- gone by itself
  elseif short == 'classes' or short == 'groups' then -- packed: shown as JSON
    local flat = redis.call('HGETALL', name)
    for i = 2, #flat, 2 do
      flat[i] = cjson.encode(cmsgpack.unpack(flat[i]))
    end
    found[short] = flat
  elseif kind == 'hash' then
    found[short] = redis.call('HGETALL', name)
  elseif kind == 'zset' then
    found[short] = redis.call('ZRANGE', name, 0, -1, 'WITHSCORES')
  elseif kind == 'set' then
    found[short] = redis.call('SMEMBERS', name)
  elseif kind == 'stream' then
    found[short] = { tostring(redis.call('XLEN', name)) }
  else
    found[short] = { redis.call('GET', name) }
  end
end
return cjson.encode(found)
"""


class Dump:
    """All keys of the test's group at one moment, without replies. `all` name -> flat list."""

    def __init__(self, everything: Mapping[str, list[str]]) -> None:
        self.all = everything

    def pairs(self, name: str) -> dict[str, str]:
        """The hash or sorted set `name` as a dictionary."""
        flat = self.all.get(name, [])
        return dict(zip(flat[::2], flat[1::2], strict=True))

    def scores(self, name: str) -> dict[str, int]:
        return {member: int(float(score)) for member, score in self.pairs(name).items()}

    def records(self, kind: str) -> dict[str, dict[str, str]]:
        """All hashes `kind:<id>` by id."""
        return {name.partition(":")[2]: self.pairs(name) for name in self.all if name.startswith(f"{kind}:")}

    def names(self) -> set[str]:
        """Every key that is neither time, stream nor counter of tokens."""
        return {name for name in self.all if name not in PASSING and not name.startswith("resume:")}


class PlainRedis:
    """One routing group on a real Redis whose time stands still until `move_ms`; no event loop, for many steps."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        client.set_response_callback("INFO", lambda text, **_: text)
        self.loaded = load(MOVED_CLOCK)
        self._sha = {name: str(client.script_load(script.text)) for name, script in self.loaded.items()}
        self._dump = str(client.script_load(_DUMP))
        self.now = START_MS

    def once(self, script: str, **values: Any) -> dict[str, Any]:
        """Run a script and return its reply."""
        arguments = [values[name] for name in self.loaded[script].arguments]
        reply: dict[str, Any] = json.loads(self.client.evalsha(self._sha[script], 1, ROOT, *arguments))
        return reply

    def run(self, script: str, **values: Any) -> tuple[dict[str, Any], Dump]:
        """Run a script twice with the same request id; return its reply and all keys afterwards, in one round trip.

        Raises what Router would. An error wrote nothing, and the repetition answered the same and wrote nothing.
        """
        asked = (self._sha[script], 1, ROOT, *(values[name] for name in self.loaded[script].arguments))
        pipe = self.client.pipeline(transaction=False)
        pipe.execute_command("INFO", "persistence")
        for _ in range(2):
            pipe.evalsha(*asked)
            pipe.execute_command("INFO", "persistence")
        pipe.evalsha(self._dump, 1, ROOT)
        before, reply, between, again, after, dump = pipe.execute(raise_on_error=False)
        if isinstance(reply, ResponseError):
            assert _changes(before) == _changes(after), f"{script} answered an error and wrote"
            raise from_reply(str(reply)) or AssertionError(f"{script}: {reply}")
        assert again == reply
        assert _changes(between) == _changes(after), f"{script}: a repeated request changes nothing"
        return json.loads(reply), Dump(json.loads(dump))

    def move_ms(self, by: int) -> None:
        """Let `by` milliseconds pass."""
        self.now += by
        self.client.set(f"{ROOT}:clock", self.now)

    def dump(self) -> Dump:
        return Dump(json.loads(self.client.evalsha(self._dump, 1, ROOT)))

    def clear(self) -> None:
        """Empty Redis and start the clock again."""
        self.client.flushall()
        self.now = START_MS
        self.move_ms(0)


def _changes(info: str) -> str:
    """Return the number of changes the server has counted."""
    return info.partition("rdb_changes_since_last_save:")[2].partition("\r")[0]


class MovedRedis:
    """One routing group on a real Redis whose time stands still until `move_ms`."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self.client = client
        self.scripts = Scripts(client, ROOT, replaced=MOVED_CLOCK)
        self._dump = client.register_script(_DUMP)
        self.now = START_MS

    async def move_ms(self, by: int) -> None:
        """Let `by` milliseconds pass."""
        self.now += by
        await self.client.set(f"{ROOT}:clock", self.now)

    async def dump(self) -> Dump:
        return Dump(json.loads(await self._dump(keys=[ROOT])))

    async def clear(self) -> None:
        """Empty Redis and start the clock again."""
        await self.client.flushall()
        self.now = START_MS
        await self.move_ms(0)


def as_call(name: str, f: Mapping[str, str]) -> Call:
    """A call record of Redis as the model has it."""
    wrap_up = f.get("wrap_up_ms")
    tried = {agent: int(n) for agent, _, n in (word.rpartition(":") for word in f.get("tried", "").split())}
    return Call(name, f["controller"], f["node"], f["queue"], f["class"], int(f["entered_ms"]), int(f["attached_ms"]),
                f.get("caller", ""), int(f.get("resume_ms", 0)), None if wrap_up is None else int(wrap_up),
                f.get("budget", ""), f["state"],  # type: ignore[arg-type]
                f.get("agent", ""), int(f.get("token", 0)), f.get("taken") == "1", int(f.get("deadline_ms", 0)),
                int(f.get("answered_ms", 0)), f.get("held", ""), tried)


def as_agent(name: str, f: Mapping[str, str]) -> Agent:
    """An agent record of Redis as the model has it."""
    missed = {field.removeprefix("missed_"): int(n) for field, n in f.items() if field.startswith("missed_")}
    return Agent(name, f["group"], int(f["ring_ms"]), int(f["wrap_up_ms"]), int(f["idle_since_ms"]),
                 f["status"], f["state"], int(f["since_ms"]),  # type: ignore[arg-type]
                 f.get("call", ""), int(f.get("token", 0)), int(f.get("until_ms", 0)), int(f.get("calls", 0)),
                 int(f.get("talk_ms", 0)), missed)


def rebuilt(dump: Dump) -> dict[str, dict[str, Any]]:
    """Every index as it must be, worked out from the records of calls and agents alone."""
    index: dict[str, dict[str, Any]] = {}

    def put(name: str, member: str, value: object) -> None:
        index.setdefault(name, {})[member] = value

    def add(name: str, member: str) -> None:
        put(name, member, index.get(name, {}).get(member, 0) + 1)

    for name, f in dump.records("call").items():
        put("calls", name, int(f["entered_ms"]))
        if f["controller"]:
            put(f"held:{f['controller']}", name, int(f["entered_ms"]))
        if f["state"] != "bridged":
            add("queue_size", f["queue"])
        if f["state"] == "waiting":
            put(f"w:+{f['held']}" if "held" in f else f"w:{f['class']}", name, int(f["entered_ms"]))
        if f["state"] == "offered":
            put("due", f"offer {name}", int(f["deadline_ms"]))
    for name, f in dump.records("agent").items():
        add("group_size", f["group"])
        if f["status"] == "in":
            add("agents_in", f["group"])
        if f["status"] == "in" and f["state"] == "ready":
            put(f"i:{f['group']}", name, int(f["idle_since_ms"]))
            for kind, field in (("n", "calls"), ("t", "talk_ms")):
                if kind in _group_fit(dump, f["group"])["x"] or name in dump.pairs(f"{kind}:{f['group']}"):
                    put(f"{kind}:{f['group']}", name, int(f.get(field, 0)))
        if "until_ms" in f:
            put("due", f"agent {name}", int(f["until_ms"]))
    for name in list(index):
        kind, _, member = name.partition(":")
        if kind in ("w", "i", "n", "t"):
            score, first = min((score, id_) for id_, score in index[name].items())
            put(f"heads:{kind}", member, f"{score} {first}")
    return index


def index_faults(dump: Dump) -> list[str]:
    """Return one line for each index that is not what the records say; [] is good."""
    want, faults = rebuilt(dump), []
    kinds = ("calls", "held", "queue_size", "w", "due", "group_size", "agents_in", "i", "n", "t", "heads")
    for name in sorted({n for n in dump.all if n.partition(":")[0] in kinds} | want.keys()):
        have: dict[str, Any] = dump.pairs(name)
        if not name.startswith("heads"):
            others = ("class ", "lost ", "hold ", "ring ")
            have = {m: int(float(v)) for m, v in have.items() if not m.startswith(others)}
        if have != want.get(name, {}):
            faults.append(f"{name}: is {have}, records say {want.get(name, {})}")
    due = [member.split(" ", 1) for member in dump.pairs("due")]
    calls = dump.records("call")
    for kind, of_records in (("lost", {n for n, f in calls.items() if f["state"] == "detached"}),
                             ("hold", {n for n, f in calls.items() if "held" in f})):
        if {name for k, name in due if k == kind} != of_records:
            faults.append(f"due: {kind} is not {of_records}")
    if set(dump.all.get("agents", [])) != dump.records("agent").keys():
        faults.append("agents: not those that have a record")
    return faults + _fit_faults(dump)


def _group_fit(dump: Dump, group: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(dump.pairs("groups")[group])
    return found


def _fit_faults(dump: Dump) -> list[str]:
    """The fits of classes and groups are those of the rules, on both sides."""
    faults = []
    classes = {name: json.loads(text) for name, text in dump.pairs("classes").items()}
    groups = {name: json.loads(text) for name, text in dump.pairs("groups").items()}
    if groups.keys() != dump.pairs("group_size").keys():
        faults.append("groups: not those that have agents")
    skills = {name: keys.group_skills(name) for name in groups}
    of_groups: dict[str, dict[str, int]] = {name: {} for name in groups}
    for name, fit in classes.items():
        want = openings(read_class(name), skills, dump.all.get("lending", []))
        have = {g: Opening(d, k - 1, r, o)
                for g, d, k, r, o in zip(*(list(fit[x]) for x in "gdkro"), strict=True)}
        if have != want:
            faults.append(f"classes: {name} is {have}, the rules say {want}")
        for group, opening in want.items():
            of_groups[group][name] = opening.delay_ms
    for name, fit in groups.items():
        have_delays = dict(zip(list(fit["c"]), list(fit["d"]), strict=True))
        if have_delays != of_groups[name]:
            faults.append(f"groups: {name} is {have_delays}, the rules say {of_groups[name]}")
    if {c for text in dump.pairs("lines").values() for c in text.split()} != classes.keys():
        faults.append("lines: not the classes")
    return faults + [f"class of {name} is unknown" for name in dump.all
                     if name.startswith("w:") and not name.startswith("w:+")
                     and name.removeprefix("w:") not in classes]
