"""A call's trace in sentences. Pure; called by `ivr call show`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from zoneinfo import ZoneInfo

from ivr.call import DISPOSITIONS, TraceEntry
from ivr.flow.heard import TIMES
from ivr.record import trace as t
from ivr.record.hearing import OUTCOMES, QUEUE
from ivr.record.model import CallRecord

CAUSES = {
    "reject": "rejected it",
    "busy": "was busy",
    "no_answer": "did not answer",
    "unreachable": "could not be reached",
    "left": "hung up before he was connected",
    "taken_back": "answered when the offer was over",
}
LIMITS = {
    "nobody": "nobody is signed in",
    "full": "full, or its minutes are used up",
    "too_long": "the expected wait is too long",
    "timeout": "the longest wait is over",
}
HUNG_UP = {"CallerHungUp": "the caller hung up", "ControllerLost": "the connection to Asterisk broke"}
LANGUAGES = {"pl": "Polish", "ru": "Russian", "en": "English"}


def tell(record: CallRecord, entries: Iterable[TraceEntry], zone: ZoneInfo, *, caller: str) -> list[str]:
    """Return the story, one line per thing that happened. caller  the number as it may be shown."""
    trace = sorted(entries, key=_when)
    ended = [
        f"{clock(entry.at_ms)} ended: {_ending(record)}" for entry in trace if entry.event == t.ENDED
    ]  # fmt: skip
    return [
        heading(record, zone, caller),
        *(f"{clock(_when(e))} {sentence}" for e, sentence in _sentences(record, trace) if e.event != t.ENDED),
        *(ended[-1:] if record.ended_at else ["      its end was not seen: it is still up, or a controller died"]),
        *summary(record),
    ]


def heading(record: CallRecord, zone: ZoneInfo, caller: str) -> str:
    """Return who called what, when, and which flow at which version answered."""
    flow = f", flow {record.flow} version {record.flow_version}" if record.flow else ""
    at = record.started_at.astimezone(zone)
    who = caller or "a withheld number"
    return f"call {record.call_id}: {who} called {record.dnis} on {at:%d.%m.%Y at %H:%M:%S}{flow}"


def summary(record: CallRecord) -> list[str]:
    """Return the record's figures, one line, none when there are none."""
    figures = [
        f"waited {record.wait_ms / 1000:.1f} s for queue {record.queue}" if record.wait_ms is not None else "",
        f"talked {record.talk_ms / 1000:.1f} s to {record.agent_id}" if record.talk_ms is not None else "",
        f"heard announcement {', '.join(record.announcements)}" if record.announcements else "",
    ]
    found = "; ".join(figure for figure in figures if figure)
    return [f"      {found}"] if found else []


def clock(at_ms: int) -> str:
    """Return a time since the call began as mm:ss, with hours when there are any."""
    seconds = max(0, at_ms) // 1000
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes:02}:{seconds % 60:02}"


def _when(entry: TraceEntry) -> int:
    """Return when an entry began: what was played, when it began to play."""
    began = entry.detail.get("from_ms")
    return began if isinstance(began, int) and entry.event in (t.PLAYED, t.INTERRUPTED) else entry.at_ms


def _ending(record: CallRecord) -> str:
    text = DISPOSITIONS.get(record.disposition, record.disposition or "nobody noted how")
    faulty = record.disposition == "failed" and record.end_reason
    return f"{text} ({HUNG_UP.get(record.end_reason, record.end_reason)})" if faulty else text


def _sentences(record: CallRecord, trace: list[TraceEntry]) -> Iterable[tuple[TraceEntry, str]]:
    reasons = {_name(e): str(e.detail.get("why", "")) for e in trace if e.event == t.MATCHED}
    changes = [e for e in trace if e.event == t.LANGUAGE]
    language = "" if changes else record.language  # the record keeps the last one: before a change it is not known
    heard = {e.detail.get("prompt") for e in trace if e.event in (t.PLAYED, t.INTERRUPTED)}
    for entry in trace:
        if entry.event == t.MATCHED and _name(entry) in heard:
            continue  # told together with what was heard
        if entry.event == t.LANGUAGE:
            language = str(entry.detail.get("language", ""))
        if entry.event in (t.PLAYED, t.INTERRUPTED):
            yield entry, _played(entry, reasons, language)
        else:
            yield entry, SENTENCES.get(entry.event, _unknown)(entry)


