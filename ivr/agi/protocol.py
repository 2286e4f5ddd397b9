"""FastAGI as bytes and events, without I/O. Imports neither asyncio nor sockets; `ivr.agi.channel` feeds it.

A `Parser` takes bytes in pieces of any size and gives the same events as for the whole: one `HeaderBlock`,
then `Reply` and `HungUp`, or `Broken` once a limit is passed (nothing follows it). `command` is the only
writer. Source: res/res_agi.c of Asterisk 22; the limits below say what they lean on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

MAX_COMMAND_BYTES = 2_000  # before 22.6 Asterisk read 2,048 bytes and ran the tail as a command of its own
MAX_ARGUMENTS = 32  # res_agi.c overruns its array past MAX_ARGS 128; the longest command here has 5 words
MAX_LINE_BYTES = 16_384  # twice what Asterisk 22.6 reads (8,192); h11 allows 16,384 for a whole head
MAX_HEADER_BYTES = 32_768  # 22 keys and up to 128 agi_arg lines; a recorded block has about 600 bytes
MAX_HEADERS = 192
MAX_USAGE_BYTES = 65_536  # all lines of one 520- reply; chosen, far above the recorded one (about 400)

KNOWN_HEADERS = frozenset(
    {
        "agi_network", "agi_network_script", "agi_request", "agi_channel", "agi_language", "agi_type",
        "agi_uniqueid", "agi_version", "agi_callerid", "agi_calleridname", "agi_callingpres",
        "agi_callingani2", "agi_callington", "agi_callingtns", "agi_dnid", "agi_rdnis", "agi_context",
        "agi_extension", "agi_priority", "agi_enhanced", "agi_accountcode", "agi_threadid",
    }
)  # fmt: skip
REQUIRED_HEADERS = frozenset(
    {
        "agi_network_script", "agi_request", "agi_channel", "agi_uniqueid", "agi_callerid", "agi_context",
        "agi_extension", "agi_priority", "agi_threadid",
    }
)  # fmt: skip

_ARGUMENT = re.compile(r"agi_arg_([1-9]|[1-9]\d|1[01]\d|12[0-8])", re.ASCII)
_VERB = re.compile(r"[A-Z]+(?: [A-Z]+)*")
_NEEDS_CARE = re.compile(r'["\\\r\n\0]')
_CODE = re.compile(rb"[1-5]\d\d(?: |$)")


class HeaderBlock(NamedTuple):
    """What Asterisk tells about the call before the first command.

    headers  the first value of each known key.
    tainted  a key came twice, is unknown, or a line is no header: somebody wrote line ends into a value.
    """

    headers: Mapping[str, str]
    tainted: bool

    @property
    def token(self) -> str:
        """First part of the script path: the shared secret."""
        return self.headers["agi_network_script"].partition("/")[0]

    @property
    def path_args(self) -> tuple[str, ...]:
        """Parts of the script path after the token."""
        return tuple(part for part in self.headers["agi_network_script"].split("/")[1:] if part)


class Reply(NamedTuple):
    """The answer to one command.

    code  200, 510 unknown command, 511 dead channel, 520 usage; 100 never ends a command and is kept back.
    result  what follows `result=`, may be ''; `-1` is data.  value  text in parentheses, None when absent.
    endpos  samples played, None when absent.  text  everything after the code; a 520's lines joined by LF.
    """

    code: int
    result: str
    value: str | None
    endpos: int | None
    text: str


class HungUp(NamedTuple):
    """The bare line HANGUP: the caller left. It may come at any time, twice, and is never a reply."""


class Stray(NamedTuple):
    """A line that is neither reply nor HANGUP: the rest of a variable's value with line ends in it."""

    line: str


class Broken(NamedTuple):
    """The peer passed a limit or does not speak AGI: close. No event follows."""

    reason: str


Event = HeaderBlock | Reply | HungUp | Stray | Broken


def command(verb: str, *arguments: str) -> bytes:
    """Write one AGI command line.

    verb  upper-case words as Asterisk lists them, e.g. `STREAM FILE`.  arguments  any text, always quoted.
    Raises ValueError for CR, LF, NUL, text that is no UTF-8, too many or too long arguments.
    """
    if not _VERB.fullmatch(verb):
        raise ValueError(f"AGI command {verb!r} is not made of upper-case words")
    line = verb
    for argument in arguments:
        if _NEEDS_CARE.search(argument):
            argument = _escaped(argument)
        line += f' "{argument}"'
    if len(arguments) + verb.count(" ") + 1 > MAX_ARGUMENTS:
        raise ValueError(f"AGI {verb} has more than {MAX_ARGUMENTS} arguments")
    try:
        written = line.encode() + b"\n"
    except UnicodeEncodeError as error:
        raise ValueError(f"AGI {verb}: an argument is not valid text: {error.reason}") from None
    if len(written) > MAX_COMMAND_BYTES:
        raise ValueError(f"AGI {verb} is {len(written)} bytes long, at most {MAX_COMMAND_BYTES} are allowed")
    return written


