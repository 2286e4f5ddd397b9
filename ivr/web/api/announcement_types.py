"""Announcements as the API takes and gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from ivr.access import Who
from ivr.announce.model import AREAS_MOST, NOTE_MOST, NUMBERS_MOST, SERVICE_MOST, TEXT_MOST, Version, condition
from ivr.announce.model import service_name as read_service
from ivr.call import mask
from ivr.record.figures import Figures
from ivr.web.api.types import Moment, printable, storable

Language = Literal["pl", "ru", "en"]
Short = Annotated[str, StringConstraints(max_length=200), AfterValidator(printable), AfterValidator(storable)]
Spoken = Annotated[str, StringConstraints(min_length=1, max_length=TEXT_MOST), AfterValidator(storable)]
Note = Annotated[str, StringConstraints(max_length=NOTE_MOST), AfterValidator(printable), AfterValidator(storable)]
Service = Annotated[str, StringConstraints(max_length=SERVICE_MOST), AfterValidator(read_service)]
EXAMPLE: JsonValue = {
    "target": {"areas": ["pl/mazowieckie/warszawa/wola"]},
    "service": "internet",
    "texts": {"pl": "Awaria internetu na Woli.", "en": "There is an internet outage in Wola."},
    "eta": {"kind": "time", "at": "2026-11-23T17:30:00Z"},
}


class Strict(BaseModel):
    """A body that holds nothing else."""

    model_config = ConfigDict(extra="forbid")


class TargetIn(Strict):
    """Whom it concerns; nothing at all is everyone. dnis, project and classes narrow the others."""

    areas: list[Short] = Field([], max_length=AREAS_MOST, description="paths; everything below them too")
    node: Short = Field("", description="a name anywhere in a customer's area path")
    numbers: list[Short] = Field([], max_length=NUMBERS_MOST, description="customers' numbers or accounts")
    prefix: Short = Field("", description="of the caller's number, such as +4822")
    dnis: Short = Field("", description="the number dialled")
    project: Short = ""
    classes: list[Literal["normal", "business", "vip", "medical"]] = Field([], max_length=4)


class EtaIn(Strict):
    """The expected end: unknown, a time, or a range from `earliest` to `at`."""

    kind: Literal["unknown", "time", "range"] = "unknown"
    at: Moment | None = None
    earliest: Moment | None = None


class DraftIn(Strict):
    """An announcement as it is written."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    target: TargetIn = Field(default_factory=lambda: TargetIn.model_validate({}))
    texts: dict[Language, Spoken] = Field(min_length=1, description="language -> text, without the expected end")
    service: Service = Field("", description="'' for all")
    kind: Literal["outage", "planned", "info"] = "outage"
    after: Literal["end", "offer", "continue"] = Field("end", description="the most that may follow it")
    eta: EtaIn = EtaIn()
    starts: Moment | None = Field(None, description="not heard before")
    until: Moment | None = Field(None, description="not heard after; null: 4 h after the expected end, or 12 h")
    as_of: bool = Field(False, description="say how old the information is")
    note: Note = ""


