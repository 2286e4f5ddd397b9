"""ivr.ami.protocol: bytes to messages whatever the pieces, one action out whatever the text."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.ami import protocol
from ivr.ami.protocol import Banner, Broken, Event, Incoming, Junk, Parser, Response, action
from tests.support import recordings

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
ANYTHING = st.one_of(
    st.binary(max_size=200),
    st.lists(
        st.sampled_from(
            [b"\r\n", b"\r", b"\n", b"Event: Hangup\r\n", b"Response: Success\r\n", b"ActionID: 1\r\n",
             b"Key:", b": ", b":", b"\xff\xc5", b"ChanVariable: a=b\r\n", BANNER, b"EventList: Complete\r\n", b"\0"]
        ),
        max_size=40,
    ).map(b"".join),
)  # fmt: skip


def incoming(*chunks: bytes) -> list[Incoming]:
    parser = Parser()
    return [found for chunk in chunks for found in parser.feed(chunk)]


def messages(data: bytes) -> list[Incoming]:
    return incoming(BANNER + data)[1:]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"Response: Success\r\nPing: Pong\r\n\r\n", Response((("Response", "Success"), ("Ping", "Pong")))),
        (b"\r\n\r\nEvent: Hangup\r\n\r\n", Event((("Event", "Hangup"),))),
        (b"Event: X\r\nAccountCode: \r\nB:b\r\nC:  c\r\n\r\n",
         Event((("Event", "X"), ("AccountCode", ""), ("B", "b"), ("C", " c")))),
        (b"Event: X\r\nNo colon\r\n\r\n", Event((("Event", "X"), ("", "No colon")))),
        (b"Event: X\r\nName: a\nEvent: Forged\n\n\rb\r\n\r\n",
         Event((("Event", "X"), ("Name", "a\nEvent: Forged\n\n\rb")))),
        (b"Event: X\r\nName: a\xe2\x80\xa8b\r\n\r\n", Event((("Event", "X"), ("Name", "a\u2028b")))),
        (b"Event: X\r\nName: \xc5\r\n\r\n", Event((("Event", "X"), ("Name", "\ufffd")))),
        (b"ActionID: 1\r\n\r\n", Junk((("ActionID", "1"),))),
    ],
)  # fmt: skip
def test_reads_messages(sent: bytes, expected: Incoming) -> None:
    """Only CR LF ends a line; odd lines and bytes stay inside their message."""
    assert [expected] == messages(sent)


def test_keeps_every_value_of_a_repeated_key() -> None:
    """One event carries ChanVariable once per variable."""
    (event,) = messages(b"Event: X\r\nChanVariable: a=1\r\nChanVariable: b=2\r\n\r\n")

    assert isinstance(event, Event)
    assert (event.all("ChanVariable"), event["ChanVariable"]) == (("a=1", "b=2"), "a=1")
    assert "ChanVariable" in event
    with pytest.raises(KeyError):
        event["chanvariable"]


def test_tells_lists_and_errors() -> None:
    """A response says whether it succeeded and whether events follow."""
    found = [m for m in incoming(recordings.received("ami-actions")) if isinstance(m, Response)]

    assert [m.success for m in found] == [True, True, False, True, False, True, False, False, False, True]
    assert [m.action_id for m in found if m.starts_list] == ["h-10"]


@pytest.mark.parametrize("name", [n for n in recordings.names() if n.startswith("ami-")])
def test_reads_real_traffic_byte_by_byte(name: str) -> None:
    """Every recorded session gives each message with keys and values in order, in single bytes as well."""
    data = recordings.received(name)
    found = incoming(*(data[i : i + 1] for i in range(len(data))))

    assert incoming(data) == found
    assert Banner("11.0.0") == found[0]
    assert [tuple(block) for block in recordings.blocks(name)] == [m.fields for m in found[1:]]  # type: ignore[union-attr]


@given(data=ANYTHING, cuts=st.lists(st.integers(0, 3000), max_size=12), banner=st.booleans())
def test_pieces_do_not_matter(data: bytes, cuts: list[int], banner: bool) -> None:
    """Feeding at any splits gives the messages of feeding whole."""
    data = BANNER + data if banner else data
    edges = sorted({0, len(data), *(c % (len(data) + 1) for c in cuts)})

    assert incoming(data) == incoming(*(data[a:b] for a, b in itertools.pairwise(edges)))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "no AMI greeting"),
        (b"x" * 70_000, "line too long"),
        (BANNER + b"Event: " + b"x" * 70_000, "line too long"),
        (BANNER + b"Event: " + b"x" * 70_000 + b"\r\n\r\n", "line too long"),
        (BANNER + b"Event: X\r\n" + b"A: b\r\n" * 3000, "message too long"),
        (BANNER + b"Event: X\r\n" + (b"A: " + b"b" * 60_000 + b"\r\n") * 20, "message too long"),
    ],
)
def test_gives_up_past_a_limit(data: bytes, reason: str) -> None:
    """Nothing grows without bound, whole or in pieces, and nothing follows the end."""
    parser = Parser()
    found = parser.feed(data)

    assert Broken(reason) == found[-1]
    assert parser.feed(b"Event: X\r\n\r\n") == []
    assert Broken(reason) == incoming(*(data[i : i + 4000] for i in range(0, len(data), 4000)))[-1]


def test_a_line_of_the_greatest_length_survives_a_cut_in_its_end() -> None:
    """A CR that may begin the line's end does not count against the limit."""
    line = b"Event: " + b"x" * (protocol.MAX_LINE_BYTES - 7)

    assert [Event] == [type(m) for m in incoming(BANNER, line + b"\r", b"\n\r\n")[1:]]