def _escaped(argument: str) -> str:
    for sign, name in (("\n", "a line feed"), ("\r", "a carriage return"), ("\0", "a NUL")):
        if sign in argument:
            raise ValueError(f"AGI argument {argument[:40]!r} contains {name}")
    return argument.replace("\\", "\\\\").replace('"', '\\"')


class Parser:
    """One connection's incoming side: `feed` bytes, get events."""

    __slots__ = ("_between", "_headers", "_read", "_rest", "_state", "_tainted", "_usage", "_usage_bytes")

    def __init__(self) -> None:
        self._state: Callable[[bytes], Event | None] | None = self._header_line
        self._between = False  # whole lines read so far, and the next one begins a reply
        self._rest = b""
        self._read = 0  # bytes of complete header lines
        self._headers: dict[str, str] = {}
        self._tainted = False
        self._usage: list[str] = []
        self._usage_bytes = 0

    def feed(self, chunk: bytes) -> list[Event]:
        """Take the next bytes and return the events they complete."""
        if (
            self._between
            and chunk.startswith(b"200 result=")
            and chunk.find(b"\n") == len(chunk) - 1 < MAX_LINE_BYTES
        ):  # nearly every reply comes alone and whole
            return [_success(chunk[11:-1].decode("utf-8", "replace"))]
        if self._state is None:
            return []
        *lines, self._rest = (self._rest + chunk if self._rest else chunk).split(b"\n")
        events: list[Event] = []
        for line in lines:
            event = self._state(line) if len(line) <= MAX_LINE_BYTES else self._too_long()
            if event is not None:
                events.append(event)
                if type(event) is Broken:
                    return self._end(events)
        in_headers = self._state == self._header_line
        if len(self._rest) > MAX_LINE_BYTES or (in_headers and self._read + len(self._rest) > MAX_HEADER_BYTES):
            return self._end([*events, self._too_long()])
        self._between = not self._rest and self._state == self._reply_line
        return events

    def _end(self, events: list[Event]) -> list[Event]:
        self._state, self._rest, self._between = None, b"", False
        return events

    def _too_long(self) -> Broken:
        return Broken("header block too long" if self._state == self._header_line else "line too long")

    def _header_line(self, line: bytes) -> Event | None:
        self._read += len(line) + 1
        if self._read > MAX_HEADER_BYTES:
            return Broken("header block too long")
        if not line:
            return self._header_block()
        key, colon, value = line.decode("utf-8", "replace").partition(":")
        known = key in KNOWN_HEADERS or _ARGUMENT.fullmatch(key)
        if not colon or not known or key in self._headers or not value.startswith(" "):
            self._tainted = True
        if colon and known:
            if len(self._headers) >= MAX_HEADERS:
                return Broken("too many headers")
            self._headers.setdefault(key, value.removeprefix(" "))
        return None

    def _header_block(self) -> Event:
        missing = sorted(REQUIRED_HEADERS - self._headers.keys())
        if missing:
            return Broken(f"header block ends without {missing[0]}")
        self._state = self._reply_line
        return HeaderBlock(MappingProxyType(self._headers), self._tainted)

    def _reply_line(self, line: bytes) -> Event | None:
        if line.startswith(b"200 result="):
            return _success(line[11:].decode("utf-8", "replace"))
        if line == b"HANGUP":
            return HungUp()
        if line.startswith(b"520-"):
            self._usage, self._usage_bytes = [line[4:].decode("utf-8", "replace")], len(line)
            self._state = self._usage_line
            return None
        if not _CODE.match(line):
            return Stray(line.decode("utf-8", "replace"))
        if line.startswith(b"100"):
            return None
        return Reply(int(line[:3]), "", None, None, line[4:].decode("utf-8", "replace"))

    def _usage_line(self, line: bytes) -> Event | None:
        if line == b"HANGUP":
            return HungUp()
        self._usage_bytes += len(line)
        if self._usage_bytes > MAX_USAGE_BYTES:
            return Broken("usage text too long")
        text = line.decode("utf-8", "replace")
        if not text.startswith("520 ") and text != "520":
            self._usage.append(text)
            return None
        reply = Reply(520, "", None, None, "\n".join([*self._usage, text[4:]]))
        self._usage, self._state = [], self._reply_line
        return reply


def _success(text: str) -> Reply:
    """Parse what follows `200 result=`: `R`, `R (value)`, `R endpos=N`, both, or free words."""
    result, space, rest = text.partition(" ")
    if not space:
        return Reply(200, result, None, None, f"result={text}")
    value: str | None = None
    endpos: int | None = None
    if rest.startswith("("):
        inner, closed, tail = rest[1:].rpartition(")")
        value, rest = (inner, tail.lstrip(" ")) if closed else (rest[1:], "")
    if rest.startswith("endpos="):
        digits = rest[7:]
        endpos = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None
    return Reply(200, result, value, endpos, f"result={text}")