def _name(matched: TraceEntry) -> str:
    """Return how the clips of a matched announcement are called."""
    return f"announcement:{matched.detail.get('announcement')} v{matched.detail.get('version')}"


def _played(entry: TraceEntry, reasons: dict[str, str], language: str) -> str:
    prompt = str(entry.detail.get("prompt", "?"))
    announcement = prompt.removeprefix("announcement:")
    if announcement == prompt:
        what = prompt
    else:
        name, _, version = announcement.rpartition(" v")
        why = f": {reasons[prompt]}" if reasons.get(prompt) else ""
        what = f"announcement {name} version {version}" + (f" ({language})" if language else "") + why
    if entry.event == t.PLAYED:
        return f"heard {what}"
    heard_s = (entry.at_ms - _when(entry)) / 1000
    return f"heard {heard_s:.1f} s of {what}"


def _pressed(entry: TraceEntry) -> str:
    keys = entry.detail.get("keys")
    return f"entered {keys} digits" if keys is not None else f"pressed {entry.detail.get('key')}"


def _left(entry: TraceEntry) -> str:
    detail = entry.detail.get("detail")
    return f"step {entry.step}: {entry.detail.get('outcome')}" + (f", {detail}" if detail else "")


def _queued(entry: TraceEntry) -> str:
    place = entry.detail.get("position")
    return f"in queue {entry.detail.get('queue')} " + (f"at position {place}" if place else "and an agent is free")


def _position(entry: TraceEntry) -> str:
    minutes = entry.detail.get("minutes")
    wait = f", and a wait of {minutes} minutes" if minutes else ""
    return f"told his place in line: {entry.detail.get('position')}{wait}"


def _overflow(entry: TraceEntry) -> str:
    to = f"; on to {entry.detail['to']}" if entry.detail.get("to") else ""
    return f"queue {entry.detail.get('queue')}: {LIMITS.get(str(entry.detail.get('why')), entry.detail.get('why'))}{to}"


def _called_back(entry: TraceEntry) -> str:
    if entry.detail.get("what") == "booked":
        return f"will be called back, his place in line kept ({entry.detail.get('callback')})"
    return "was called back, and pressed 1"


def _restored(entry: TraceEntry) -> str:
    answers = {"works": "says that it works", "still_out": "says that it is still out"}
    answer = answers.get(str(entry.detail.get("answer")), "gave no answer")
    return f"was told that announcement {entry.detail.get('announcement')} is over, and {answer}"


def _offered(entry: TraceEntry) -> str:
    return f"offered to {entry.detail.get('agent')}: {entry.detail.get('why') or 'no reason noted'}"


def _refused(entry: TraceEntry) -> str:
    cause = str(entry.detail.get("cause", ""))
    return f"{entry.detail.get('agent')} {CAUSES.get(cause, cause)}; the caller keeps his place in line"


def _talk_ended(entry: TraceEntry) -> str:
    talk_ms = entry.detail.get("talk_ms")
    length = f" after {talk_ms / 1000:.0f} s" if isinstance(talk_ms, int) else ""
    return f"the talk with {entry.detail.get('agent')} is over{length}"


def _reattached(entry: TraceEntry) -> str:
    where = " after the talk with the agent" if entry.detail.get("talk") else f" at step {entry.step}"
    return f"a second controller took the call over{where}"


def _language(entry: TraceEntry) -> str:
    language = str(entry.detail.get("language", ""))
    return f"spoken to in {LANGUAGES.get(language, language)} from now on"


def _hours(entry: TraceEntry) -> str:
    return f"calendar {entry.detail.get('calendar')} is {'open' if entry.detail.get('open') else 'closed'}"


