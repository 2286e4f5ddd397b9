"""ivr/transfer.py: what Asterisk's [dial-target] is told, and what its answer means."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from ivr.transfer import transfer


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("ANSWER", "answered"), ("BUSY", "busy"), ("NOANSWER", "no_answer"), ("CHANUNAVAIL", "failed"), (None, "failed")],
)
async def test_a_target_rings_without_a_lease_as_long_as_the_step_says(status: str | None, outcome: str) -> None:
    """Name and seconds go to Asterisk; the lease comes back when the talk is over."""
    told = Mock()
    told.no_lease, told.gosub = AsyncMock(), AsyncMock()
    channel = SimpleNamespace(gosub=told.gosub, get_variable=AsyncMock(return_value=status))
    session: Any = SimpleNamespace(
        no_lease=told.no_lease, take_lease_back=told.take_lease_back, channel=channel, log=Mock(), step="reception"
    )
    ended = await transfer(session, "reception", 45)

    assert outcome == ended.outcome
    assert [name for name, _, _ in told.mock_calls] == ["no_lease", "gosub", "take_lease_back"]
    assert ("dial-target", "s", "1", "reception", "45") == told.gosub.await_args.args
