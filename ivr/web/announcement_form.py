"""What is typed into the form of an announcement: kept as typed, read into a draft, its mistakes told at their field.

Called by `pages/announcement_compose.py`. All it holds is text, so that whatever somebody sends can be shown again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.datastructures import FormData, UploadFile

from ivr.announce.draft import Draft, check
from ivr.announce.model import AFTER, END, KINDS, OUTAGE, PLANNED, Target, Version, service_name
from ivr.announce.typed import point_in_time, read_target
from ivr.call import CLASSES, LANGUAGES
from ivr.errors import InputError

UNKNOWN, TIME, RANGE = "unknown", "time", "range"
ETAS = (UNKNOWN, TIME, RANGE)
SEVERAL = re.compile(r"[\n\r,;\t]+")
ODD = re.compile(r"[\x00\ud800-\udfff]")
HINT = re.compile(r"[;:] expected (a later )?--[^;]*|: set a later --until|: `ivr [^`]*`|,? `ivr [^`]*`[^;]*")
FIELDS = ("node", "prefix", "numbers", "dnis", "project", "service", "kind", "after", "eta_kind", "eta", "eta_from",
          "starts", "until", "note", "areas_typed")  # fmt: skip


@dataclass
class Form:
    """The fields as typed. texts, recordings  by language.  version  that was shown when it is a change, 0 for none."""

    areas: list[str] = field(default_factory=list)
    areas_typed: str = ""
    node: str = ""
    prefix: str = ""
    numbers: str = ""
    dnis: str = ""
    project: str = ""
    classes: list[str] = field(default_factory=list)
    service: str = ""
    kind: str = OUTAGE
    after: str = END
    texts: dict[str, str] = field(default_factory=dict)
    recordings: dict[str, str] = field(default_factory=dict)
    eta_kind: str = UNKNOWN
    eta: str = ""
    eta_from: str = ""
    starts: str = ""
    until: str = ""
    as_of: bool = False
    note: str = ""
    version: int = 0

    def all_areas(self) -> list[str]:
        """Return the areas ticked and those typed, each once."""
        typed = [each.strip() for each in SEVERAL.split(self.areas_typed)]
        return list(dict.fromkeys(each for each in (*self.areas, *typed) if each))

    def listed(self) -> list[str]:
        """Return the numbers and accounts of the list; a heading of a file is none."""
        rows = [each.strip(" \t\"'") for each in SEVERAL.split(self.numbers)]
        return [each for each in rows if each and each.lower() not in ("number", "account", "numbers", "accounts")]


def form_of(data: FormData) -> Form:
    """Return the form somebody sent; fields he did not send are empty."""
    typed: dict[str, Any] = {name: _text(data, name) for name in FIELDS}
    form = Form(
        **typed, areas=_texts(data, "areas"), classes=_texts(data, "classes"), as_of=bool(_text(data, "as_of")),
        texts={each: _text(data, f"text_{each}") for each in LANGUAGES},
        recordings={each: name for each in LANGUAGES if (name := _text(data, f"recording_{each}"))},
    )  # fmt: skip
    number = _text(data, "version")
    form.version = int(number) if number.isascii() and number.isdigit() and len(number) < 9 else 0
    form.kind, form.after = form.kind or OUTAGE, form.after or END
    form.eta_kind = form.eta_kind if form.eta_kind in ETAS else UNKNOWN
    return form


def file_of(data: FormData, name: str) -> UploadFile | None:
    """Return a file somebody sent, None when he chose none."""
    sent = data.get(name)
    return sent if isinstance(sent, UploadFile) and (sent.filename or sent.size) else None


def form_from(version: Version, zone: ZoneInfo) -> Form:
    """Return the form that shows `version`."""

    def shown(moment: datetime | None) -> str:
        return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" if moment else ""

    target = version.target
    ranged = version.eta_from is not None
    return Form(
        list(target.areas), "", target.node, target.prefix, "\n".join(target.numbers), target.dnis, target.project,
        list(target.classes), version.service, version.kind, version.after, dict(version.texts),
        dict(version.recordings), RANGE if ranged else TIME if version.eta else UNKNOWN, shown(version.eta),
        shown(version.eta_from), shown(version.starts), shown(version.until), version.as_of, version.note,
        version.version,
    )  # fmt: skip


@dataclass
class Read:
    """A form read. draft  None when a mistake is left.  errors  field -> what is wrong, '' for the whole."""

    draft: Draft | None
    target: Target | None
    errors: dict[str, str]


def read(
    form: Form, say: Callable[..., str], code: str, zone: ZoneInfo, now: datetime, held: Version | None = None
) -> Read:
    """Return the draft a form means. say  words in the reader's language.  held  the version that it changes."""
    errors: dict[str, str] = {}
    target = _target(form, code, errors)
    times = {name: _time(form, name, say, zone, now, errors) for name in ("eta", "eta_from", "starts", "until")}
    _check_choices(form, say, errors)
    texts = {each: text.strip() for each, text in form.texts.items() if text.strip()}
    if not texts:
        errors[f"text_{LANGUAGES[0]}"] = say("announcements.error_no_text")
    for each, name in form.recordings.items():
        if name and each not in texts:
            errors[f"text_{each}"] = say("announcements.error_recording_text")
    if errors or target is None:
        return Read(None, target, errors)
    draft = Draft(
        target, texts, service_name(form.service), times["eta"], times["until"], form.kind, times["starts"],
        times["eta_from"], form.as_of, form.after, note=form.note,
        recordings={each: name for each, name in form.recordings.items() if each in texts},
    )  # fmt: skip
    try:
        new = held is None or held.eta != draft.eta
        check(draft.version("new", 1, "", now), now, zone, eta_is_new=new)
    except InputError as error:
        errors[_field_of(str(error))] = plain(str(error))
        return Read(None, target, errors)
    return Read(draft, target, errors)


