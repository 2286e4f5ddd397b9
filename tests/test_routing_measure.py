"""What the last calls teach about waiting: the estimate, its range, the service level."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.measure import RANGE_S, SERVICE_LEVEL_WINDOW_MS, Measure, Wait

TALK_MS = 100_000
LINE = "0:net>=1"


class Feed:
    """A measure, and events said shortly."""

    def __init__(self) -> None:
        self.measure = Measure()

    def __call__(self, at_ms: int, type: str, **fields: object) -> None:
        self.measure.feed({"type": type, "at_ms": str(at_ms), **{name: str(value) for name, value in fields.items()}})

    def waits(self, at_ms: int, call: str, queue: str = "support", line: str = LINE) -> None:
        self(at_ms, "waiting", call=call, queue=queue, **{"class": f"{line}@0:0:100:1:/longest_idle"})

    def talk(self, at_ms: int, call: str, agent: str, queue: str = "support", *, ring_ms: int = 0,
             talk_ms: int = TALK_MS, rest_ms: int = 0, waited_ms: int = 0) -> int:  # fmt: skip
        """A call offered, answered and ended; return when the agent is ready."""
        self(at_ms, "offered", call=call, agent=agent, queue=queue)
        at_ms += ring_ms
        self(at_ms, "bridged", call=call, agent=agent, queue=queue, waited_ms=waited_ms + ring_ms)
        at_ms += talk_ms
        self(at_ms, "ended", call=call, agent=agent, queue=queue, state="bridged", outcome="completed",
             waited_ms=waited_ms, talk_ms=talk_ms)  # fmt: skip
        self(at_ms + rest_ms, "agent_ready", agent=agent)
        return at_ms + rest_ms

    def mean_s(self, position: int, agents_in: int = 2, queue: str = "support", line: str = LINE) -> float:
        wait = self.measure.expected_wait(queue, position, agents_in, 0, line)
        assert wait
        return wait.mean_s


def taught(talks: int = 20, **how: int) -> Feed:
    """A queue whose talks are known, two agents in turn."""
    feed, at_ms = Feed(), 1_000_000
    for n in range(talks):
        feed.waits(at_ms, f"c{n}")
        at_ms = feed.talk(at_ms, f"c{n}", f"a{n % 2}", **how)
    return feed


def test_a_line_moves_as_fast_as_its_agents_talk() -> None:
    """Two agents of 100 s a talk: the next waits 50 s on average, the third 150 s."""
    feed = taught()

    assert [50, 100, 150] == [pytest.approx(feed.mean_s(position)) for position in (1, 2, 3)]


def test_ringing_and_wrap_up_are_work() -> None:
    """5 s of ringing and 15 s of wrap-up are as good as talk."""
    feed = taught(ring_ms=5_000, rest_ms=15_000)

    assert pytest.approx(60) == feed.mean_s(1)


def test_a_phone_nobody_answers_slows_the_line() -> None:
    """Each second offer is refused after 20 s, back-off 20 s: 40 s of work more for each two talks."""
    feed, at_ms = Feed(), 0
    for n in range(200):
        feed.waits(at_ms, f"c{n}")
        if n % 2:
            feed(at_ms, "offered", call=f"c{n}", agent="a0", queue="support")
            feed(at_ms + 20_000, "refused", call=f"c{n}", agent="a0", queue="support", cause="no_answer")
            feed(at_ms + 40_000, "agent_ready", agent="a0")
            at_ms += 40_000
        at_ms = feed.talk(at_ms, f"c{n}", "a0")

    assert pytest.approx(120, rel=0.01) == feed.mean_s(1, agents_in=1)


def test_callers_who_leave_shorten_the_line() -> None:
    """One in a hundred seconds leaves: who has ten before him waits less than ten talks."""
    feed = taught()
    begin = feed.measure.now_ms
    for n in range(100):
        feed.waits(begin + n * 100_000, f"l{n}")
        feed(begin + (n + 1) * 100_000, "ended", call=f"l{n}", queue="support", state="waiting", outcome="abandoned",
             waited_ms=100_000)  # fmt: skip
    patient = taught().mean_s(11)

    assert pytest.approx(sum(1 / (0.02 + n * 0.01) for n in range(11)), rel=0.15) == feed.mean_s(11)
    assert patient > 2 * feed.mean_s(11)


def test_only_the_share_of_the_work_counts_that_the_line_gets() -> None:
    """Each second call the agents take while callers wait is of another queue: half of two agents serves the line."""
    feed, at_ms = taught(), 10_000_000
    for n in range(200):
        queue, line = ("support", LINE) if n % 2 else ("sales", "0:sales>=1")
        feed.waits(at_ms, f"d{n}", queue, line)
        feed.waits(at_ms, f"d{n}", queue, line)
        feed(at_ms, "waiting", call="kept", queue="support", **{"class": f"{LINE}@0:0:100:1:/longest_idle"})
        at_ms = feed.talk(at_ms + 1, f"d{n}", f"a{n // 2 % 2}", queue)
    measure = feed.measure
    alone = taught().mean_s(3)
    shared = measure.expected_wait("support", 3, 2, 1e9, LINE)
    assert shared

    assert pytest.approx(0.5 * 2 * alone, rel=0.1) == shared.mean_s  # QLm doubled, and counts for half of the answer


def test_the_head_of_a_shared_line_tells_what_other_lines_do() -> None:
    """Where half of the work goes elsewhere, half of the answer is how long the head waits already."""
    feed, at_ms = taught(), 10_000_000
    for n in range(200):
        queue, line = ("support", LINE) if n % 2 else ("sales", "0:sales>=1")
        feed.waits(at_ms, f"d{n}", queue, line)
        feed(at_ms, "waiting", call="kept", queue="support", **{"class": f"{LINE}@0:0:100:1:/longest_idle"})
        at_ms = feed.talk(at_ms + 1, f"d{n}", f"a{n // 2 % 2}", queue)
    before = feed.mean_s(3)
    feed.waits(at_ms, "later")
    feed(at_ms + 600_000, "controller_in", controller="k")
    feed(at_ms + 600_000, "agent_signed_in", agent="a9")

    assert before + 200 < feed.mean_s(3)


def test_nothing_is_said_without_data() -> None:
    """Unknown queue, nobody in, four talks: silence; with the fifth an answer."""
    assert Measure().expected_wait("support", 1, 2, 0) is None
    assert taught().measure.expected_wait("support", 1, 0, 0, LINE) is None
    assert taught(4).measure.expected_wait("support", 1, 2, 0, LINE) is None
    assert taught(6).measure.expected_wait("support", 1, 2, 0, LINE) is not None


def test_a_new_length_of_talks_is_learned() -> None:
    """After 300 talks of half the length the old ones weigh little."""
    feed = taught(100)
    at_ms = feed.measure.now_ms
    for n in range(300):
        at_ms = feed.talk(at_ms, f"n{n}", "a0", talk_ms=50_000)

    assert pytest.approx(25, rel=0.1) == feed.mean_s(1)


def test_an_agent_who_leaves_for_lunch_in_a_talk_is_no_longer_counted_but_his_talk_is() -> None:
    """He pauses while he talks: talk and wrap-up are booked as ever."""
    feed = taught()
    begin = feed.measure.now_ms
    for n in range(100):
        at_ms = begin + n * 1_000_000
        feed(at_ms, "offered", call=f"p{n}", agent="a0", queue="support")
        feed(at_ms, "bridged", call=f"p{n}", agent="a0", queue="support", waited_ms=0)
        feed(at_ms + 1_000, "agent_paused", agent="a0", reason="lunch")
        feed(at_ms + 190_000, "ended", call=f"p{n}", agent="a0", queue="support", state="bridged", waited_ms=0)
        feed(at_ms + 200_000, "agent_ready", agent="a0", status="paused")

    assert pytest.approx(100, rel=0.2) == feed.mean_s(1)


def test_the_talk_of_an_agent_who_signs_out_in_it_is_booked_at_its_end() -> None:
    """He has no wrap-up and is never ready again: the end of the talk is the end of his work."""
    feed = taught()
    begin = feed.measure.now_ms
    for n in range(300):
        at_ms = begin + n * 1_000_000
        feed(at_ms, "offered", call=f"p{n}", agent="a0", queue="support")
        feed(at_ms, "bridged", call=f"p{n}", agent="a0", queue="support", waited_ms=0)
        feed(at_ms + 1_000, "agent_signed_out", agent="a0")
        feed(at_ms + 200_000, "ended", call=f"p{n}", agent="a0", queue="support", state="bridged", waited_ms=0)
        feed(at_ms + 900_000, "agent_signed_in", agent="a0")

    assert pytest.approx(100, rel=0.1) == feed.mean_s(1)


def test_agents_who_may_come_later_count_once_they_take_calls() -> None:
    """Ten may take the call after a relax step, but two take all: the line is as fast as two."""
    feed, at_ms = taught(), 10_000_000
    for n in range(20):
        feed.waits(at_ms, f"d{n}")
        at_ms = feed.talk(at_ms + 1, f"d{n}", f"a{n % 2}")

    assert pytest.approx(50, rel=0.01) == feed.mean_s(1, agents_in=10)
    feed(at_ms, "agent_paused", agent="a1", reason="lunch")
    assert pytest.approx(100, rel=0.01) == feed.mean_s(1, agents_in=10)


def test_missed_events_make_no_talk_of_half_a_day() -> None:
    """The end of a talk never came: the next offer does not book the hours between."""
    feed = taught()
    begin = feed.measure.now_ms
    feed(begin, "offered", call="x", agent="a0", queue="support")
    feed(begin, "bridged", call="x", agent="a0", queue="support", waited_ms=0)
    feed.talk(begin + 50_000_000, "y", "a0")

    assert pytest.approx(50, rel=0.05) == feed.mean_s(1)


def test_a_range_is_as_wide_as_chance_makes_it() -> None:
    """At least half a minute to either side; one agent's line is wider than a quarter."""
    narrow = taught(100).measure.expected_wait("support", 1, 50, 0, LINE)
    wide = taught(100).measure.expected_wait("support", 4, 1, 0, LINE)
    assert narrow
    assert wide

    assert 0 == narrow.low_s
    assert narrow.high_s == pytest.approx(narrow.mean_s + RANGE_S)
    assert wide.high_s - wide.mean_s > 0.5 * wide.mean_s


