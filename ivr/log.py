"""Structured logging: key-value events on standard error; `call_id` is bound once per task."""

from __future__ import annotations

import logging
import sys

import structlog


def configure(level: str) -> None:
    """Write events of `level` and above to standard error, coloured on a terminal, one line each."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S.%f", utc=False),
            _clean,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=28),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        level=logging.WARNING,
        stream=sys.stderr,
        format="%(asctime)s.%(msecs)06d [%(levelname)-9s] %(message)s",
        datefmt="%H:%M:%S",
    )


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
