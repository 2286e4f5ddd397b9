"""`ivr dialplan`: check, try, test, draw and change call flows."""

from __future__ import annotations

import click

from ivr.cli.lazy import LazyGroup, Place

COMMANDS = {
    "check": Place("dialplan_check", "Name every mistake in call flows and the files around them."),
    "list": Place("dialplan_list", "List numbers, queues and opening hours."),
    "try": Place("dialplan_try", "Call a number without a phone: read what is said, press keys."),
    "test": Place("dialplan_test", "Run scenarios, and tell what none of them goes through.", "test"),
    "draw": Place("dialplan_draw", "Draw call flows, on request with yesterday's calls."),
    "reload": Place("dialplan_versions", "Make the files live for new calls, or for a share of them.", "reload"),
    "versions": Place("dialplan_versions", "List versions: who, when, why, how their calls went.", "versions"),
    "diff": Place("dialplan_versions", "Show line by line how two versions differ.", "diff"),
    "promote": Place("dialplan_versions", "Make the version that is tried on a share live for everybody.", "promote"),
    "rollback": Place("dialplan_versions", "Make an older version live again.", "rollback"),
    "replay": Place("dialplan_replay", "Lead the calls of a day through a draft: which would end differently?"),
    "import": Place("dialplan_import", "Make a dialplan folder of Asterisk's extensions.conf."),
    "reference": Place("dialplan_list", "Print the reference of every step, key and outcome.", "reference"),
}


@click.group(name="dialplan", cls=LazyGroup, places=COMMANDS)
def command() -> None:
    """Check, try, test, draw and change call flows."""
