"""The trace vocabulary: one word for each thing that can happen to a call. Pure.

`session.py` and the modules it calls write these, `story.py` tells them in sentences; docs/trace.md is the same
table for readers. What each carries in its detail is written beside it.
"""

from __future__ import annotations

ENTERED = "entered"  # a step begins: kind
LEFT = "left"  # a step ended: outcome, detail
PLAYED = "played"  # a prompt or clip was heard to its end: prompt, from_ms
INTERRUPTED = "interrupted"  # a key stopped a prompt or clip: prompt, from_ms
PRESSED = "pressed"  # a key: key; or an entry, whose digits are kept nowhere: keys (how many)
SILENT = "silent"  # asked, and no key came in time
LANGUAGE = "language"  # another language from now on: language
MATCHED = "matched"  # an announcement concerns the caller: announcement, version, why, nth
HEARD = "heard"  # what became of an announcement: announcement, version, percent, nth, brief, where, outcome
OPTED_IN = "opted_in"  # will be called when it is over: announcements
CREDITED = "credited"  # his place in line counts from when he began to hear an announcement: seconds
RAISED = "raised"  # he calls about it again and again: points of priority
NO_MATCH = "no_match"  # no announcement concerns the caller: live (snapshot's version)
HOURS = "hours"  # a calendar was asked: calendar, open
IDENTIFIED = "identified"  # it is known whose call it is from now on, by digits nobody keeps: by (account, postcode)
ASKED = "asked"  # a company's server was asked: webhook, outcome (answered, timeout, failed), ms
SURVEYED = "surveyed"  # a question of a survey was answered: survey, question, points
QUEUED = "queued"  # in line: queue, position (None: an agent is free)
POSITION = "position"  # told his place: position, minutes (the range of the wait, None when not told)
MOVED = "moved"  # in another queue from now on, his entry time goes with him: queue, by (key, overflow, supervisor)
OVERFLOW = "overflow"  # a limit of the queue was reached: queue, why, to (where he goes)
CALLED_BACK = "called_back"  # a call-back: what (booked, confirmed), callback (its id)
RESTORED = "restored"  # told that it works again: announcement, answer (works, still_out, '' for none)
MESSAGE = "message"  # left a message: seconds
OFFERED = "offered"  # one agent was chosen: agent, why, token, waited_ms
RINGING = "ringing"  # the agent's phone rings: agent
REFUSED = "refused"  # the agent did not take the call: agent, cause
ANSWERED = "answered"  # the agent talks to the caller: agent
TALK_ENDED = "talk_ended"  # the talk is over: agent, talk_ms
TRANSFERRED = "transferred"  # connected to a fixed target: target, outcome
ROUTER_LOST = "router_lost"  # the queue could not be used: error
REATTACHED = "reattached"  # a second controller took the call over: talk (it was talking)
LEASE = "lease"  # the time a controller may be silent was used up: why
LADDER = "ladder"  # handed to Asterisk's own fallback: why
HUNG_UP = "hung_up"  # the caller left, or the connection to him broke: by
ENDED = "ended"  # the record was closed: disposition

EVENTS = (
    ENTERED, LEFT, PLAYED, INTERRUPTED, PRESSED, SILENT, LANGUAGE, MATCHED, HEARD, OPTED_IN, CREDITED,
    RAISED, NO_MATCH, HOURS, IDENTIFIED, ASKED,
    SURVEYED, QUEUED, POSITION, MOVED,
    OVERFLOW, CALLED_BACK, RESTORED, MESSAGE, OFFERED, RINGING, REFUSED, ANSWERED, TALK_ENDED, TRANSFERRED,
    ROUTER_LOST, REATTACHED, LEASE, LADDER, HUNG_UP, ENDED,
)  # fmt: skip
