"""What may stand in `dialplans/`: every table, key and outcome, declared once. Pure data.

`flow/load.py` checks files against these declarations, `flow/run.py` takes the defaults from them, and
`flow/reference.py` prints them as docs/dialplan.md, so that the three cannot disagree.
"""

from __future__ import annotations

from ivr.call import DISPOSITIONS, LANGUAGES
from ivr.flow.declare import (
    AGAIN,
    NEXT,
    NO_AGENT,
    NO_INPUT,
    NO_TRANSFER,
    QUEUE_FULL,
    RESCUE,
    TIMEOUT_S,
    TOO_MANY,
    TRIES,
    TRIES_KEY,
    Fallback,
    Key,
    Kind,
    Outcome,
    wrong_key,
)  # fmt: skip
from ivr.flow.steps_known import KNOWN

RING_S = 30  # of a transfer
KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "say",
            "Says one or more prompts. A key pressed meanwhile stops them and is taken by the next menu, if "
            "that menu has it.",
            (
                Key("prompt", "prompts", "what is said, in this order"),
                Key("digits", "fact", "said after it, digit by digit, where it holds digits", ""),
                Key("number", "fact", "said after it as a number, where it is one from 0 to 999", ""),
                Key("interrupt", "yes/no", "false: keys do not stop it", True),
            ),
            (Outcome("done", "all is said, or a key stopped it", NEXT),),
        ),
        Kind(
            "menu",
            "Says a prompt and takes one key. Keys are written under `on`; any key stops the prompt.",
            (
                Key("prompt", "prompts", "the choices"),
                TRIES_KEY,
                TIMEOUT_S,
                NO_INPUT,
                wrong_key("a key without a step was pressed"),
            ),
            (
                Outcome("no_input", "no key came in time", AGAIN),
                Outcome("wrong_key", "a key without a step was pressed", AGAIN, free=True),
                TOO_MANY,
            ),
            pressed="menu",
        ),
        Kind(
            "collect",
            "Asks for digits and keeps them with the call under a name.",
            (
                Key("prompt", "prompts", "the question"),
                Key("name", "name", "what the digits are, for example `account`"),
                Key("least", "integer", "fewest digits", 1, 1, 20),
                Key("most", "integer", "most digits", 12, 1, 20),
                Key("finish", "choice", "key that ends the entry, '' for none", "#", choices=("#", "*", "")),
                Key("secret", "yes/no", "true: the digits are kept nowhere, neither record nor log", False),
                TRIES_KEY,
                TIMEOUT_S,
                NO_INPUT,
                wrong_key("too few digits came"),
            ),
            (
                Outcome("entered", "enough digits came", NEXT, free=True),
                Outcome("no_input", "no digit came in time", AGAIN),
                Outcome("wrong_key", "too few digits came", AGAIN, free=True),
                TOO_MANY,
            ),
        ),
        Kind(
            "language",
            "Speaks another language from now on.",
            (Key("language", "choice", "the language", choices=LANGUAGES),),
            (Outcome("done", "it is set", NEXT),),
        ),
        Kind(
            "announce",
            "Plays the live announcements that concern this caller, each at most once a call; to somebody who has "
            "heard one on an earlier call only what is new, and on his third call within two hours an agent is "
            "offered and the call never ended (docs/announcements.md). Any key stops one: 1 repeats, 2 is `opted_in`, "
            "3 is `other`, 0 is `agent`, another key goes to the choices (with "
            '`after = "continue"`: on, to the next menu).',
            (
                Key(
                    "after",
                    "choice",
                    "end: say goodbye and end the call, if every match is certain and the caller may be "
                    "ended, else as offer · offer: let the caller choose · continue: go on. An announcement may "
                    "say that less follows it",
                    "offer",
                    choices=("end", "offer", "continue"),
                ),
                Key(
                    "service",
                    "text",
                    "only those of this service, for example internet; '' for all",
                    "",
                    most=40,
                ),
                Key(
                    "only_certain", "yes/no", "true: leave out those that may not concern this caller", False
                ),
                Key("intro", "prompts", "said once before the first, kept short; [] for nothing", ()),
                Key(
                    "offer_prompt",
                    "prompt",
                    "the choices: 1 repeat, 3 different problem, 0 agent",
                    "offer_menu",
                ),
                Key(
                    "opt_in_prompt",
                    "prompt",
                    "said before the choices when he can be called once it is over: 2",
                    "offer_opt_in",
                ),
                Key("agent_prompt", "prompt", "said on his third call within two hours: 0", "offer_agent"),
                Key("goodbye_prompt", "prompt", "said before `ended`", "goodbye_announcement"),
                Key("tries", "integer", "how often the choices are said before `no_input`", TRIES, 1, 9),
                TIMEOUT_S,
                wrong_key("another key was pressed"),
            ),
            (
                Outcome("nothing", "none concerns this caller, or he has heard them all", NEXT),
                Outcome("continue", 'heard, or stopped by a key, with `after = "continue"`', NEXT),
                Outcome("other", "3: he has a different problem", NEXT, free=True),
                Outcome("agent", "0: he wants an agent", RESCUE, free=True),
                Outcome(
                    "opted_in",
                    "2: he is called when it is over, on a number he has confirmed",
                    Fallback("end", "goodbye", "announced"),
                    free=True,
                ),
                Outcome("no_input", "he made no choice", NEXT),
                Outcome("ended", "heard to the end, and the call may end", Fallback("end", "", "announced")),
            ),
        ),
        Kind(
            "hours",
            "Asks a calendar whether it is open now.",
            (Key("calendar", "calendar", "which calendar"),),
            (
                Outcome("open", "it is open", NEXT),
                Outcome("closed", "it is closed", Fallback("end", "closed", "closed")),
            ),
        ),
        Kind(
            "queue",
            "Waits with music for an agent, tells the place in line and the wait, rings, connects. What is announced "
            "meanwhile and concerns the caller he hears here. `nobody`, `full`, "
            "`too_long` and `timeout` come from a queue whose `overflow` is `leave`, and when the caller declines what "
            "another overflow offers him.",
            (
                Key("queue", "queue", "which queue"),
                Key("prompt", "prompts", "said before waiting; [] for nothing", ()),
            ),
            (
                Outcome(
                    "answered", "the talk with an agent is over", Fallback("end", "", "agent"), free=True
                ),
                Outcome("nobody", "no agent is signed in who could answer", NO_AGENT),
                Outcome("full", "the queue has `max_len` callers, or its `budget_min` is used up", QUEUE_FULL),
                Outcome("too_long", "the expected wait is longer than `max_ewt_s`", QUEUE_FULL),
                Outcome("timeout", "`max_wait_s` is over", NO_AGENT, free=True),
                Outcome("callback", "he will be called back", Fallback("end", "goodbye", "callback"), free=True),
                Outcome("message", "he left a message", Fallback("end", "goodbye", "message"), free=True),
                Outcome(
                    "opted_in",
                    "he heard of a fault while he waited, and is called when it is over",
                    Fallback("end", "goodbye", "announced"),
                    free=True,
                ),
                Outcome("failed", "the queue cannot be used: Asterisk's ladder helps", Fallback("end", "", "failed")),
            ),
            pressed="queue",
        ),
        Kind(
            "transfer",
            "Connects to a fixed target.",
            (
                Key("target", "target", "which target"),
                Key("ring_s", "integer", "how long it rings, then `no_answer`", RING_S, 5, 120),
                Key("prompt", "prompts", "said before; [] for nothing", ()),
            ),
            (
                Outcome("answered", "the talk is over", Fallback("end", "", "transferred"), free=True),
                Outcome("busy", "the target is busy", NO_TRANSFER),
                Outcome("no_answer", "the target does not answer", NO_TRANSFER),
                Outcome("failed", "the target cannot be reached", NO_TRANSFER),
            ),
        ),
        *KNOWN,
        Kind("goto", "Goes to another step; gives it a second name.", (), (Outcome("done", "always", NEXT),)),
        Kind(
            "hangup",
            "Ends the call.",
            (
                Key("prompt", "prompts", "said before; [] for nothing", ("goodbye",)),
                Key(
                    "disposition",
                    "choice",
                    "how the call's record names its end; `completed` becomes what he reached before, such as `agent`",
                    "completed",
                    choices=tuple(DISPOSITIONS),
                ),
            ),
        ),
    )
}