def test_a_caller_never_hears_more_than_before() -> None:
    """No end of the range lies beyond what was said."""
    assert Wait(50, 100, 70) == Wait(60, 120, 80).no_longer_than(Wait(50, 100, 70))
    assert Wait(40, 90, 70) == Wait(40, 90, 70).no_longer_than(Wait(50, 100, 70))
    assert Wait(60, 120, 80) == Wait(60, 120, 80).no_longer_than(None)


# Service level


def answered(feed: Feed, waits_s: Iterable[float], queue: str = "support", at_ms: int = 5_000_000) -> None:
    for n, wait_s in enumerate(waits_s):
        feed(at_ms, "bridged", call=f"{queue}{n}-{at_ms}", agent="a", queue=queue, waited_ms=round(wait_s * 1000))


def test_service_level_is_the_share_answered_in_time() -> None:
    """Five of six within 20 s; who left before counts for nobody, who left after it and who waits longer against."""
    feed = Feed()
    answered(feed, [1, 5, 20, 21, 7, 8])
    feed(5_000_000, "ended", call="x", queue="support", state="waiting", outcome="abandoned", waited_ms=19_000)

    assert pytest.approx(5 / 6) == feed.measure.service_level("support", 20)
    feed(5_000_000, "ended", call="y", queue="support", state="waiting", outcome="abandoned", waited_ms=25_000)
    assert pytest.approx(5 / 7) == feed.measure.service_level("support", 20)
    feed.waits(5_000_000, "z")
    feed(5_021_000, "agent_signed_in", agent="b")
    assert pytest.approx(5 / 8) == feed.measure.service_level("support", 20)


