"""What may stand in `dialplans/queues.toml`, declared once. Pure data.

`flow/queues.py` checks the file against it, `flow/reference.py` prints it as a part of docs/dialplan.md.
"""

from __future__ import annotations

from ivr.flow.declare import Key
from ivr.flow.model import LEAVE
from routing.model import ORDERS, PRIORITY_MAX, STEPS_MAX

WAIT_MOST_S = 7200
RELAX_MOST = STEPS_MAX
TO_QUEUE = "queue"
ACTIONS = {
    "callback": "he is asked whether he wants to be called back, and keeps his place: an agent first, then the caller",
    "message": "he leaves a message",
    "queue:<name>": "he waits in that queue instead, counted from when he first waited",
    "hear_again": "place and expected wait are said again",
    "leave": "a key: the step's `on.<key>` says where; overflow: its `nobody`, `full`, `too_long` or `timeout` does",
}
PRESSED = ("callback", "message", "hear_again", "leave")
OVERFLOWS = ("callback", "message", "leave")
OVERFLOWING = ("nobody", "full", "too_long", "timeout")  # ends of waiting that go to `overflow` first

QUEUE = (
    Key("title", "text", "what the queue is for, in a few words", "", most=200),
    Key("project", "name", "client company it belongs to: only agents of that project get its calls; '' for all", ""),
    Key("need", "need", "what an agent must have, such as `internet>=3&router`; or `skill` and `level`", absent="-"),
    Key("skill", "name", "the skill of a need of one skill", absent="-"),
    Key("level", "integer", "least level of `skill`", 1, 1, 10),
    Key("by_language", "yes/no", "true: asks for the caller's language as well (the skill `lang/pl`)", False),
    Key("prefer", "need", "who meets this comes before the others who may answer", absent="-"),
    Key("order", "choice", "who of those comes first: longest idle, levels in the need, calls or talk since "
        "signing in; weighted: idle time and levels together", "longest_idle", choices=ORDERS),
    Key("weight_s", "integer", "order weighted: seconds of idleness one level is worth", 60, 1, 3600),
    Key("ageing", "integer", "points of priority a waiting minute is worth", 1, 0, 100),
    Key("priority", "integer", "higher is served first by agents who serve several queues", 0, 0, PRIORITY_MAX),
    Key("emergency", "yes/no", "true: before every call that is none", False),
    Key("moh", "name", "music class of musiconhold.conf", "default"),
    Key("ring_s", "integer", "how long one agent's phone rings at most", 20, 5, 120),
    Key("wrap_up_s", "integer", "an agent's time after a call of this queue", least=0, most=3600,
        absent="the agent's own"),
    Key("max_wait_s", "integer", "longest wait, then `overflow`", 900, 5, WAIT_MOST_S),
    Key("max_len", "integer", "most callers waiting; one more goes to `overflow`", 100, 1, 10000),
    Key("max_ewt_s", "integer", "who would wait longer than this goes to `overflow` at once; 0: any wait",
        0, 0, WAIT_MOST_S),
    Key("position_every_s", "integer", "least time between two messages of the place in line", 30, 5, 600),
    Key("ewt", "yes/no", "true: the expected wait is said with the place, when it is known", True),
    Key("messages", "prompts", "said in turn while waiting; [] for nothing", ()),
    Key("message_every_s", "integer", "time between two of `messages`", 60, 10, 600),
    Key("affinity", "choice", "last_agent: the agent he talked to last is waited for", "", choices=("", "last_agent")),
    Key("affinity_wait_s", "integer", "so long at most, and only while that agent is signed in", 20, 1, 600),
    Key("resume_min", "integer", "who is cut off and calls again within so many minutes gets his old place; 0: never",
        0, 0, 120),
    Key("budget_min", "integer", "minutes of talk a month (of the project, else of the queue), then `overflow`; 0: any",
        0, 0, 100_000),
    Key("hours", "calendar", "when callers come: the check looks for agents at these hours; '' for always", ""),
    Key("overflow", "action", "where a caller goes after `max_wait_s`, from a full queue, or when nobody is in", LEAVE),
)  # fmt: skip
RELAX = (
    Key("after_s", "seconds", "from so much waiting on", least=1, most=WAIT_MOST_S),
    Key("need", "need", "who meets this may answer as well; project and language are added as above", absent="-"),
    Key("prefer", "need", "who of those comes first", absent="-"),
    Key("any_language", "yes/no", "true: the caller's language is not asked for (without `need`: the queue's)", False),
    Key("lend", "name", "asks the agents of this project instead, while its own service level holds", ""),
    Key("priority", "integer", "points added", 0, 0, PRIORITY_MAX),
    Key("skip_if_nobody", "yes/no", "true: holds at once while nobody signed in can answer without it", True),
)
SERVICE_LEVEL = (
    Key("target_s", "integer", "callers are to be answered within so many seconds", least=1, most=3600),
    Key("percent", "integer", "so many in a hundred of them", least=1, most=100),
)
