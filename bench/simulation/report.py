"""Tables of the simulations, in words and figures. Called by `bench.routing_sim`."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from bench.simulation.clock import MISROUTED_TALK_MS, Life, Run
from bench.simulation.order import Order
from bench.simulation.waits import HOUR, KNOWING, LES, NEAR_S, NEAR_SHARE, RUNNING, Errors
from routing.model import PRIORITY_CAP
from routing.rules import meets

# G14 of the performance goals.
RMSE_MOST, NEAR_LEAST, LES_LEAST, MEAN_LEAST = 0.15, 0.90, 2.0, 4.0
WIDTH = 144

Row = Sequence[str]


def show(title: str, head: Row, rows: Sequence[Row], note: str = "") -> None:
    """Print a table; as wide as the terminal, or WIDTH when nobody looks."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for n, name in enumerate(head):
        table.add_column(name, justify="left" if n == 0 else "right", no_wrap=n == 0)
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH)
    console.print(table)
    console.print(f"{note}\n", markup=False)


def holds_g14(errors: Mapping[str, Errors]) -> bool:
    """Tell whether the goal is reached."""
    mine = errors["QLm"]
    return (
        mine.rmse_share <= RMSE_MOST
        and mine.near >= NEAR_LEAST
        and errors[LES].rmse_s >= LES_LEAST * mine.rmse_s
        and errors[RUNNING].rmse_s >= MEAN_LEAST * mine.rmse_s
    )


STORM_HEAD = (
    "storm",
    "told",
    "mean wait",
    "QLm: RMSE",
    "near",
    "in range",
    LES,
    "app_queue",
    "hour",
    "means known",
    "G14",
)
NEAR_NOTE = (
    f"near: within max({NEAR_S:.0f} s, {NEAR_SHARE:.0%} of the real wait). "
    "in range: within the range that is spoken (90 % wanted).\n"
    "LES: wait of the last call answered. app_queue: its running mean. hour: plain mean of the last hour."
)


def storm_row(name: str, errors: Mapping[str, Errors]) -> Row:
    """One storm: errors in parts of the mean wait, the others' in times ours as well."""
    mine = errors["QLm"]
    others = (f"{errors[way].rmse_share:.0%} ({errors[way].rmse_s / mine.rmse_s:.1f}x)" for way in (LES, RUNNING, HOUR))
    return (name, f"{mine.calls}", f"{mine.mean_s:.0f} s", f"{mine.rmse_share:.1%}", f"{mine.near:.1%}",
            f"{mine.in_range:.1%}", *others, f"{errors[KNOWING].rmse_share:.1%}",
            "held" if holds_g14(errors) else "missed")  # fmt: skip


DAY_HEAD = ("queue", "told", "silent", "mean wait", "QLm: RMSE", "bias", "near", "in range",
            *(f"{way}: {what}" for way in ("LES", "app_queue", "hour") for what in ("RMSE", "near")))  # fmt: skip


def day_row(name: str, errors: Mapping[str, Errors]) -> Row:
    """One queue, or all of a day."""
    mine, others = errors["QLm"], (errors[way] for way in (LES, RUNNING, HOUR))
    return (name, f"{mine.calls}", f"{mine.silent}", f"{mine.mean_s:.0f} s", f"{mine.rmse_share:.0%}",
            f"{mine.bias_s:+.0f} s", f"{mine.near:.0%}", f"{mine.in_range:.0%}",
            *(cell for each in others for cell in (f"{each.rmse_share:.0%}", f"{each.near:.0%}")))  # fmt: skip


COMPARED_HEAD = ("", "skills (this engine)", "first come, first served")


def compared(run: Run, plain: Run) -> list[Row]:
    """The same callers and agents, routed both ways."""
    mine, theirs = _figures(run), _figures(plain)
    return [(name, mine[name], theirs[name]) for name in mine]


