"""A group of commands that are loaded when used, so that help and quick commands are quick."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click


@dataclass(frozen=True)
class Place:
    """Where a command is: an attribute of a module of ivr/cli. doc  its line in the group's help."""

    module: str
    doc: str
    attribute: str = "command"
    hidden: bool = False


class LazyGroup(click.Group):
    """Commands by name, in the order of `places`. What a wrong name is like, `complaint.py` tells."""

    def __init__(self, *args: Any, places: Mapping[str, Place], **values: Any) -> None:
        super().__init__(*args, **values)
        self.places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, place in self.places.items() if not place.hidden]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = self.places.get(cmd_name)
        if place is None:
            return None
        command: click.Command = getattr(importlib.import_module(f"ivr.cli.{place.module}"), place.attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.places[name].doc) for name in self.list_commands(ctx)])
