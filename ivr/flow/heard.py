"""What a caller hears of an announcement he has heard of before: all of it, or only what is new. Pure.

First call: everything. Second call: only what is new, if he knows this version. Third call within LATELY: an agent is
offered, he is never sent away, and in a queue he is worth RAISED points more. Called by `flow/perform.py`, and by
`listening.py` for those who wait.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from ivr.flow.commands import Announcement
from ivr.sound import Phrase, Prompt

LATELY = timedelta(hours=2)
MANY = 2  # calls before this one within LATELY: it is the third
ENOUGH = 0.8  # of an announcement heard to its end, or nearly: he knows it
RAISED = 30  # points of priority: worth half an hour of waiting where a minute is worth one point
BRIEF = ("heard_outage", "eta_at", "eta_tomorrow_at", "eta_range_from", "eta_range_to", "eta_unknown",
         "eta_passed")  # prompts a short text is made of
TIMES = {2: "second time", 3: "third time"}


def as_heard(announcement: Announcement, calls: int) -> Announcement:
    """Return it as it is for somebody who has heard all of it in so many calls of the last two hours: made up."""
    if not calls:
        return announcement
    brief = () if announcement.planned else (Prompt("heard_outage"),)
    return replace(announcement, nth=calls + 1, lately=calls, known_version=announcement.version, brief=brief)


def in_short(announcement: Announcement) -> bool:
    """Does he know this version, so that only what is new is said?"""
    return bool(announcement.brief) and announcement.known_version == announcement.version


def told(announcement: Announcement) -> tuple[Phrase, ...]:
    """Return what he hears of it."""
    return announcement.brief if in_short(announcement) else announcement.phrases


def calls_again(announcement: Announcement) -> bool:
    """Is this at least his third call about it within LATELY? Then he wants a person."""
    return announcement.lately >= MANY


def points(announcement: Announcement) -> int:
    """Return how many points of priority he gains in a queue."""
    return RAISED if calls_again(announcement) else 0


def why(announcement: Announcement) -> str:
    """Return in words how he hears it, for the trace; '' for the first time."""
    if announcement.nth < 2:
        return ""
    said = [TIMES.get(announcement.nth, f"{announcement.nth}th time")]
    said += ["only what is new"] if in_short(announcement) else []
    said += ["an agent is offered"] if calls_again(announcement) else []
    return ", ".join(said)
