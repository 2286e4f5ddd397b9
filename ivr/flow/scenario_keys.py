"""What may stand in `dialplans/scenarios/*.toml`, declared once. Pure data.

`flow/scenario.py` checks files against it, `flow/reference.py` prints it as a part of docs/dialplan.md.
"""

from __future__ import annotations

from ivr.call import CLASSES, DISPOSITIONS, LANGUAGES
from ivr.flow.declare import Key
from ivr.flow.steps import KINDS

SCENARIOS_MOST = 1000  # of one hotline
LIST_MOST = 100  # of what must be heard
ANNOUNCEMENT = "announcement"  # any announcement, in `hears`
LEFT = "abandoned"  # end of waiting: the caller hangs up

WAITS = (*KINDS["queue"].outcome, LEFT)
TRANSFERS = tuple(KINDS["transfer"].outcome)
NO_REPLY = ("timeout", "failed")
ARRANGED = {"callbacks": tuple(KINDS["callback"].outcome), "messages": tuple(KINDS["message"].outcome)}
WAITS = tuple(each for each in WAITS if each not in ("callback", "message"))

TYPES = {
    "dialled": "a number of numbers.toml",
    "caller": "a number such as +48221234567, or '' when it is withheld",
    "moment": "a date and time such as 2026-11-23T10:00:00",
    "script": "what the caller presses: keys, `w`, `w2`, `h`",
    "calendars": "a list of calendars of hours.toml",
    "customer": "a table of `area`, `class` and `language`",
    "customers": "a table of numbers he may enter and, for each, a customer",
    "announcements": "a list of announcements",
    "waits": "a table of queues and how waiting in each ends",
    "transfers": "a table of targets and how connecting to each ends",
    "replies": "a table of webhooks and how each answers",
    "arranged": "a table of queues and what is arranged",
    "known facts": "a table of facts",
    "heard": "a list of prompts",
    "visited": "a list of steps, `step` or `flow.step`",
    "kept": "a table of variables",
}
"""Types of keys that only scenarios have."""

SCENARIO = (
    Key("title", "text", "what it shows, in a few words", "", most=200),
    Key("number", "dialled", "the number he dials"),
    Key("from", "caller", "the number he calls from", "+48225550100"),
    Key("at", "moment", "when he calls, in the zone of the hotline; a Monday unless given",
        absent="2026-01-12T10:00:00"),
    Key("language", "choice", "the language the call begins in; '' for the customer's, else the number's", "",
        choices=("", *LANGUAGES)),
    Key("keys", "script", "what he presses, in the order he is asked: keys; `w` lets a question pass; `w2` waits 2 s, "
        "and a key right after it comes at that moment, in the middle of a prompt too; `h` hangs up", ""),
    Key("customer", "customer", "who he is: the customer with the number he calls from", absent="nobody known"),
    Key("accounts", "customers", "whose account numbers these are: `12345 = { area = \"pl/mazowieckie\" }`", ()),
    Key("postcodes", "customers", "the same for postcodes", ()),
    Key("announcements", "announcements", "what is on the phones, in playing order", ()),
    Key("open", "calendars", "calendars that are open, whatever the time", ()),
    Key("closed", "calendars", "calendars that are closed, whatever the time", ()),
    Key("queues", "waits", "how waiting ends: " + ", ".join(WAITS) + ", or a key, which he presses once; `answered` "
        "unless given", ()),
    Key("transfers", "transfers", "how connecting ends: " + ", ".join(TRANSFERS) + "; `answered` unless given", ()),
    Key("webhooks", "replies", "timeout, failed, or the reply: `{ result = \"paid\", balance = \"12\" }`", ()),
    Key("callbacks", "arranged", "booked or declined, by queue; booked unless given", ()),
    Key("messages", "arranged", "kept or none, by queue; kept unless given", ()),
    Key("facts", "known facts", "further facts: `repeat = 3`, `waiting.support = 12`", ()),
    Key("hears", "heard", "must be heard, in this order; others may come between. A prompt, `announcement` (any), the "
        "text of one, `digits 123` or `number 5`", ()),
    Key("not_hears", "heard", "must not be heard", ()),
    Key("steps", "visited", "steps he must come to, in this order; others may come between", ()),
    Key("variables", "kept", "what the call must know at its end: `account = \"12345\"`", ()),
    Key("ends", "choice", "how it must end", choices=tuple(DISPOSITIONS)),
    Key("ends_in", "queue", "the queue whose agent must have answered him; '' for any or none", ""),
)  # fmt: skip
CUSTOMER = (
    Key("area", "text", "where he lives, such as `pl/mazowieckie/warszawa`; '' when that is not known", ""),
    Key("class", "choice", "his class", "normal", choices=CLASSES),
    Key("language", "choice", "the language he speaks; '' when not known", "", choices=("", *LANGUAGES)),
)
ANNOUNCED = (
    Key("text", "text", "what it says", most=1000),
    Key("service", "text", "the service it is about, such as `internet`; '' for all", "", most=40),
    Key("area", "text", "only customers there hear it; '' for this caller in any case", ""),
    Key("certain", "yes/no", "false: it only may concern him", True),
    Key("may_end", "yes/no", "may it end the call? Unless given: if it is certain and his class is `normal`",
        absent="-"),
    Key("planned", "yes/no", "true: planned work, no fault", False),
    Key("after", "choice", "the most that may follow it", "end", choices=("end", "offer", "continue")),
    Key("heard", "integer", "in how many calls of the last two hours he has heard it already", 0, 0, 9),
    Key("opt_in", "choice", "how it ends when he presses 2, to be called when it is over; '' when he cannot be called",
        "", choices=("", "booked", "declined")),
)  # fmt: skip
