"""Structured logging: key-value events on standard error; `call_id` is bound once per task.

For people one coloured line each, for programs (HOTLINE_LOG_FORMAT=json) one JSON object a line. Who logs a caller's
number masks it; a whole one that came here all the same, in the text of an error, is masked before it is written.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Literal

import structlog

from ivr.call import mask

OURS = frozenset({"dnis", "numbers", "call_id"})  # our own numbers are public
_NUMBER = re.compile(r"\+\d{8,15}(?!\d)")


def configure(level: str, form: Literal["text", "json"] = "text") -> None:
    """Write events of `level` and above to standard error, one line each: coloured on a terminal, or as JSON."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _hide,
            *(_as_json() if form == "json" else _as_text()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_foreign(form))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


def _as_text() -> list[structlog.typing.Processor]:
    return [
        structlog.processors.TimeStamper(fmt="%H:%M:%S.%f", utc=False),
        _clean,
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=28),
    ]


def _as_json() -> list[structlog.typing.Processor]:
    return [
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.ExceptionRenderer(),
        structlog.processors.JSONRenderer(ensure_ascii=True, default=str),
    ]


def _foreign(form: str) -> logging.Formatter:
    """Return how what libraries log is written."""
    if form == "json":
        return structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name, _hide],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_as_json()],
        )
    return logging.Formatter("%(asctime)s.%(msecs)06d [%(levelname)-9s] %(message)s", "%H:%M:%S")


def _hide(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Mask whole numbers in what is not said to be ours."""
    for key, value in event.items():
        if isinstance(value, str) and key not in OURS and "+" in value:
            event[key] = _NUMBER.sub(lambda found: mask(found[0]), value)
    return event


def _clean(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Escape control characters, so that no caller's text begins a line of its own."""
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable() and key not in ("exception",):
            event[key] = value[:200].encode("unicode_escape").decode()
    return event


def logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return the logger of a module."""
    log: structlog.typing.FilteringBoundLogger = structlog.get_logger(name)
    return log
