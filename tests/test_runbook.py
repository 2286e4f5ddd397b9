"""docs/operations.md has a line for every event that is logged as an error."""

from __future__ import annotations

import re

from ivr.settings import PROJECT

ERROR = re.compile(r"""log(?:ger)?\.(?:error|exception)\(\s*f?["']([a-z_]+(?: [a-z,]+)*)""")


def test_every_error_has_a_line_in_the_runbook() -> None:
    """Whoever reads an error in the log finds what to do about it."""
    logged = {
        event.strip()
        for folder in ("ivr", "routing")
        for file in (PROJECT / folder).rglob("*.py")
        for event in ERROR.findall(file.read_text())
    }
    runbook = (PROJECT / "docs/operations.md").read_text()

    assert len(logged) > 8
    assert set() == {event for event in logged if event.split(":")[0] not in runbook}
