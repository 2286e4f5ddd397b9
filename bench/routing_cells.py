"""One routing group of a given size on a real Redis, and what each operation on it costs. Used by routing_bench.

A cell holds two families side by side: line classes, in which calls wait while all their agents are busy, and desk
classes, whose agents stand ready while nobody waits for them. Every cycle leaves both as large as it found them.
Redis's own figure per script is read from its slow log; which call an agent gets is foretold here, so whole
cycles go in one pipeline, and a wrong decision of the scripts shows as an error of the next operation.
"""

from __future__ import annotations

import json
import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import redis

from routing import keys, scripts
from routing.model import Need, Plan

HALF_HOUR_MS = 1_800_000
AN_HOUR_MS = 3_600_000
STEP_MS = 10  # between two calls
BATCH = 500

Values = dict[str, str | int]
Operation = tuple[str, Values]

# Operation of the bench -> script, and what makes it so.
OPERATIONS: dict[str, tuple[str, Values]] = {
    "enqueue": ("call_enqueue", {}),
    "sign_in": ("agent_sign_in", {}),
    "ready": ("agent_ready", {}),
    "take": ("offer_take", {}),
    "accept": ("offer_accept", {}),
    "refuse": ("offer_refuse", {"cause": "reject"}),
    "abandon": ("call_end", {"outcome": "abandoned"}),
    "complete": ("call_end", {"outcome": "completed"}),
    "position": ("call_position", {}),
    "sweep": ("sweep_due", {}),
}
USUAL: Values = {
    "controller": "bench", "node": "main", "queue": "bench", "entered_ms": "", "max_len": "", "caller": "",
    "resume_ms": 0, "affinity": "", "affinity_ms": 0, "talk_ms": 180_000, "budget": "", "budget_ms": 0,
    "endpoint": "PJSIP/bench", "name": "Bench", "language": "pl", "ring_ms": 20_000, "wrap_up": 1,
    "attached_ms": "", "margin_ms": 5000, "back_off_ms": 15_000, "sweeper": "", "pause_after": 0, "batch": 100,
    "dead_after_ms": AN_HOUR_MS, "lost_after_ms": AN_HOUR_MS,
}  # fmt: skip
USUAL_OF: dict[str, Values] = {
    "call_enqueue": {"mode": "renew", "wrap_up_ms": ""},
    "agent_sign_in": {"mode": "sign_in", "wrap_up_ms": AN_HOUR_MS},
}


class Wire:
    """The scripts of `routing/scripts`, their arguments filled in by name. The only place that knows them.

    Whatever an operation does not name takes the value in USUAL.
    """

    def __init__(self, client: redis.Redis) -> None:
        loaded = scripts.load()
        self._names = {name: script.arguments for name, script in loaded.items()}
        self._sha = {name: str(client.script_load(script.text)) for name, script in loaded.items()}
        self._requests = 0

    def words(self, operation: str, root: str, **values: str | int) -> list[str | int]:
        """Return the command for one operation."""
        script, fixed = OPERATIONS[operation]
        self._requests += 1
        known = {**USUAL, **USUAL_OF.get(script, {}), **fixed, **values}
        known["request_id"] = f"{self._requests:032x}"
        return ["EVALSHA", self._sha[script], 1, root, *(known[name] for name in self._names[script])]

    def arguments(self, operation: str, **values: str | int) -> tuple[str, Values]:
        """Return script and arguments for `routing.scripts.Scripts.run`."""
        script, fixed = OPERATIONS[operation]
        known = {**USUAL, **USUAL_OF.get(script, {}), **fixed, **values}
        return script, {name: known[name] for name in self._names[script] if name != "request_id"}


@dataclass(frozen=True)
class Size:
    """How large a cell is. needs  classes of the line.  fitting  classes for each agent, groups for each call."""

    waiting: int = 1000
    ready: int = 1000
    needs: int = 4
    fitting: int = 4

    def skills(self) -> int:
        """Return how many skills there are: 8 make 64 classes that all fit, with priorities."""
        return self.needs if self.needs > self.fitting else min(8, self.needs)

    def __str__(self) -> str:
        return f"{self.waiting} waiting, {self.ready} ready, {self.needs} needs, {self.fitting} fitting"