def _target(form: Form, code: str, errors: dict[str, str]) -> Target | None:
    """Return the target; every part is read by itself, so that each mistake is told at its field."""
    parts: dict[str, dict[str, Any]] = {
        "areas": {"areas": form.all_areas()}, "node": {"node": form.node}, "prefix": {"prefix": form.prefix},
        "numbers": {"numbers": form.listed()}, "dnis": {"dnis": form.dnis}, "project": {"project": form.project},
        "classes": {"classes": form.classes},
    }  # fmt: skip
    given: dict[str, Any] = {}
    for name, part in parts.items():
        try:
            read_target(code, **part)
            given |= part
        except InputError as error:
            errors[name] = str(error)
    return None if errors else read_target(code, **given)


def _time(
    form: Form, name: str, say: Callable[..., str], zone: ZoneInfo, now: datetime, errors: dict[str, str]
) -> datetime | None:
    typed = str(getattr(form, name)).strip()
    if (name == "eta" and form.eta_kind == UNKNOWN) or (name == "eta_from" and form.eta_kind != RANGE):
        return None
    if not typed:
        if name in ("eta", "eta_from") and not (name == "eta" and form.kind == PLANNED and form.eta_kind == RANGE):
            errors[name] = say("announcements.error_time", example="18:30")
        return None
    try:
        return point_in_time(typed, now, zone)
    except ValueError:
        errors[name] = say("announcements.error_time", example="18:30")
        return None


def _check_choices(form: Form, say: Callable[..., str], errors: dict[str, str]) -> None:
    for name, value, known in (("kind", form.kind, KINDS), ("after", form.after, AFTER)):
        if value not in known:
            errors[name] = say("announcements.error_choice", known=", ".join(known))
    if unknown := [each for each in form.classes if each not in CLASSES]:
        errors["classes"] = say("announcements.error_choice", known=", ".join(CLASSES)) + f" ({unknown[0][:40]})"
    try:
        service_name(form.service)
    except ValueError as error:
        errors["service"] = str(error)


def _field_of(text: str) -> str:
    """Return the field a message of `check` is about."""
    for language in LANGUAGES:
        if f"the {language} text" in text:
            return f"text_{language}"
    for name, words in (("eta_from", ("--eta-from", "range")), ("starts", ("would begin",)), ("until", ("its end",)),
                        ("eta", ("expected end", "--eta"))):  # fmt: skip
        if any(word in text for word in words):
            return name
    return ""


def plain(text: str) -> str:
    """Return a message without what only helps at the command line."""
    return HINT.sub("", text)


def plainly(texts: Iterable[str]) -> list[str]:
    """Return warnings so."""
    return [plain(each) for each in texts]


def hidden(form: Form) -> list[tuple[str, str]]:
    """Return every field as name and value, for a form that only asks whether it is sure."""
    pairs: list[tuple[str, str]] = [(name, str(getattr(form, name))) for name in FIELDS]
    pairs += [("areas", each) for each in form.areas] + [("classes", each) for each in form.classes]
    pairs += [(f"text_{each}", text) for each, text in form.texts.items()]
    pairs += [(f"recording_{each}", name) for each, name in form.recordings.items()]
    pairs += [("version", str(form.version))] + ([("as_of", "yes")] if form.as_of else [])
    return [(name, value) for name, value in pairs if value]


def _text(data: FormData | Mapping[str, Any], name: str) -> str:
    value = data.get(name, "")
    return ODD.sub("", value).strip() if isinstance(value, str) else ""


def _texts(data: FormData, name: str) -> list[str]:
    return [ODD.sub("", each).strip() for each in data.getlist(name) if isinstance(each, str) and each.strip()]