def _figures(run: Run) -> dict[str, str]:
    lives = list(run.lives.values())
    waits, busy = _waits(lives), sorted(run.occupancy.values())
    left, wrong = sum(life.left_ms is not None for life in lives), sum(life.wrong for life in lives)
    misled = sum(life.wrong > 0 for life in lives)
    return {
        "calls": f"{len(lives)}",
        "helped by an agent with the skill": f"{len(waits)} ({len(waits) / len(lives):.1%})",
        "left while waiting": f"{left} ({left / len(lives):.1%})",
        "given up after so many transfers": f"{len(lives) - len(waits) - left}",
        "reached a wrong agent first": f"{misled} ({misled / len(lives):.1%})",
        "transfers": f"{wrong} ({wrong / len(lives):.2f} a call)",
        "agents' time with calls that are not theirs": f"{wrong * MISROUTED_TALK_MS / 3_600_000:.1f} h",
        "wait until helped: mean": f"{statistics.mean(waits):.0f} s",
        "    half within": f"{statistics.median(waits):.0f} s",
        "    90 % within": f"{waits[len(waits) * 9 // 10]:.0f} s",
        "    longest": f"{waits[-1]:.0f} s",
        "occupancy of agents: lowest": f"{busy[0]:.1%}",
        "    middle": f"{statistics.median(busy):.1%}",
        "    highest": f"{busy[-1]:.1%}",
        "    standard deviation": f"{statistics.pstdev(busy):.1%}",
    }


CLASS_HEAD = ("queue, language", "priority", "ageing", "calls", "helped", "by first need", "mean wait", "90 %",
              "longest", "first come: helped", "mean wait", "longest")  # fmt: skip


def class_rows(run: Run, plain: Run) -> list[Row]:
    """Each class of calls: what became of them, and of the same calls first come, first served."""
    mine, theirs = _by_class(run), _by_class(plain)
    return [_class_row(name, lives, theirs[name], run) for name, lives in sorted(mine.items())]


def _by_class(run: Run) -> dict[str, list[Life]]:
    found: dict[str, list[Life]] = {}
    for life in run.lives.values():
        language = next((skill[5:] for skill, _, _ in life.caller.plan.need.terms if skill.startswith("lang/")), "")
        found.setdefault(f"{life.caller.line.name} {language}".strip(), []).append(life)
    return found


def _class_row(name: str, lives: list[Life], plain: list[Life], run: Run) -> Row:
    line = lives[0].caller.line
    helped = [life for life in lives if life.waited_ms is not None]
    first = sum(bool(meets(life.caller.plan.need, run.load.skills[life.agent])) for life in helped)
    waits, others = _waits(lives), _waits(plain)
    return (name, "emergency" if line.emergency else f"{line.priority}", f"{line.plan.ageing}", f"{len(lives)}",
            f"{len(waits) / len(lives):.0%}", f"{first / max(1, len(helped)):.0%}", *_spread(waits),
            f"{len(others) / len(plain):.0%}", _spread(others)[0], _spread(others)[2])  # fmt: skip


def _waits(lives: list[Life]) -> list[float]:
    return sorted(life.waited_ms / 1000 for life in lives if life.waited_ms is not None)


def _spread(waits: list[float]) -> tuple[str, str, str]:
    if not waits:
        return "-", "-", "-"
    return f"{statistics.mean(waits):.0f} s", f"{waits[len(waits) * 9 // 10]:.0f} s", f"{waits[-1]:.0f} s"


def order_lines(order: Order, run: Run) -> list[str]:
    """What the judge of every offer says."""
    offers = Counter(life.offers for life in run.lives.values())
    needed = ", ".join(f"{n} x {count}" for n, count in sorted(offers.items()))
    return [
        f"Every offer judged from the plans alone: {order.offers} offers, {len(order.not_able)} to an agent without "
        f"the skill, {len(order.not_best)} although a better call waited for that agent.",
        f"Starvation bound: {len(order.capped)} calls became worth the cap of {PRIORITY_CAP}, "
        f"{len(order.overtaken)} of them were overtaken by a younger call; at most "
        f"{order.longest_after_cap_s():.0f} s more.",
        f"Fairness: Jain's index of the mean waits of equal queues sharing agents {jain(run):.3f} (1 is equal). "
        f"Offers per call: {needed}.",
    ]


def jain(run: Run) -> float:
    """Jain's fairness index over the classes of priority 0 of the largest project."""
    means = [
        statistics.mean(_waits(lives))
        for lives in _by_class(run).values()
        if lives[0].caller.line.priority == 0 and lives[0].caller.line.project == "provider" and _waits(lives)
        and not lives[0].caller.line.emergency
    ]  # fmt: skip
    return sum(means) ** 2 / (len(means) * sum(mean * mean for mean in means)) if any(means) else 1.0