def _asked(entry: TraceEntry) -> str:
    detail = entry.detail
    how = {"answered": "answered", "timeout": "did not answer in time"}.get(str(detail.get("outcome")), "failed")
    return f"server {detail.get('webhook')} was asked and {how} after {detail.get('ms')} ms"


def _heard(entry: TraceEntry) -> str:
    detail = entry.detail
    percent, nth = detail.get("percent"), detail.get("nth")
    much = "all of it" if percent == 100 else f"{percent} % of it"
    where = " in the queue" if detail.get("where") == QUEUE else ""
    said = [TIMES.get(nth, f"{nth}th time")] if isinstance(nth, int) and nth > 1 else []
    said += ["only what is new"] if detail.get("brief") else []
    how = f" ({', '.join(said)})" if said else ""
    then = OUTCOMES.get(str(detail.get("outcome")), str(detail.get("outcome")))
    what = f"announcement {detail.get('announcement')} version {detail.get('version')}"
    return f"{what}: heard {much}{where}{how}; {then}"


def _opted_in(entry: TraceEntry) -> str:
    ids = entry.detail.get("announcements")
    named = f" ({', '.join(ids)})" if isinstance(ids, list) else ""
    return f"will be called when it is over{named}"


def _unknown(entry: TraceEntry) -> str:
    details = ", ".join(f"{key} {value}" for key, value in entry.detail.items())
    return entry.event + (f" ({details})" if details else "")


SENTENCES: dict[str, Callable[[TraceEntry], str]] = {
    t.ENTERED: lambda e: f"step {e.step} ({e.detail.get('kind')}) begins",
    t.LEFT: _left,
    t.PLAYED: lambda e: _played(e, {}, ""),
    t.INTERRUPTED: lambda e: _played(e, {}, ""),
    t.PRESSED: _pressed,
    t.SILENT: lambda e: "pressed nothing",
    t.LANGUAGE: _language,
    t.MATCHED: lambda e: (
        f"announcement {e.detail.get('announcement')} version {e.detail.get('version')} concerns him: "
        f"{e.detail.get('why')}"
    ),
    t.HEARD: _heard,
    t.OPTED_IN: _opted_in,
    t.CREDITED: lambda e: f"his place in line counts from {e.detail.get('seconds')} s ago, when the announcement began",
    t.RAISED: lambda e: f"calls about it again and again: {e.detail.get('points')} points more in a queue",
    t.NO_MATCH: lambda e: "no announcement concerns him",
    t.HOURS: _hours,
    t.IDENTIFIED: lambda e: f"found in the customer file by the {e.detail.get('by')} he entered",
    t.ASKED: _asked,
    t.SURVEYED: lambda e: (
        f"survey {e.detail.get('survey')}: gave {e.detail.get('points')} to {e.detail.get('question')}"
    ),
    t.QUEUED: _queued,
    t.POSITION: _position,
    t.MOVED: lambda e: f"moved to queue {e.detail.get('queue')} ({e.detail.get('by')})",
    t.OVERFLOW: _overflow,
    t.CALLED_BACK: _called_back,
    t.RESTORED: _restored,
    t.MESSAGE: lambda e: f"left a message of {e.detail.get('seconds')} s",
    t.OFFERED: _offered,
    t.RINGING: lambda e: f"the phone of {e.detail.get('agent')} rings",
    t.REFUSED: _refused,
    t.ANSWERED: lambda e: f"{e.detail.get('agent')} answered",
    t.TALK_ENDED: _talk_ended,
    t.TRANSFERRED: lambda e: f"connected to {e.detail.get('target')}: {e.detail.get('outcome')}",
    t.ROUTER_LOST: lambda e: f"the queue could not be used: {e.detail.get('error')}",
    t.REATTACHED: _reattached,
    t.LEASE: lambda e: f"the controller was silent too long: {e.detail.get('why')}",
    t.LADDER: lambda e: f"handed to Asterisk's own fallback: {e.detail.get('why')}",
    t.HUNG_UP: lambda e: HUNG_UP.get(str(e.detail.get("by")), f"hung up by {e.detail.get('by')}"),
    t.ENDED: lambda e: f"ended: {e.detail.get('disposition')}",
}
