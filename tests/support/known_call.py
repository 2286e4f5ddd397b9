"""A call as far as what is known of it goes: no channel but its variables, no Asterisk."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from ivr.announce.live import Live
from ivr.call import Call, Customer
from ivr.call_facts import Questions
from ivr.listening import Listening
from ivr.settings import Settings


@dataclass
class Variables:
    """The channel's."""

    values: dict[str, str] = field(default_factory=dict)

    async def set_variable(self, name: str, value: str) -> None:
        self.values[name] = value

    async def get_variable(self, name: str) -> str | None:
        return self.values.get(name)


class KnownCall:
    """Stands for a Session. trace  (event, details) as they were written down."""

    def __init__(self, settings: Settings, *, live: Live | None = None, customer: Customer | None = None) -> None:
        self.call = Call("1.1", "48601999888", "100", "PJSIP/trunk-1")
        self.caller, self.language, self.step = "+48601999888", "pl", "ask"
        self.customer = customer
        self.channel = Variables()
        self.number = SimpleNamespace(project="")
        self.trace: list[tuple[str, dict[str, Any]]] = []
        self.log = SimpleNamespace(
            record=SimpleNamespace(announcements=()),
            add=lambda event, step, **detail: self.trace.append((event, detail)),
        )
        self.queues: dict[str, Any] = {}
        self.parts = SimpleNamespace(
            settings=settings, live=live, records=SimpleNamespace(database=live and live.database), router=None,
            questions=Questions(), callbacks=None,
        )  # fmt: skip
        if live is not None:
            self.listening = Listening(self)  # type: ignore[arg-type]

    def queue(self, name: str) -> Any:
        return self.queues.get(name)
