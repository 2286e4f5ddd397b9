"""Make a picture of call flows: a card for each step, an arrow for each way, counts of calls when given. Pure.

Works from the declarations of `flow/steps.py` alone, so that a new kind of step draws itself. Called by
`ivr dialplan draw`; `picture.py` says what a picture is and writes it as DOT, `svg.py` as SVG.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ivr.errors import InputError
from ivr.flow.check import edges
from ivr.flow.declare import KEYS, Kind
from ivr.flow.drawing import captions
from ivr.flow.drawing.captions import WIDE, Words, counted, marked, number, texts, wait
from ivr.flow.drawing.lettering import plain, wrap
from ivr.flow.drawing.picture import Arrow, Card, Picture, Text, at_ease, ident
from ivr.flow.drawing.ways import Ways
from ivr.flow.model import LEAVE, Dialplans, Flow, Step
from ivr.flow.steps import KINDS

STEPS = 500  # of one picture; as many as one flow may have
LARGE = 100  # steps: from here on, ways back and to the rescue are words on the card, not arrows across the sheet
NUMBERS = 8  # of a flow that are named
THIN, THICK = 1.0, 8.0  # an arrow nobody takes, and one that every call takes
USUAL, START, PASS = 1.3, 2.4, 2.0  # arrows without counts
NO_ARROW = ("back", "rescue")
NO_KIND = Kind("", "")

Texts = Mapping[str, Words]
"""What each prompt says, by language and key (`load.prompt_texts`)."""


def reached(dialplans: Dialplans, names: Iterable[str]) -> tuple[str, ...]:
    """Return `names` and every flow their steps invoke or pass to, in the order met."""
    found: dict[str, None] = {}
    ahead = list(names)
    while ahead:
        name = ahead.pop(0)
        if name in dialplans.flows and name not in found:
            found[name] = None
            ahead += [flow for step in dialplans.flows[name].steps.values() for flow, _ in _led_into(step)]
    return tuple(found)


def draw(
    dialplans: Dialplans,
    names: Sequence[str],
    texts: Texts | None = None,
    ways: Ways | None = None,
    language: str = "",
) -> Picture:
    """Return the picture of the flows `names`.

    texts  a prompt that is not there is named.  ways  counts to write on the arrows.  language  of the words, '' for
    that of the numbers that lead to a flow. Raises InputError when there are more than STEPS steps.
    """
    flows = [dialplans.flows[name] for name in names]
    steps = sum(len(flow.steps) for flow in flows)
    if steps > STEPS:
        raise InputError(f"{steps} steps in one picture, expected at most {STEPS}: name one flow, with --alone")
    cards: list[Card] = []
    arrows: list[Arrow] = []
    for flow in flows:
        words = _words(texts or {}, language or _spoken(dialplans, flow.name))
        drawn = _Flow(dialplans, flow, names, words, ways, _depth(flow), steps >= LARGE)
        cards += drawn.cards()
        arrows += drawn.arrows()
    return Picture(
        plain(flows[0].title) if len(flows) == 1 else "Call flows",
        plain(f"{', '.join(names)} · dialplans {dialplans.version}"),
        tuple((flow.name, plain(flow.title)) for flow in flows),
        tuple(cards),
        tuple(arrows),
        tuple(captions.legend(arrows, cards, ways)),
        ways is not None,
    )


@dataclass(frozen=True)
class _Flow:
    """One flow on its way into the picture.

    drawn  the flows of the picture.  depth  steps from the start.  large  ways back are no arrows.
    """

    dialplans: Dialplans
    flow: Flow
    drawn: Sequence[str]
    words: Words
    ways: Ways | None
    depth: Mapping[str, int]
    large: bool

    def cards(self) -> Iterator[Card]:
        if self._numbers:
            yield self._start()
        for step in self.flow.steps.values():
            yield self._card(step)

    @property
    def _numbers(self) -> list[str]:
        return [key for key, each in self.dialplans.numbers.items() if each.flow == self.flow.name]

    def _start(self) -> Card:
        """Return the card of the numbers that lead here."""
        numbers = [self.dialplans.numbers[each] for each in self._numbers]
        lines: list[Text] = []
        for each in numbers[:NUMBERS]:
            lines.append(Text(plain(f"{each.number} · {each.language}"), "number"))
            lines += texts(each.name, "of_number", 2)
        if len(numbers) > NUMBERS:
            lines.append(Text(f"and {len(numbers) - NUMBERS} more", "of_number"))
        about = "\n".join(plain(f"{n.number} ({n.language}, {n.project}) {n.name}") for n in numbers)
        return at_ease(Card(ident(self.flow.name), self.flow.name, "Numbers", "", tuple(lines), about, (0, 0)))

    def _card(self, step: Step) -> Card:
        kind, place = KINDS.get(step.kind, NO_KIND), (self.flow.name, step.name)
        lines = (
            *captions.said(step, kind, self.words),
            *captions.notes(step, kind),
            *self._elsewhere(step),
            *self._ends(step, kind),
            *self._back(step),
            *self._dropped(place),
        )
        right = f" · {number(self.ways.entered.get(place, 0))} ×" if self.ways else ""
        name = "".join(wrap(step.name, 13, WIDE, 1, bold=True))
        about = captions.about(step, kind)
        return at_ease(Card(ident(*place), place[0], name, plain(step.kind), lines, about, (0, 0), right))

    def _elsewhere(self, step: Step) -> Iterator[Text]:
        """Tell of the queue, calendar, target or webhook a step names what other files say."""
        values = {key: str(step.values.get(key, "")) for key in ("calendar", "queue", "target", "webhook")}
        if calendar := self.dialplans.hours.get(values["calendar"]):
            yield from texts(calendar.opening.text, "note", 3)
        if queue := self.dialplans.queues.get(values["queue"]):
            yield from texts(": ".join(filter(None, (queue.name, queue.title))), "note", 2)
            if step.kind == "queue":
                then = "" if queue.overflow == LEAVE else f", then {queue.overflow}"
                yield from texts(f"{wait(queue.max_wait_s)} at most{then}", "note", 2)
                inside = [f"{key} {action}" for key, action in queue.keys.items() if action.kind != "leave"]
                yield from texts("keys: " + ", ".join(inside) if inside else "", "note", 2)
        yield from texts(self.dialplans.targets.get(values["target"], ""), "note", 1)
        yield from texts(self.dialplans.webhooks.get(values["webhook"], ""), "note", 1)

    def _ends(self, step: Step, kind: Kind) -> Iterator[Text]:
        """Tell which outcomes end the call because the file does not say where they lead."""
        names = [o.name for o in kind.outcomes if o.name not in step.on and self._goes(step, o.otherwise.to) == "end"]
        taken = [name for name in names if self._taken(step, (name,))]
        for name in taken:
            yield Text(f"{name}  {self._count(step, (name,))}", "end", "end")
        if others := [name for name in names if name not in taken]:
            yield from marked(", ".join(others), "end", "end", 2)
        if not kind.outcomes and "disposition" in step.values:
            yield Text(plain(str(step.values["disposition"])), "end", "end")
        elif step.kind == "return":
            yield Text(f"back with {plain(str(step.values.get('outcome', '')))}", "end", "end")

    def _back(self, step: Step) -> Iterator[Text]:
        """Tell the ways of a large picture that are no arrows."""
        for arrow in self._ways(step) if self.large else ():
            if arrow.style in NO_ARROW:
                told = [" ".join(filter(None, (text.mark if text.mark in KEYS else "", text.text)))
                        for text in arrow.lines if text.style != "meaning"]  # fmt: skip
                yield from texts(" → ".join(filter(None, (" ".join(told), arrow.head.partition(".")[2]))), "note", 2)

    def _goes(self, step: Step, to: str) -> str:
        return "end" if to == "rescue" and step.name == self.flow.rescue else to

    def _dropped(self, place: tuple[str, str]) -> Iterator[Text]:
        if self.ways and (count := self.ways.dropped.get(place, 0)):
            yield Text(f"{counted(count, self.ways.share(place, count))} hung up", "drop", "drop")

    def arrows(self) -> Iterator[Arrow]:
        name = self.flow.name
        if self._numbers:
            yield Arrow(ident(name), ident(name, self.flow.start), "start", (), "where a call begins", START)
        for step in self.flow.steps.values():
            yield from (way for way in self._ways(step) if not self.large or way.style not in NO_ARROW)
            for flow, style in _led_into(step):
                if flow in self.drawn:
                    head = ident(flow, self.dialplans.flows[flow].start)
                    line, text = USUAL if style == "invoke" else PASS, Text(style, "outcome")
                    yield Arrow(ident(name, step.name), head, style, (text,), f"{style}: flow {flow}", line)

    def _ways(self, step: Step) -> Iterator[Arrow]:
        """Yield the ways a step names, one arrow for all outcomes that lead to the same step; then to the rescue."""
        kind = KINDS.get(step.kind, NO_KIND)
        targets: dict[str, list[str]] = {}
        for target, outcome in _written(step):
            if target in self.flow.steps:
                targets.setdefault(target, []).append(outcome)
        for target, outcomes in targets.items():
            alone = len(targets) == 1 and len(outcomes) == 1 and outcomes[0] not in KEYS
            onward = self.depth.get(target, 0) > self.depth.get(step.name, 0)
            style = "back" if not onward else "main" if target == step.next else ""
            yield self._arrow(step, kind, target, tuple(outcomes), style, told=not alone)
        rescued = [o.name for o in kind.outcomes if o.name not in step.on and o.otherwise.to == "rescue"]
        if rescued and self._goes(step, "rescue") == "rescue" and self.flow.rescue in self.flow.steps:
            yield self._arrow(step, kind, self.flow.rescue, tuple(rescued), "rescue", told=True)

    def _arrow(
        self, step: Step, kind: Kind, target: str, outcomes: tuple[str, ...], style: str, *, told: bool
    ) -> Arrow:
        lines = [*captions.labels(step, kind, outcomes, self.words)] if told else []
        taken, line = self._taken(step, outcomes), USUAL
        if self.ways:
            line = round(THIN + (THICK - THIN) * min(1.0, taken / max(1, self.ways.total)), 2)
        if taken:
            lines.append(Text(self._count(step, outcomes), "count"))
        about = "\n".join(plain(f"{each}: {captions.meaning(step, kind, each, self.words)}") for each in outcomes)
        tail, head = (ident(self.flow.name, name) for name in (step.name, target))
        return Arrow(tail, head, style, tuple(lines), about, line, faint=bool(self.ways) and not taken)

    def _taken(self, step: Step, outcomes: tuple[str, ...]) -> int:
        return self.ways.taken((self.flow.name, step.name), outcomes) if self.ways else 0

    def _count(self, step: Step, outcomes: tuple[str, ...]) -> str:
        assert self.ways is not None
        taken = self._taken(step, outcomes)
        return counted(taken, self.ways.share((self.flow.name, step.name), taken))


def _spoken(dialplans: Dialplans, flow: str) -> str:
    """Return the language of the first number that leads to `flow`, directly or through another flow; '' for none."""
    numbers = dialplans.numbers.values()
    through = (number.language for number in numbers if flow in reached(dialplans, [number.flow]))
    return next((number.language for number in numbers if number.flow == flow), next(through, ""))


def _words(texts: Texts, language: str) -> dict[str, str]:
    """Return what prompts say in `language`, and in any other what is not said in it."""
    found: dict[str, str] = {}
    for each in (language, *texts):
        found = {**texts.get(each, {}), **found}
    return found


def _written(step: Step) -> list[tuple[str, str]]:
    """Return target and outcome of each way out of `step`; of a kind nobody declared, as the file names them."""
    if step.kind in KINDS:
        return [(edge.target, edge.outcome) for edge in edges(step)]
    following = [(step.next, "next")] if step.next else []
    return [*((target, outcome) for outcome, target in step.on.items()), *following]


def _depth(flow: Flow) -> dict[str, int]:
    """Return how many steps from the start each step is, at least."""
    found, ahead = {flow.start: 0}, [flow.start]
    for name in ahead:
        for target, _ in _written(flow.steps[name]) if name in flow.steps else ():
            if target not in found:
                found[target] = found[name] + 1
                ahead.append(target)
    return found


def _led_into(step: Step) -> Iterator[tuple[str, str]]:
    """Yield each flow that `step` names, and how it leads there: invoke, or pass for good."""
    kind = KINDS.get(step.kind, NO_KIND)
    for key in kind.keys:
        if key.type == "flow" and isinstance(flow := step.values.get(key.name), str):
            yield flow, "invoke" if kind.outcomes else "pass"
