"""What `dialplans/` becomes once read: immutable, one content-hashed version. Pure data.

`flow/load.py` builds it, calls keep the version they began with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ivr.hours import Calendar


@dataclass(frozen=True)
class Step:
    """One step of a flow.

    values  every key its kind declares (flow/steps.py), defaults filled in.  next  '' when not given.
    on  outcome -> step, only those the file names; the others do what the kind declares.
    """

    name: str
    kind: str
    values: Mapping[str, Any]
    on: Mapping[str, str]
    next: str = ""


@dataclass(frozen=True)
class Flow:
    """A call flow. start  where a call begins.  rescue  where a caller goes whom nothing else can help."""

    name: str
    title: str
    start: str
    rescue: str
    steps: Mapping[str, Step]


@dataclass(frozen=True)
class Number:
    """A number callers dial (DNIS), the flow that answers it and the language it begins in."""

    number: str
    flow: str
    language: str
    project: str
    name: str


@dataclass(frozen=True)
class QueueConfig:
    """A queue as dialplans/queues.toml describes it; docs/dialplan.md tells what each field means."""

    name: str
    title: str
    need_skill: str
    need_level: int
    priority: int
    moh: str
    ring_s: int
    wrap_up_s: int
    max_wait_s: int
    max_len: int
    position_every_s: int
    keys: str


@dataclass(frozen=True)
class Dialplans:
    """Everything telecom engineers wrote, checked. version  the first 12 hex digits of the files' SHA-256."""

    version: str
    flows: Mapping[str, Flow]
    numbers: Mapping[str, Number]
    queues: Mapping[str, QueueConfig]
    hours: Mapping[str, Calendar]
    targets: Mapping[str, str]
    emergency: tuple[str, ...]
