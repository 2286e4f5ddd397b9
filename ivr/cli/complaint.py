"""What is said when a command cannot be done: one clear line for each mistake. Called by the root; prints nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable

import click

from ivr.errors import ConfigError, HotlineError, InputError, nearest
from routing.errors import RoutingError

EXPECTED = (click.ClickException, HotlineError, RoutingError, OSError)
WRONG_CHOICE = re.compile(r"^'(.*)' is not one of ", re.S)
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def complaint(error: Exception) -> tuple[list[str], int]:
    """Return the lines to print for one of EXPECTED, and the exit status: 2 for what was typed, else 1."""
    if isinstance(error, click.ClickException):
        return [one_line(_usage(error))], error.exit_code
    if isinstance(error, ConfigError):
        return [one_line(str(finding)) for finding in error.findings], 1
    if isinstance(error, RoutingError):
        return [one_line(f"{error}; is the hotline running? `make run`")], 1
    if isinstance(error, OSError) and error.strerror:
        files = [str(name) for name in (error.filename, error.filename2) if name is not None]
        return [one_line(": ".join((" -> ".join(files), error.strerror) if files else (error.strerror,)))], 1
    return [one_line(str(error) or type(error).__name__)], 2 if isinstance(error, InputError) else 1


def check_arguments(arguments: Iterable[str]) -> None:
    """Raise InputError for text no command takes: not UTF-8, or with control characters other than tab and line end."""
    for number, text in enumerate(arguments, 1):
        if not text.isprintable():
            if any("\ud800" <= char <= "\udfff" for char in text):
                raise InputError(f"argument {number} is not UTF-8: {text[:60]!r}")
            if CONTROL.search(text):
                raise InputError(f"argument {number} holds a control character: {text[:60]!r}; expected plain text")


def one_line(text: str) -> str:
    """Return `text` as one line that no terminal takes for a command."""
    joined = " ".join(text.split())
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in joined)


def _usage(error: click.ClickException) -> str:
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    if ctx is None:
        return error.format_message()
    where = ctx.command_path.partition(" ")[2]
    return (f"{where}: " if where else "") + _wrong(error, ctx)


def _wrong(error: click.ClickException, ctx: click.Context) -> str:
    see = f"see `{ctx.command_path} --help`"
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and isinstance(ctx.command, click.Group):
        return f"a command is missing; expected one of {', '.join(ctx.command.list_commands(ctx))}"
    if isinstance(error, click.exceptions.NoSuchCommand) and isinstance(ctx.command, click.Group):
        known = ctx.command.list_commands(ctx)
        return f"no command {error.command_name!r}; {_hint(error.command_name, known)}"
    if isinstance(error, click.NoSuchOption):
        options = [param for param in ctx.command.get_params(ctx) if isinstance(param, click.Option)]
        near = nearest(error.option_name, [name for option in options for name in option.opts])
        return f"no option {error.option_name!r}; " + (f"did you mean {near!r}?" if near else see)
    if isinstance(error, click.MissingParameter) and error.param is not None:
        name = error.param.opts[0] if isinstance(error.param, click.Option) else error.param.make_metavar(ctx)
        return f"{name} is missing; {see}"
    if isinstance(error, click.BadParameter) and error.param is not None:
        name = error.param.opts[0] if isinstance(error.param, click.Option) else error.param.make_metavar(ctx)
        wrong = WRONG_CHOICE.match(error.message)
        if wrong and isinstance(error.param.type, click.Choice):
            return f"{name}: no {wrong[1]!r}; {_hint(wrong[1], [str(choice) for choice in error.param.type.choices])}"
        return f"{name}: {error.message.rstrip('.')}"
    return f"{error.format_message().rstrip('.')}; {see}"


def _hint(name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = nearest(name, names)
    return f"did you mean {near!r}?" if near else f"expected one of {', '.join(names)}"
