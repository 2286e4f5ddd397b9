"""What a waiting caller is told: places that got better, waits as ranges that never grow."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.flow.model import QueueConfig
from ivr.sound import Prompt
from ivr.telling import RUNGS, Telling, rung_of
from routing.measure import Wait
from routing.model import Need


def around(mean_s: float) -> Wait:
    """Return the narrowest range the measure gives: 30 s or 25 % to either side."""
    spread = max(30.0, mean_s / 4)
    return Wait(max(0.0, mean_s - spread), mean_s + spread, mean_s)


def telling(**values: object) -> Telling:
    """Return the telling of a queue, begun at 0 s."""
    return Telling(QueueConfig(name="support", need=Need("internet"), **values), 0.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mean_s", "prompt"),
    [
        (10, "wait_under_1"),
        (60, "wait_1_2"),
        (120, "wait_1_3"),
        (180, "wait_2_4"),
        (240, "wait_3_5"),
        (420, "wait_5_8"),
        (600, "wait_8_12"),
        (1200, "wait_15_25"),
        (1800, "wait_over_30"),
        (7200, "wait_over_30"),
    ],
)
def test_an_expectation_is_spoken_as_the_nearest_range(mean_s: float, prompt: str) -> None:
    """Each usual expectation has its sentence."""
    assert prompt == rung_of(around(mean_s)).prompt


@given(st.floats(0, 5000))
def test_the_mean_lies_in_the_range_that_is_spoken(mean_s: float) -> None:
    """Whatever is expected, the sentence holds it, give or take a minute."""
    rung = rung_of(around(mean_s))

    assert rung.low - 1 <= mean_s / 60 <= rung.high + 1


def test_a_place_is_told_once_and_again_only_when_it_is_better() -> None:
    """5, then 5 and 6 in silence, then 3."""
    told = telling(ewt=False)
    spoken = [told.news(0, place, None) for place in (5, 5, 6, 3)]

    assert spoken == [(Prompt("queue_position", 5),), (), (), (Prompt("queue_position", 3),)]


def test_without_data_nothing_is_said_of_the_wait() -> None:
    """Only the place."""
    assert telling().news(0, 2, None) == (Prompt("queue_position", 2),)


def test_a_queue_may_keep_the_wait_to_itself() -> None:
    """ewt = false."""
    assert telling(ewt=False).news(0, 2, around(300)) == (Prompt("queue_position", 2),)


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0, 4000)), max_size=12))
def test_neither_place_nor_wait_ever_gets_worse(news: list[tuple[int, float]]) -> None:
    """Whatever the line does, an overdue caller hears no longer wait and no later place than before."""
    told = telling()
    places, ends = [], []
    for at_s, (place, mean_s) in enumerate(news):
        for phrase in told.news(at_s, place, around(mean_s)):
            assert isinstance(phrase, Prompt)
            if phrase.key == "queue_position":
                places.append(phrase.value or 0)
            else:
                ends.append(next(rung.high for rung in RUNGS if rung.prompt == phrase.key))

    assert places == sorted(set(places), reverse=True)
    assert ends == sorted(set(ends), reverse=True)


def test_the_place_is_not_due_before_its_time() -> None:
    """position_every_s counts from the last look, told or not."""
    told = telling(position_every_s=30)
    told.news(100, 5, None)

    assert [told.place_due(at_s) for at_s in (129.9, 130.0)] == [False, True]


def test_hear_again_repeats_what_was_told_or_better() -> None:
    """A worse place since then is not told, a better one is."""
    told = telling()
    told.news(0, 4, around(240))

    assert told.again(5, 6, around(600)) == (Prompt("queue_position", 4), Prompt("wait_3_5"))
    assert told.again(9, 2, around(60)) == (Prompt("queue_position", 2), Prompt("wait_1_2"))


def test_messages_come_in_turn() -> None:
    """The first at once, then one every message_every_s, from the beginning after the last."""
    told = telling(messages=("a", "b"), message_every_s=60)
    spoken = [told.message(at_s) for at_s in (0, 59, 60, 120)]

    assert spoken == [(Prompt("a"),), (), (Prompt("b"),), (Prompt("a"),)]


def test_the_next_look_is_for_what_comes_first() -> None:
    """The longest wait, a message or the place, whichever is next; what is due already does not make it busy."""
    told = telling(messages=("a",), message_every_s=60, position_every_s=30, max_wait_s=70)
    told.news(0, 1, None)
    told.message(0)

    assert [told.next_s(at_s, inf) for at_s in (0, 31, 61, 80)] == [30, 60, 70, 70]
    assert told.next_s(0, 5) == 5
