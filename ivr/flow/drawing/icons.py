"""The colour and the sign of each kind of step in a picture. Pure data.

Colours are Okabe and Ito's eight, made darker for white signs and print: they stay apart for colour-blind eyes, and
the kind is written on every card besides. Signs are lines on a field of 16 by 16.
"""

from __future__ import annotations

BLUE, GREEN, ORANGE, PURPLE, RED, GREY, BLACK, TEAL = (
    "#0072b2", "#00795a", "#b35900", "#8f3f74", "#b8400e", "#5b6770", "#24292f", "#2c7a9c",
)  # fmt: skip
START = "#24292f"

LOOK = {
    "say": (BLUE, "M3 4h10v6H8l-3 3v-3H3z"),
    "announce": (BLUE, "M3 7v2h2l5 3V4L5 7zM12 6v4M14 5v6"),
    "status": (BLUE, "M2 8h3l2-4 3 8 2-4h2"),
    "menu": (PURPLE, "M4 4h1M8 4h1M12 4h1M4 8h1M8 8h1M12 8h1M4 12h1M8 12h1M12 12h1"),
    "collect": (PURPLE, "M6 3L5 13M11 3l-1 10M3 6h10M3 10h10"),
    "identify": (PURPLE, "M8 3a2.4 2.4 0 1 1 0 5a2.4 2.4 0 1 1 0-5M3.5 13c0-5 9-5 9 0"),
    "survey": (PURPLE, "M8 2.5l1.7 3.6 3.9.5-2.9 2.7.8 3.9L8 11.3l-3.5 1.9.8-3.9L2.4 6.600l3.9-.5z"),
    "hours": (ORANGE, "M8 2.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0-11M8 5v3.200l2.5 1.5"),
    "branch": (ORANGE, "M8 13V9L4 5V3M8 9l4-4V3"),
    "queue": (GREEN, "M5.5 4a1.8 1.8 0 1 1 0 3.600a1.8 1.8 0 1 1 0-3.600M2 13c0-4.5 7-4.5 7 0M11 4.5"
              "a1.5 1.5 0 1 1 0 3M11.5 9c2 .4 2.5 2 2.5 4"),
    "transfer": (GREEN, "M3 8h9M9 4.5L12.5 8 9 11.5"),
    "callback": (GREEN, "M13 8A5 5 0 1 1 8 3M8 3h4M8 3l3-2M8 3l3 2"),
    "message": (GREEN, "M2.5 4.5h11v7.5h-11zM2.5 4.5L8 9l5.5-4.5"),
    "language": (TEAL, "M8 2.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0-11M2.5 8h11M8 2.5c-3.5 3-3.5 8 0 11"
                 "M8 2.5c3.5 3 3.5 8 0 11"),
    "set": (TEAL, "M4 6.5h8M4 10h8"),
    "webhook": (TEAL, "M5 12.5h6.5a2.5 2.5 0 0 0 0-5a3.8 3.8 0 0 0-7.2 0A2.5 2.5 0 0 0 5 12.5z"),
    "goto": (GREY, "M4 3v6h8M9.5 6l3 3-3 3"),
    "invoke": (RED, "M2.5 2.5h11v11h-11zM6 6h4v4H6z"),
    "return": (RED, "M13 12V7H4M7 4L4 7l3 3"),
    "pass": (RED, "M3 4l4 4-4 4M8 4l4 4-4 4"),
    "hangup": (BLACK, "M5 5h6v6H5z"),
    "": (START, "M4 2.5l2.5.5.7 2.7-1.5 1.300c.8 1.8 2 3 3.7 3.800l1.3-1.5 2.7.8.3 2.400c-5 2.5-12-5-9.7-10z"),
}  # fmt: skip
UNKNOWN = (GREY, "M6 6a2 2 0 1 1 2.5 2.200V10M8.5 12v.5")


def look(kind: str) -> tuple[str, str]:
    """Return colour and sign of `kind`; of a kind without its own, a grey question mark."""
    return LOOK.get(kind, UNKNOWN)
