"""ivr.agi.protocol: bytes to events whatever the pieces, one command out whatever the text."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.agi import protocol
from ivr.agi.protocol import Broken, HeaderBlock, HungUp, Parser, Reply, Stray, command
from tests.support import recordings
from tests.support.fake_call import split_command

HEADERS = recordings.received("agi-commands").partition(b"\n\n")[0] + b"\n\n"

ANYTHING = st.one_of(
    st.binary(max_size=200),
    st.lists(
        st.sampled_from(
            [b"200 result=", b"200 result=1 (", b")", b"\n", b"HANGUP\n", b"520-", b"520 ", b"100 Trying\n",
             b"511 dead\n", b"-1", b"endpos=", b"agi_callerid: x\n", b"agi_", b": ", b"\xff", b"\r", HEADERS]
        ),
        max_size=30,
    ).map(b"".join),
)  # fmt: skip


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(c % (len(data) + 1) for c in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def events_of(*chunks: bytes) -> list[protocol.Event]:
    parser = Parser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


def replies(data: bytes) -> list[protocol.Event]:
    return events_of(HEADERS + data)[1:]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"200 result=0\n", [Reply(200, "0", None, None, "result=0")]),
        (b"200 result=-1\n", [Reply(200, "-1", None, None, "result=-1")]),
        (b"200 result=\n", [Reply(200, "", None, None, "result=")]),
        (b"200 result= (timeout)\n", [Reply(200, "", "timeout", None, "result= (timeout)")]),
        (b"200 result=1 ()\n", [Reply(200, "1", "", None, "result=1 ()")]),
        (b"200 result=1 (a (b) c)\n", [Reply(200, "1", "a (b) c", None, "result=1 (a (b) c)")]),
        (b"200 result=49 endpos=4000\n", [Reply(200, "49", None, 4000, "result=49 endpos=4000")]),
        (b"200 result=1 (x) endpos=7\n", [Reply(200, "1", "x", 7, "result=1 (x) endpos=7")]),
        (b"200 result=0 endpos=\xd9\xa3\n", [Reply(200, "0", None, None, "result=0 endpos=٣")]),
        (b"200 result=0 Gosub complete\n", [Reply(200, "0", None, None, "result=0 Gosub complete")]),
        (b"510 Invalid\n", [Reply(510, "", None, None, "Invalid")]),
        (b"511 Dead\n", [Reply(511, "", None, None, "Dead")]),
        (b"520-Usage:\nline\n520 End\n", [Reply(520, "", None, None, "Usage:\nline\nEnd")]),
        (b"100 result=0 Trying...\n", []),
        (b"HANGUP\n", [HungUp()]),
        (b"HANGUP\n200 result=-1\n", [HungUp(), Reply(200, "-1", None, None, "result=-1")]),
        (b"520-Usage:\nHANGUP\n520 End\n", [HungUp(), Reply(520, "", None, None, "Usage:\nEnd")]),
        (b"HANGUP now\n", [Stray("HANGUP now")]),
        (b"\n", [Stray("")]),
        (b"200 result=1 (one\ntwo)\n", [Reply(200, "1", "one", None, "result=1 (one"), Stray("two)")]),
    ],
)  # fmt: skip
def test_reads_every_kind_of_reply(sent: bytes, expected: list[protocol.Event]) -> None:
    """Each form res_agi.c writes has one reading, and HANGUP is never a reply."""
    assert expected == replies(sent)


def test_reads_the_header_block() -> None:
    """Token, path and values are those the dialplan gave; a clean block is not tainted."""
    (block,) = events_of(HEADERS)

    assert isinstance(block, HeaderBlock)
    assert (block.token, block.path_args, block.tainted) == ("TOKEN", ("one", "two"), False)
    assert (block.headers["agi_callerid"], block.headers["agi_accountcode"]) == ("+48225550100", "")


@pytest.mark.parametrize(
    "injected",
    [
        b"agi_extension: 911",
        b"agi_uniqueid: 1.1",
        b"agi_secret: 1",
        b"no colon at all",
        b"agi_arg_0: x",
        b"agi_arg_129: x",
        "agi_arg_١: x".encode(),
        b"agi_dnid:666",
        b"Agi_dnid: 666",
    ],
)
def test_taints_a_forged_header_block(injected: bytes) -> None:
    """A line end smuggled into a caller's name shows as a duplicate, unknown or malformed key."""
    forged = HEADERS.replace(b"agi_calleridname: Jan\n", b"agi_calleridname: Jan\n" + injected + b"\n")
    (block,) = events_of(forged)

    assert isinstance(block, HeaderBlock)
    assert block.tainted