KEY = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,20}", fullmatch=True).filter(
    lambda key: key.lower() not in ("action", "actionid")
)
VALUE = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=60)


@settings(max_examples=40)
@given(VALUE, st.dictionaries(KEY, st.one_of(VALUE, st.lists(VALUE, max_size=4)), max_size=8))
def test_writes_exactly_one_action(name: str, headers: dict[str, str | list[str]]) -> None:
    """Any text without line ends comes out as it went in, in one action."""
    written = action(name, "h-1", headers)
    expected = [("Action", name), ("ActionID", "h-1")]
    for key, value in headers.items():
        expected += [(key, item) for item in ([value] if isinstance(value, str) else value)]

    assert written.count(b"\r\n\r\n") == 1
    assert written.endswith(b"\r\n\r\n")
    assert expected == [tuple(line.split(": ", 1)) for line in written.decode().split("\r\n")[:-2]]


@pytest.mark.parametrize(
    ("name", "headers", "why"),
    [
        ("Ping\r", {}, "carriage return"),
        ("Ping\r\n", {}, "line feed"),
        ("Ping", {"Variable": "a\nAction: Originate"}, "line feed"),
        ("Ping", {"Variable": ["ok", "a\0"]}, "NUL"),
        ("Ping", {"A: b\r\nC": "x"}, "name of letters"),
        ("Ping", {"": "x"}, "name of letters"),
        ("Ping", {"Action": "Originate"}, "written by the client"),
        ("Ping", {"actionid": "1"}, "written by the client"),
        ("Ping", {"Variable": "x" * 1000}, "bytes long"),
        ("Ping", {"Variable": "\ud800"}, "not valid text"),
        ("Ping", {"Variable": ["x"] * 99}, "more than 100 lines"),
    ],
)
def test_refuses_what_would_be_more_than_one_action(
    name: str, headers: dict[str, str | list[str]], why: str
) -> None:
    """Line ends, odd keys, and what Asterisk would cut raise before anything is written."""
    with pytest.raises(ValueError, match=why):
        action(name, "h-1", headers)
