"""How generated tests run (at random where people work, always the same where CI=true), and who runs which file."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

from tests.support.slots import SLOTS

settings.register_profile("random", deadline=None)
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady" if os.environ.get("CI") else "random")

CALLS, WEB = "tests/calls/", "tests/web/"
STEP_BACK = 10


class CallsBeside(LoadFileScheduling):
    """Files with real telephones go to SLOTS workers, the others begin elsewhere: no worker waits for a slot."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        calls = self.nodes.index(node) < SLOTS
        first = max(self.workqueue, key=lambda file: (file.startswith(CALLS) == calls, file.startswith(WEB)))
        self.workqueue.move_to_end(first, last=False)
        super()._assign_work_unit(node)


def pytest_configure(config: pytest.Config) -> None:
    """Let workers beside the telephones, and all they start, step back: audio must not stutter."""
    worker = getattr(config, "workerinput", {}).get("workerid", "gw0")
    if int(worker.removeprefix("gw")) >= SLOTS:
        os.nice(STEP_BACK)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Any:
    """Return the order of `--dist loadfile`, with telephones beside the rest; else xdist's own."""
    return CallsBeside(config, log) if config.getvalue("dist") == "loadfile" else None
