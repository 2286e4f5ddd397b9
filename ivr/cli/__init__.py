"""Command line `ivr`: parses, calls, prints; no logic. Commands load when used, so that help is quick."""

from __future__ import annotations

import importlib
import sys

import click

from ivr.cli.complaint import EXPECTED, check_arguments, complaint
from ivr.errors import nearest

COMMANDS = {
    "setup": "Bring native parts, render prompts, prepare database and secrets.",
    "run": "Set up, then run the whole hotline in the foreground.",
    "doctor": "Check every part and say how to mend what is wrong.",
    "announce": "Put an announcement on the phones, list, change and end them.",
    "customers": "Import and look up customers.",
    "agent": "Add, change and import agents, sign them in and out.",
    "queue": "Show who waits and why; move calls, change their priority.",
    "callback": "List callers who are called back, and cancel it.",
    "message": "List messages callers left, and close them.",
    "call": "List calls and tell a call's story.",
    "dialplan": "Check and try call flows.",
    "prompts": "Render, import and audit prompts.",
    "phone": "Place a call with a real SIP phone.",
    "demo": "Show it working: an outage, four callers, two agents.",
    "serve": "Run one controller (started by `ivr run`).",
    "native": "Start one native part (started by `ivr run`).",
}
HIDDEN = ("serve", "native")


class Commands(click.Group):
    """The lazy table of commands, with the nearest name for a wrong one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in COMMANDS if name not in HIDDEN]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"ivr.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = nearest(args[0], COMMANDS)
            ctx.fail(f"no command {args[0]!r}" + (f"; did you mean {near!r}?" if near else "; see ivr --help"))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in self.list_commands(ctx)])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
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