class Queue:
    """The client's own picture of one class of the line."""

    def __init__(self, need: str, priority: int) -> None:
        self.text = keys.class_name(Plan(Need(need)), priority)
        self.head_start_ms = priority * 60_000
        self.calls: deque[tuple[int, str]] = deque()

    def first(self, gone: set[str]) -> tuple[int, str] | None:
        while self.calls and self.calls[0][1] in gone:
            gone.discard(self.calls.popleft()[1])
        return self.calls[0] if self.calls else None


@dataclass
class Cell:
    """A group of `size` in Redis. Make it, `load` it, then run cycles."""

    client: redis.Redis
    wire: Wire
    size: Size
    random: random.Random
    now_ms: int
    token: int = 0
    labels: list[str] = field(default_factory=list)
    pending: list[Operation] = field(default_factory=list)
    finished: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        size = self.size
        # More classes than skills: priorities make classes of one need.
        skills = size.skills()
        wanted = [(k % skills, k // skills) for k in range(max(size.needs, size.fitting))]
        self.root = keys.root(f"w{size.waiting}-r{size.ready}-n{size.needs}-f{size.fitting}")
        self.queues = [Queue(f"line{k}>=1", priority) for k, priority in wanted]
        self.desks = [keys.class_name(Plan(Need(f"desk{k}>=1")), priority) for k, priority in wanted]
        self.groups = max(size.needs, size.fitting)
        self.busy = deque((g, f"busy{g}.{n}") for n in range(3) for g in range(self.groups))
        self.gone: set[str] = set()
        self.calls = 0
        self.entry: tuple[int, str] = (0, "")
        self.entry_queue = self.queues[0]
        self.waiting_ids: list[str] = []

    def skills(self, family: str, group: int) -> str:
        """Return the name of a group; no two are the same."""
        skills = self.size.skills()
        levels = {f"{family}{(group + i) % skills}": 1 for i in range(min(self.size.fitting, skills))}
        levels[f"{family}{group % skills}"] = 2 + group // skills
        return keys.group_name(levels)

    def fitting_queues(self, group: int) -> list[Queue]:
        """Return the classes of the line that agents of a group fit."""
        if self.size.fitting == len(self.queues):
            return self.queues
        return [self.queues[(group + i) % self.size.needs] for i in range(self.size.fitting)]

    # What is sent

    def add(self, label: str, operation: str, **values: str | int) -> None:
        """Append one operation to what the next `send` sends. label  what its cost counts as."""
        self.labels.append(label)
        self.pending.append((operation, values))

    def send(self) -> list[Any]:
        """Send what was added. Raises the first error a script answered."""
        pipe = self.client.pipeline(transaction=False)
        for operation, values in self.pending:
            pipe.execute_command(*self.wire.words(operation, self.root, **values))
        self.pending.clear()
        return [json.loads(text) for text in pipe.execute()]

    def next_call(self) -> str:
        self.calls += 1
        return f"{1_700_000_000 + self.calls}.{self.calls}"

    # Filling

    def load(self) -> None:
        """Sign everybody in and fill the line."""
        for number, (group, agent_id) in enumerate(list(self.busy)):
            self.add("", "sign_in", agent_id=agent_id, group=self.skills("line", group))
            self._occupy(self.fitting_queues(group)[0].text, f"first.{number}")
        for number in range(self.size.ready):
            self.add("", "sign_in", agent_id=f"ready{number}", group=self.skills("desk", number % self.groups))
        for number in range(self.size.waiting):
            self.enqueue_line("")
            if number % BATCH == 0:
                self.send()
        self.send()
        self.labels.clear()

    def _occupy(self, class_text: str, call_id: str) -> None:
        """Bring the only ready agent into a long wrap-up."""
        self.offer("", class_text, call_id)
        self.add("", "accept", call_id=call_id, token=self.token)
        self.add("", "complete", call_id=call_id)

    def offer(self, label: str, class_text: str, call_id: str) -> None:
        """Enqueue a call that somebody ready gets at once. The first token of a group is only known afterwards."""
        self.add(label, "enqueue", call_id=call_id, **{"class": class_text})
        if not self.token:
            self.token = int(self.send()[-1]["token"])
        else:
            self.token += 1

    def enqueue_line(self, label: str) -> str:
        """Add a call at the end of the line of one class."""
        call_id = self.next_call()
        queue = self.queues[self.calls % len(self.queues)]
        entered_ms = self.now_ms - HALF_HOUR_MS + self.calls * STEP_MS
        self.add(label, "enqueue", call_id=call_id, entered_ms=entered_ms, **{"class": queue.text})
        queue.calls.append((entered_ms, call_id))
        self.waiting_ids.append(call_id)
        return call_id

    # Cycles

    def match(self) -> tuple[str, str]:
        """An agent of the line becomes ready and gets the best call. Returns both."""
        group, agent_id = self.busy[0]
        self.busy.rotate(-1)
        heads = [(queue.first(self.gone), queue) for queue in self.fitting_queues(group)]
        (_, call_id), queue = min(
            ((head, queue) for head, queue in heads if head),
            key=lambda pair: (pair[0][0] - pair[1].head_start_ms, pair[0][0], pair[0][1]),
        )
        self.entry, self.entry_queue = queue.calls.popleft(), queue
        self.add("idle -> call", "ready", agent_id=agent_id)
        self.token += 1
        return agent_id, call_id

    def pick_waiting(self) -> str:
        """Return a call that waits somewhere in the line, any but those just handled."""
        while True:
            at = self.random.randrange(len(self.waiting_ids))
            call_id = self.waiting_ids[at]
            if call_id not in self.finished:
                return call_id
            self.waiting_ids[at] = self.waiting_ids[-1]
            self.waiting_ids.pop()

    def life(self) -> None:
        """A call comes in line, an agent becomes ready, takes the best call, talks and wraps up."""
        self.enqueue_line("enqueue, nobody ready")
        _, call_id = self.match()
        self.add("take", "take", call_id=call_id, token=self.token)
        self.add("accept", "accept", call_id=call_id, token=self.token)
        self.add("complete", "complete", call_id=call_id)
        self.finished.add(call_id)

    def line_cycle(self) -> None:
        """A life; a position told; an offer refused; a caller who leaves from the middle of the line."""
        self.life()
        self.add("position", "position", call_id=self.pick_waiting())
        self.enqueue_line("enqueue, nobody ready")
        _, call_id = self.match()
        self.add("refuse", "refuse", call_id=call_id, token=self.token)
        self.entry_queue.calls.appendleft(self.entry)
        leaver = self.pick_waiting()
        self.add("abandon", "abandon", call_id=leaver)
        self.finished.add(leaver)
        self.gone.add(leaver)

    def desk_cycle(self, count: int) -> None:
        """Calls meet ready agents; those then become ready again with nobody waiting. Sends by itself."""
        self.send()
        call_ids = [self.next_call() for _ in range(count)]
        for number, call_id in enumerate(call_ids):
            self.offer("enqueue, agent ready", self.desks[number % len(self.desks)], call_id)
            self.add("accept", "accept", call_id=call_id, token=self.token)
        agents = [reply["agent_id"] for reply in self.send() if "agent_id" in reply]
        assert len(agents) == count, f"{count - len(agents)} of {count} calls found nobody ready"
        for call_id, agent_id in zip(call_ids, agents, strict=True):
            self.add("complete", "complete", call_id=call_id)
            self.add("ready, nobody waits", "ready", agent_id=agent_id)
        self.send()


def script_us(client: redis.Redis) -> list[int]:
    """Return the microseconds of the scripts in the slow log, oldest first."""
    return [int(entry["duration"]) for entry in reversed(client.slowlog_get(-1)) if b"EVALSHA" in _bytes(entry)]


def _bytes(entry: dict[str, Any]) -> bytes:
    command = entry["command"]
    return command if isinstance(command, bytes) else str(command).encode()
