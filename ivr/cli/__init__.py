"""Command line `ivr`: parses, calls, prints; no logic. Commands load when used, so that help is quick."""

from __future__ import annotations

import sys

import click

from ivr.cli.complaint import EXPECTED, check_arguments, complaint
from ivr.cli.lazy import LazyGroup, Place

COMMANDS = {
    "setup": Place("setup", "Bring native parts, render prompts, prepare database and secrets."),
    "run": Place("run", "Set up, then run the whole hotline in the foreground."),
    "doctor": Place("doctor", "Check every part and say how to mend what is wrong."),
    "announce": Place("announce", "Put an announcement on the phones, list, change and end them."),
    "customers": Place("customers", "Import and look up customers."),
    "agent": Place("agent", "Add, change and import agents, sign them in and out."),
    "queue": Place("queue", "Show who waits and why; move calls, change their priority."),
    "callback": Place("callback", "List callers who are called back, and cancel it."),
    "restoration": Place("restoration", "Who wants to be told that it works again, and what they say."),
    "message": Place("message", "List messages callers left, and close them."),
    "survey": Place("survey", "List and sum up what callers answered in surveys."),
    "call": Place("call", "List calls and tell a call's story."),
    "dialplan": Place("dialplan", "Check, try, test, draw and change call flows."),
    "prompts": Place("prompts", "Render, import and audit prompts."),
    "phone": Place("phone", "Place a call with a real SIP phone."),
    "user": Place("user", "Who may use the page: add users, their roles, one-time passwords."),
    "audit": Place("audit", "Who did what on the page; check that nothing was rewritten."),
    "demo": Place("demo", "Show it working: an outage, four callers, two agents."),
    "serve": Place("serve", "Run one controller (started by `ivr run`).", hidden=True),
    "web": Place("web", "Serve the page and its API (started by `ivr run`).", hidden=True),
    "native": Place("native", "Start one native part (started by `ivr run`).", hidden=True),
}


@click.group(
    cls=LazyGroup,
    places=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
def cli() -> None:
    """Hotline: answers a company's phone, says what is already known, and brings the others to an agent."""


def main() -> None:
    """Run the command line; what goes wrong becomes one clear line and exit status 1 (2: what was typed is wrong)."""
    try:
        check_arguments(sys.argv[1:])
        cli.main(prog_name="ivr", standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.Abort:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
    except EXPECTED as error:
        if isinstance(error, click.exceptions.NoArgsIsHelpError) and error.ctx is not None and error.ctx.parent is None:
            click.echo(error.ctx.get_help(), err=True)
            sys.exit(2)
        lines, status = complaint(error)
        for line in lines:
            click.echo(f"ivr: {line}", err=True)
        sys.exit(status)
