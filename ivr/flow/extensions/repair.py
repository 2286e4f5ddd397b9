"""Make imported flows keep the rules of a dialplan that `extensions.conf` does not know. Pure.

No loop without a key, no flow that invokes itself, no step or flow that nobody comes to. What has to be cut leads to
a goodbye, and is told. Used by `flow/extensions/convert.py`, before anything is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from ivr.flow.check import edges
from ivr.flow.check_set import DEPTH
from ivr.flow.extensions.made import Catalogue, Made, MadeFlow
from ivr.flow.extensions.words import free_name
from ivr.flow.model import Step
from ivr.flow.steps import KINDS

Node = tuple[str, str]
ROUNDS = 500


def repair(flows: dict[str, MadeFlow], begun: set[str], catalogue: Catalogue) -> None:
    """Change `flows` until the check has nothing to say. begun  flows that answer a number."""
    for flow in flows.values():
        for made in flow.steps.values():
            _tidy(made)
        _join_same(flow)
    while _cut_circle(flows, catalogue):
        pass
    for _ in range(ROUNDS):
        if not _cut_loop(flows, catalogue):
            break
    _drop_unused(flows, begun)
    for flow in flows.values():
        _join_last_words(flow)
        _drop_unreached(flow)


def _join_same(flow: MadeFlow) -> None:
    """Make one of steps that do the same."""
    while True:
        first: dict[str, str] = {}
        same = {
            name: kept
            for name, made in flow.steps.items()
            if (kept := first.setdefault(repr((made.kind, made.values, made.on, made.next)), name)) != name
        }
        if not same:
            return
        for name, kept in same.items():
            flow.steps[kept].entries += flow.steps.pop(name).entries
        for made in flow.steps.values():
            made.next = same.get(made.next, made.next)
            made.on = {outcome: same.get(step, step) for outcome, step in made.on.items()}
        flow.start, flow.rescue = same.get(flow.start, flow.start), same.get(flow.rescue, flow.rescue)


def _join_last_words(flow: MadeFlow) -> None:
    """Make `say`, then a silent `hangup`, one `hangup` that says it; behind closed hours the call ends as closed."""
    closing = {made.on.get("closed") for made in flow.steps.values() if made.kind == "hours"}
    others = {step for made in flow.steps.values() for outcome, step in made.on.items() if outcome != "closed"}
    others |= {made.next for made in flow.steps.values()} | {flow.start}
    for name, made in flow.steps.items():
        last = flow.steps.get(made.next)
        if made.kind == "say" and last and last.kind == "hangup" and last.values == {"prompt": []}:
            made.kind, made.next = "hangup", ""
            if name in closing and name not in others:
                made.values["disposition"] = "closed"


def _tidy(made: Made) -> None:
    """Take away a `next` that nothing leads to, and name one where something needs it."""
    step = _step(made)
    outcomes = KINDS[made.kind].outcomes
    waiting = [o.name for o in outcomes if o.otherwise.to == "next" and o.name not in made.on]
    if not waiting:
        made.next = ""
    if not outcomes:
        made.on = {}
    assert step.next or not waiting, made


def _step(made: Made) -> Step:
    return Step(made.name, made.kind, made.values, made.on, made.next)


def _cut_circle(flows: dict[str, MadeFlow], catalogue: Catalogue) -> bool:
    """Undo one `invoke` that leads back, or too deep. Returns whether there was one."""

    def follow(chain: tuple[str, ...]) -> bool:
        for made in flows[chain[-1]].steps.values():
            if made.kind != "invoke":
                continue
            target = str(made.values["flow"])
            if target in chain or len(chain) > DEPTH:
                made.kind, made.values = "goto", {}
                for entry in made.entries[:1]:
                    why = f"subroutines inside each other: more than {DEPTH}, or in a circle"
                    catalogue.refuse(entry, why, "a `pass` step")
                return True
            if follow((*chain, target)):
                return True
        return False

    return any(follow((name,)) for name in flows)


def _cut_loop(flows: dict[str, MadeFlow], catalogue: Catalogue) -> bool:
    """Cut one loop in which nobody presses a key. Returns whether there was one."""
    done: set[Node] = set()
    for flow in flows.values():
        for first in flow.steps:
            path: list[Node] = []
            ways: list[Iterator[tuple[Node, str]]] = []
            if (flow.name, first) not in done:
                path, ways = [(flow.name, first)], [_forced((flow.name, first), flows)]
            while path:
                node, outcome = next(ways[-1], (None, ""))
                if node is None:
                    done.add(path.pop())
                    ways.pop()
                elif node in path:
                    loop = path[path.index(node) :]
                    if not _ask_again(flows, loop, node, catalogue):
                        _cut(flows, path[-1], outcome, catalogue)
                    return True
                elif node not in done:
                    path.append(node)
                    ways.append(_forced(node, flows))
    return False


def _ask_again(flows: dict[str, MadeFlow], loop: list[Node], first: Node, catalogue: Catalogue) -> bool:
    """Let a menu in `loop` that leads round at silence ask again instead. Returns whether there is one."""
    for at, following in zip(loop, [*loop[1:], first], strict=True):
        flow = flows[at[0]]
        made = flow.steps[at[1]]
        if made.kind == "menu" and following == (at[0], made.on.get("no_input")):
            del made.on["no_input"]
            made.on.setdefault("too_many", _goodbye(flow))
            for entry in made.entries[:1]:
                catalogue.differ(entry, "silence led round to the menu again: here it asks again, `tries` times")
            return True
    return False


def _goodbye(flow: MadeFlow) -> str:
    """Return a step that only says goodbye."""
    found = next((name for name, each in flow.steps.items() if each.kind == "hangup" and not each.values), "")
    if not found:
        found = free_name("goodbye", flow.steps)
        flow.steps[found] = Made(found, "hangup")
    return found


def _forced(node: Node, flows: dict[str, MadeFlow]) -> Iterator[tuple[Node, str]]:
    name, step_name = node
    made = flows[name].steps[step_name]
    if made.kind in ("invoke", "pass"):
        other = flows[str(made.values["flow"])]
        yield (other.name, other.start), "flow"
    for edge in edges(_step(made)):
        if not edge.free:
            yield (name, edge.target), edge.outcome


def _cut(flows: dict[str, MadeFlow], at: Node, outcome: str, catalogue: Catalogue) -> None:
    flow = flows[at[0]]
    made = flow.steps[at[1]]
    for entry in made.entries[:1]:
        catalogue.differ(entry, "went round for ever without a key; here a goodbye ends it")
    if outcome == "flow":
        if made.kind == "pass":
            made.kind, made.values = "hangup", {}
        else:
            made.kind, made.values = "goto", {}
        return
    if outcome in made.on:
        made.on[outcome] = _goodbye(flow)
    else:
        made.next = _goodbye(flow)


def _drop_unused(flows: dict[str, MadeFlow], begun: set[str]) -> None:
    for flow in flows.values():
        _drop_unreached(flow)
    used: set[str] = set()
    ahead = [*begun]
    while ahead:
        name = ahead.pop()
        if name not in used:
            used.add(name)
            steps = flows[name].steps.values()
            ahead += [str(made.values["flow"]) for made in steps if made.kind in ("invoke", "pass")]
    for name in set(flows) - used:
        del flows[name]


def _drop_unreached(flow: MadeFlow) -> None:
    reached: set[str] = set()
    ahead = [flow.start, flow.rescue]
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            ahead += [edge.target for edge in edges(_step(flow.steps[name]))]
    flow.steps = {name: made for name, made in flow.steps.items() if name in reached}
