"""The types of mistakes in `dialplans/`, by the word programs know them by. Pure data.

`flow/reference.py` prints them as docs/dialplan.md.
"""

from __future__ import annotations

MISTAKES = {
    "file": "a file is missing, unknown, misnamed or cannot be read",
    "toml": "a file is not TOML, or longer, wider or deeper than a person writes",
    "unknown_key": "there is no such key here",
    "missing_key": "a key that is needed is not written",
    "wrong_type": "a text where a number belongs, and the like",
    "wrong_value": "a value that is not allowed here",
    "wrong_name": "a name that cannot be used",
    "unknown_kind": "there is no such kind of step",
    "unknown_prompt": "there is no such prompt",
    "unknown_step": "there is no such step in this flow",
    "unknown_flow": "there is no such flow",
    "unknown_queue": "there is no such queue",
    "unknown_calendar": "there is no such calendar",
    "unknown_target": "there is no such target",
    "unknown_webhook": "there is no such webhook",
    "unknown_fact": "there is no such fact",
    "condition": "a condition cannot be read",
    "never_holds": "a condition that no call can meet, or that comes after one that takes all its calls",
    "unset_variable": "a variable is read that nothing sets",
    "unread_variable": "secret digits that nothing reads (a note)",
    "outcome": "an entry of `on` that is no outcome of this step",
    "no_way": "an outcome leads nowhere: `next`, or an entry of `on`, is missing",
    "useless_next": "a `next` to which no outcome leads",
    "unreachable": "nothing leads to a step",
    "loop": "a call could go round without a key pressed or time passed",
    "circle": "flows that invoke each other, or too many inside each other",
    "unused_flow": "no number comes to a flow",
    "unused": "a queue, calendar, target or webhook that nothing uses (a note)",
    "no_end": "a number whose callers come to nobody and to no end",
    "no_emergency": "no phone rings when no controller answers (a note)",
    "missing_language": "a prompt has no text in a language it is said in",
    "placeholder": "a text that `ivr dialplan import` wrote in place of words (a note; `reload` refuses what is said)",
    "too_long": "a prompt is longer than a caller listens",
    "address": "the address of a webhook cannot be used",
    "need": "a need cannot be read",
    "queue": "keys of a queue that contradict each other or do nothing",
    "hours": "opening hours or special days cannot be read",
    "never_open": "opening hours, or a part of them, that never count",
    "nobody": "hours at which no agent could answer a queue",
}

ON_KEY = frozenset(
    {
        "unknown_key", "missing_key", "wrong_name", "outcome", "no_way", "unreachable", "unused_flow", "unused",
        "useless_next", "nobody",
    }
)  # fmt: skip
"""Where the name is wrong and not what stands behind the `=`."""
