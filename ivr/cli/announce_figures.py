"""`ivr announce figures`: what an announcement achieved, in total and by version."""

from __future__ import annotations

import click

from ivr.cli.announce_desk import Desk
from ivr.cli.table import print_table
from ivr.record.figures import AnnouncementFigures, Counts, Figures


async def tell_figures(desk: Desk, announcement: str, again_hours: float) -> None:
    """Print the figures of an announcement."""
    version = await desk.publisher.store.last(announcement)
    figures = await AnnouncementFigures(desk.publisher.database).of(
        version.announcement_id, desk.now, again_hours=again_hours
    )
    click.echo(f"{version.announcement_id}: for {version.target}, service {version.service or 'all'}")
    head = ("version", "reached", "heard 80 %", "pressed a key", "agent", "other problem", "hung up", "deflected",
            "so far", "first heard")  # fmt: skip
    rows = [_row(str(each.version), each.counts, each.first_heard_s) for each in figures.versions]
    print_table(head, [*rows, _row("all", figures.total, figures.first_heard_s)], empty="")
    for line in lines(figures):
        click.echo(f"  {line}")


def _row(name: str, counts: Counts, first_s: float | None) -> tuple[str, ...]:
    numbers = (counts.matched, counts.heard, counts.barged_in, counts.chose_agent, counts.different, counts.hung_up,
               counts.deflected, counts.deflected_so_far)  # fmt: skip
    return (name, *map(str, numbers), _seconds(first_s))


def lines(figures: Figures) -> list[str]:
    """Return what is told below the table."""
    told = [f"deflected: heard it, ended in the menu, no other call within {figures.again_hours:g} h; "
            "so far: of whom that time is not over"]  # fmt: skip
    if figures.total.wrong_match_rate is not None:
        told.append(f"about something else: {figures.total.wrong_match_rate:.0%}")
    if figures.lag_s is not None:
        told.append(f"first call to publication: {_seconds(figures.lag_s)}")
    if figures.saved_min is not None:
        told.append(f"agents' time saved, estimated: {figures.saved_min:.0f} min "
                    f"(a talk lasts {figures.mean_talk_s:.0f} s)")  # fmt: skip
    opt_ins = figures.opt_ins
    if opt_ins.asked:
        rate = "" if opt_ins.still_out_rate is None else f", still out {opt_ins.still_out_rate:.0%}"
        told.append(f"asked to be told: {opt_ins.asked}, reached {opt_ins.reached}{rate}")
    return told


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