class ChangeIn(Strict):
    """What is to be changed; what is not given stays."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"eta": {"kind": "time", "at": "2026-11-23T19:00:00Z"}}]}
    )

    texts: dict[Language, Spoken] = Field({}, description="language -> text; the other languages stay")
    eta: EtaIn | None = None
    until: Moment | None = None
    as_of: bool | None = None
    note: Note | None = None


class RestoreIn(Strict):
    """What callers are told now. minutes  for so long."""

    texts: dict[Language, Spoken] = Field({}, description="language -> text; without one a standard sentence is said")
    minutes: int = Field(60, ge=1, le=24 * 60)


class TargetOut(BaseModel):
    """Whom it concerns. numbers  masked for those who may not change announcements."""

    areas: list[str]
    node: str
    numbers: list[str]
    prefix: str
    dnis: str
    project: str
    classes: list[str]
    words: str


class ClipOut(BaseModel):
    """The sound of one wording. address  below the page, for those logged in there."""

    language: str
    variant: str
    seconds: float
    voice: str
    address: str


class PastOut(BaseModel):
    """One version of it. at  when it was made."""

    version: int
    state: str
    author: str
    at: datetime
    texts: dict[str, str]
    eta_from: datetime | None
    eta: datetime | None
    until: datetime


class VersionOut(BaseModel):
    """One announcement as it is now. holds  its state, or what time has made of it.  versions  oldest first."""

    id: str
    version: int
    state: str
    holds: str
    author: str
    at: datetime
    target: TargetOut
    service: str
    kind: str
    after: str
    texts: dict[str, str]
    eta_from: datetime | None
    eta: datetime | None
    starts: datetime | None
    until: datetime
    as_of: bool
    source: str
    note: str
    clips: list[ClipOut]
    versions: list[PastOut]


class OutcomeOut(BaseModel):
    """What was done. heard_after_s  until the first controller's callers hear it, null when none answered.

    opt_ins  callers who asked to be told and are called now.
    """

    announcement: VersionOut
    heard: bool
    heard_after_s: float | None
    customers: int | None
    customers_all: int | None
    opt_ins: int
    warnings: list[str]


class SoundOut(BaseModel):
    """What a caller would hear in one language."""

    language: str
    text: str
    seconds: float
    voice: str
    address: str


class PreviewOut(BaseModel):
    """Who would hear it: customers, and calls of the last 24 hours. areas  of some of the customers."""

    customers: int
    customers_all: int
    calls_24h: int
    calls_24h_all: int
    areas: list[str]
    sounds: list[SoundOut]


class CountsOut(BaseModel):
    """Calls, each once. deflected  heard it, ended in the menu, and the customer did not call again in time."""

    matched: int
    heard: int
    barged_in: int
    chose_agent: int
    different: int
    hung_up: int
    ended: int
    opted_in: int
    deflected: int
    deflected_so_far: int


class VersionFiguresOut(BaseModel):
    """Figures of one version."""

    version: int
    counts: CountsOut
    first_heard_s: float | None


class OptInsOut(BaseModel):
    """Callers who asked to be told."""

    asked: int
    reached: int
    works: int
    still_out: int
    still_out_rate: float | None


class FiguresOut(BaseModel):
    """Figures of an announcement. lag_s  from the first call of somebody concerned to the publication."""

    id: str
    again_hours: float
    total: CountsOut
    wrong_match_rate: float | None
    versions: list[VersionFiguresOut]
    opt_ins: OptInsOut
    first_heard_s: float | None
    lag_s: float | None
    mean_talk_s: float | None
    saved_min: float | None


def version_out(version: Version, now: datetime, who: Who, history: Sequence[Version] = ()) -> VersionOut:
    """Return a version as JSON holds it. who  looks at it."""
    target = version.target
    shown = target.numbers if who.may("announcements.change") else [mask(each) for each in target.numbers]
    clips = [
        ClipOut(language=language, variant=which, seconds=clip.seconds, voice=clip.voice,
                address=f"/announcements/sound/{clip.file.rpartition('/')[2]}.wav")
        for language, variants in version.clips.items() for which, clip in variants.items()
    ]  # fmt: skip
    return VersionOut(
        id=version.announcement_id, version=version.version, state=version.state, holds=condition(version, now),
        author=version.author, at=version.at,
        target=TargetOut(areas=list(target.areas), node=target.node, numbers=list(shown), prefix=target.prefix,
                         dnis=target.dnis, project=target.project, classes=list(target.classes), words=str(target)),
        service=version.service, kind=version.kind, after=version.after, texts=dict(version.texts),
        eta_from=version.eta_from, eta=version.eta, starts=version.starts, until=version.until, as_of=version.as_of,
        source=version.source, note=version.note, clips=clips, versions=[_past(each) for each in history],
    )  # fmt: skip


def _past(version: Version) -> PastOut:
    return PastOut(
        version=version.version, state=version.state, author=version.author, at=version.at, texts=dict(version.texts),
        eta_from=version.eta_from, eta=version.eta, until=version.until,
    )  # fmt: skip


def figures_out(figures: Figures) -> FiguresOut:
    """Return figures as JSON holds them."""
    opt_ins = figures.opt_ins
    return FiguresOut(
        id=figures.announcement_id, again_hours=figures.again_hours, total=CountsOut(**asdict(figures.total)),
        wrong_match_rate=figures.total.wrong_match_rate,
        versions=[VersionFiguresOut(version=each.version, counts=CountsOut(**asdict(each.counts)),
                                    first_heard_s=each.first_heard_s) for each in figures.versions],
        opt_ins=OptInsOut(**asdict(opt_ins), still_out_rate=opt_ins.still_out_rate),
        first_heard_s=figures.first_heard_s, lag_s=figures.lag_s, mean_talk_s=figures.mean_talk_s,
        saved_min=figures.saved_min,
    )  # fmt: skip