def test_service_level_of_several_queues_and_of_too_few_calls() -> None:
    """A project has several queues; fewer than five calls tell nothing."""
    feed = Feed()
    answered(feed, [1, 1, 30])
    answered(feed, [1, 30, 30], "sales")

    assert feed.measure.service_level("support", 20) is None
    assert pytest.approx(0.5) == feed.measure.service_level(("support", "sales", "none"), 20)


def test_service_level_forgets_after_its_window() -> None:
    """What was half an hour ago does not count."""
    feed = Feed()
    answered(feed, [100] * 9)
    answered(feed, [1] * 6, at_ms=5_000_001 + SERVICE_LEVEL_WINDOW_MS)

    assert 1.0 == feed.measure.service_level("support", 20)


# Whatever comes

TYPES = (
    *("waiting", "changed", "offered", "bridged", "ended", "refused", "offer_cancelled", "detached", "lending", "?"),
    *("agent_ready", "agent_paused", "agent_unpaused", "agent_signed_in", "agent_signed_out", "agent_wrap_up"),
)
names = st.sampled_from(["1", "2", "3", ""])
times = st.integers(0, 10**7).map(str)
events = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES), "at_ms": times | st.sampled_from(["", "-1", "x", "9" * 5000])},
    optional={
        "call": names,
        "agent": names,
        "queue": st.sampled_from(["q", "r", ""]),
        "class": st.sampled_from(["l@0", "m@0", "@", ""]),
        "state": st.sampled_from(["waiting", "bridged", "offered"]),
        "waited_ms": times | st.just("?"),
    },
)  # fmt: skip


