"""Where a call is in its flows: written into the channel, read by a second controller that takes it over. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from ivr.call import DISPOSITIONS
from ivr.flow.model import Flow
from ivr.flow.state import VARIABLES_MOST

VARIABLES_CHARS = 1500  # an AGI line of Asterisk holds 2048
Frame = tuple[str, str]
"""A flow and its step; of all frames but the last the step is an `invoke`."""


def write_place(frames: list[Frame], reached: str = "") -> str:
    """Return `frames` as text: `main.pay>payment.ask`; with what he has reached so far: `main.survey~agent`."""
    return ">".join(f"{flow}.{step}" for flow, step in frames) + (f"~{reached}" if reached else "")


def read_place(text: str, flows: Mapping[str, Flow]) -> list[Frame]:
    """Return the frames written in `text`; [] when some step or flow is not there (any more)."""
    frames = []
    for part in text.partition("~")[0].split(">"):
        flow, _, step = part.partition(".")
        if flow not in flows or step not in flows[flow].steps:
            return []
        frames.append((flow, step))
    fits = all(flows[flow].steps[step].kind == "invoke" for flow, step in frames[:-1])  # an invoked flow may pass on
    return frames if fits else []


def read_reached(text: str) -> str:
    """Return what was reached before the place written in `text`, as a disposition; '' for nothing, or no such."""
    reached = text.partition("~")[2]
    return reached if reached in DISPOSITIONS else ""


def write_variables(variables: Mapping[str, str]) -> str:
    """Return variables as text that a channel can hold: no quote, no line break, whatever the values are.

    Those that no longer fit are left out whole: half a value would be a wrong one.
    """
    text = ""
    for name, value in variables.items():
        longer = f"{text}&{urlencode({name: value})}".lstrip("&")
        text = longer if len(longer) <= VARIABLES_CHARS else text
    return text


def read_variables(text: str) -> dict[str, str]:
    """Return the variables written in `text`; {} for what is none."""
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=VARIABLES_MOST))
    except ValueError:
        return {}