FLOW = (
    Key("title", "text", "what the flow is for, in a few words", most=200),
    Key("start", "step", "where a call begins"),
    Key(
        "rescue",
        "step",
        "where a caller goes whom nothing else can help, once a call: an agent, or a last word",
    ),
)
NUMBER = (
    Key("flow", "flow", "the flow that answers: the name of its file in flows/"),
    Key("language", "choice", "language the call begins in", choices=LANGUAGES),
    Key("name", "text", "what the number is for, in a few words", "", most=200),
    Key("project", "name", "the client company it belongs to", "main"),
)
CALENDAR_SPECIAL = "special"
CALENDAR = (
    Key("open", "opening hours", 'when it is open: `"Mo-Fr 08:00-20:00; Sa 09:00-14:00; PH off"`', most=500),
    Key("timezone", "zone", "zone of the times, the file's unless given", ""),
    Key("country", "country", "whose public holidays `PH` means, the file's unless given", ""),
    Key("title", "text", "what it is for, in a few words", "", most=200),
)
HOURS_TIMEZONE = Key("timezone", "zone", "zone of every calendar that names none of its own")
HOURS_COUNTRY = Key("country", "country", "whose public holidays `PH` means, in calendars that name none", "")
WEBHOOKS_DOC = "Servers a `webhook` step may ask, by name. A flow can reach nothing else."
TARGETS_DOC = "Fixed places to connect to, by name. Callers' text never becomes part of a dial string."
EMERGENCY = Key(
    "emergency", "dials", "rung by Asterisk itself when no controller answers, one after the other", ()
)