def test_keeps_the_first_value_of_a_key() -> None:
    """The call id, written before any caller's text, cannot be replaced."""
    (block,) = events_of(HEADERS.replace(b"agi_callerid:", b"agi_uniqueid: 6.6\nagi_callerid:"))

    assert isinstance(block, HeaderBlock)
    assert recordings.lines("agi-commands")[6][1] == f"agi_uniqueid: {block.headers['agi_uniqueid']}"


def test_refuses_a_header_block_cut_short_by_a_forged_blank_line() -> None:
    """A blank line in the caller's name would turn the rest of the block into replies."""
    events = events_of(HEADERS.replace(b"Jan\n", b"Jan\n\n200 result=1\n"))

    assert [Broken("header block ends without agi_context")] == events


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"agi_request: " + b"x" * 40_000, "header block too long"),
        (b"agi_request: x\n" * 3000, "header block too long"),
        (HEADERS + b"x" * 20_000, "line too long"),
        (HEADERS + b"200 result=1 (" + b"x" * 20_000 + b")\n", "line too long"),
        (HEADERS + b"520-a\n" + b"b" * 900 + b"\n" + (b"c" * 900 + b"\n") * 80, "usage text too long"),
    ],
)
def test_gives_up_past_a_limit(data: bytes, reason: str) -> None:
    """Nothing grows without bound, and nothing follows the end."""
    parser = Parser()
    events = parser.feed(data)

    assert Broken(reason) == events[-1]
    assert parser.feed(b"200 result=0\n") == []


@given(data=ANYTHING, cuts=st.lists(st.integers(0, 5000), max_size=12), headers=st.booleans())
def test_pieces_do_not_matter(data: bytes, cuts: list[int], headers: bool) -> None:
    """Feeding at any splits gives the events of feeding whole."""
    data = HEADERS + data if headers else data

    assert events_of(data) == events_of(*pieces(data, cuts))


@pytest.mark.parametrize("name", [n for n in recordings.names() if n.startswith("agi-")])
def test_reads_real_traffic_byte_by_byte(name: str) -> None:
    """Every recorded session is read without a stray line, in single bytes as well."""
    data = recordings.received(name)
    events = events_of(*(data[i : i + 1] for i in range(len(data))))

    assert events_of(data) == events
    assert not [e for e in events if isinstance(e, Stray | Broken)]
    assert isinstance(events[0], HeaderBlock)
    assert not events[0].tainted


@given(st.lists(st.binary(min_size=1, max_size=3000), max_size=30))
def test_memory_is_bounded(chunks: list[bytes]) -> None:
    """Whatever comes, at most one line is kept."""
    parser = Parser()
    for chunk in chunks:
        parser.feed(chunk)

    assert len(parser._rest) <= protocol.MAX_LINE_BYTES


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=60)


@given(st.lists(TEXT, max_size=10))
def test_writes_exactly_one_command(arguments: list[str]) -> None:
    """Any text without line ends comes out of Asterisk's splitter as it went in, on one line."""
    line = command("SET VARIABLE", *arguments)

    assert line.count(b"\n") == 1
    assert ["SET", "VARIABLE", *arguments] == split_command(line.decode().removesuffix("\n"))


@given(st.text(max_size=30), st.sampled_from("\r\n\0"), st.text(max_size=30))
def test_refuses_line_ends(before: str, sign: str, after: str) -> None:
    """CR, LF or NUL anywhere in an argument: nothing is written."""
    with pytest.raises(ValueError, match="AGI"):
        command("EXEC", "Playback", before + sign + after)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("get variable", "x"), "upper-case"),
        (("GET VARIABLE\nHANGUP", "x"), "upper-case"),
        (("", "x"), "upper-case"),
        (("EXEC", *"x" * 32), "more than 32"),
        (("EXEC", "x" * 2000), "bytes long"),
        (("EXEC", "ż" * 1000), "bytes long"),
        (("EXEC", "\ud800"), "not valid text"),
    ],
)
def test_refuses_what_asterisk_would_misread(words: tuple[str, ...], why: str) -> None:
    """Too many or too long arguments would run as other commands or overrun a buffer."""
    with pytest.raises(ValueError, match=why):
        command(*words)


def test_longest_command_is_allowed() -> None:
    assert len(command("EXEC", "x" * (2000 - 8))) == protocol.MAX_COMMAND_BYTES


@settings(max_examples=50)
@given(st.lists(st.text(max_size=40), max_size=40))
def test_writer_never_exceeds_the_limits(arguments: list[str]) -> None:
    try:
        line = command("EXEC", *arguments)
    except ValueError:
        return

    assert len(line) <= protocol.MAX_COMMAND_BYTES
    assert len(arguments) < protocol.MAX_ARGUMENTS