@given(st.lists(events, max_size=80), st.integers(-1, 20_000), st.integers(-1, 500), st.floats(0, 1e6))
def test_whatever_comes_nothing_raises_and_ranges_are_ranges(
    said: list[dict[str, str]], position: int, agents_in: int, waited_s: float
) -> None:
    """Ranges are finite and ordered, longer further behind, never longer for who has waited longer."""
    feed = taught()
    for event in said:
        feed.measure.feed(event)
    for queue, line in (("support", LINE), ("q", "l"), ("r", "m"), ("?", "")):
        here = feed.measure.expected_wait(queue, position, agents_in, waited_s, line)
        behind = feed.measure.expected_wait(queue, position + 1, agents_in, waited_s, line)
        older = feed.measure.expected_wait(queue, position, agents_in, waited_s + 60, line)
        level = feed.measure.service_level(queue, 20)

        assert level is None or 0 <= level <= 1
        if here is None or behind is None or older is None:
            assert here is behind is older is None
            continue
        assert 0 <= here.low_s < here.mean_s < here.high_s < math.inf
        assert here.mean_s <= behind.mean_s
        assert here.low_s <= behind.low_s + 1e-9
        assert here.high_s <= behind.high_s + 1e-9
        assert older.mean_s <= here.mean_s


@given(st.lists(events, max_size=80))
def test_nothing_is_kept_of_calls_that_ended(said: list[dict[str, str]]) -> None:
    """Once every call has ended nobody waits in any queue or line."""
    feed = Feed()
    for event in said:
        feed.measure.feed(event)
    for call in ("1", "2", "3"):
        feed(10**7, "ended", call=call, queue="q", state="waiting", outcome="gone", waited_ms=0)

    assert not feed.measure._calls
    assert not any(line.waiting for line in feed.measure._lines.values())
    assert not any(queue.waiting for queue in feed.measure._queues.values())
