"""The Asterisk Manager Interface as bytes and messages, without I/O. Imports neither asyncio nor sockets.

A `Parser` takes bytes in pieces of any size and gives the same events as for the whole: `Banner` once, then
`Response` and `Event`, or `Broken` once a limit is passed (nothing follows it). `action` is the only writer.
Lines end with CR LF and with nothing else: a caller's name with a bare LF in it stays one value. Used by
`ivr.ami.client`. Source: main/manager.c of Asterisk 22.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

MAX_LINE_BYTES = 65_536  # h11 allows 16,384 for a whole head; a channel variable in an event may have 8,192
MAX_FIELDS = 2_048  # an event has about 20 fields; one ChanVariable more for each of up to four channels
MAX_MESSAGE_BYTES = 1_048_576  # aiohttp stops reading a request body there
MAX_ACTION_LINE_BYTES = 1_000  # manager.c drops input lines of 1,024 bytes and more
MAX_ACTION_FIELDS = 100  # manager.c keeps AST_MAX_MANHEADERS 128

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_BANNER = b"Asterisk Call Manager/"


@dataclass(frozen=True, slots=True)
class Message:
    """Keys and values in the order they came; `message[key]` is the first value of `key`.

    A line that is no `Key: value` is kept with the key ''.
    """

    fields: tuple[tuple[str, str], ...]

    def __getitem__(self, key: str) -> str:
        for name, value in self.fields:
            if name == key:
                return value
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return any(name == key for name, _ in self.fields)

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.fields)

    def get(self, key: str, default: str = "") -> str:
        """Return the first value of `key`."""
        for name, value in self.fields:
            if name == key:
                return value
        return default

    def all(self, key: str) -> tuple[str, ...]:
        """Return every value of `key`: `ChanVariable` comes once per variable and channel."""
        return tuple(value for name, value in self.fields if name == key)

    @property
    def action_id(self) -> str:
        return self.get("ActionID")


@dataclass(frozen=True, slots=True)
class Event(Message):
    """Something happened; also one item of a list that was asked for (then it carries the ActionID)."""

    @property
    def name(self) -> str:
        return self.fields[0][1]


@dataclass(frozen=True, slots=True)
class Response(Message):
    """The answer to one action."""

    @property
    def success(self) -> bool:
        return self.fields[0][1] in ("Success", "Goodbye", "Follows")

    @property
    def starts_list(self) -> bool:
        """Events with this ActionID follow, up to one with `EventList: Complete`."""
        return self.get("EventList").lower() == "start"


@dataclass(frozen=True, slots=True)
class Banner:
    """The greeting. version  of the protocol, not of Asterisk."""

    version: str


@dataclass(frozen=True, slots=True)
class Junk:
    """A message that begins with neither Event nor Response."""

    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Broken:
    """The peer passed a limit or does not speak AMI: close. Nothing follows."""

    reason: str


Incoming = Banner | Response | Event | Junk | Broken


def action(name: str, action_id: str, headers: Mapping[str, str | Sequence[str]] | None = None) -> bytes:
    """Write one action. A sequence as value gives one line per item (`Variable`).

    Raises ValueError, and writes nothing, for CR, LF or NUL anywhere, a key that is no key, text that is no
    UTF-8, a line or a number of lines Asterisk would drop.
    """
    lines = [_line("Action", name), _line("ActionID", action_id)]
    for key, value in (headers or {}).items():
        if key.lower() in ("action", "actionid"):
            raise ValueError(f"AMI header {key!r} is written by the client itself")
        if isinstance(value, str):
            lines.append(_line(key, value))
        else:
            lines.extend(_line(key, item) for item in value)
    if len(lines) > MAX_ACTION_FIELDS:
        raise ValueError(f"AMI action {name!r} has more than {MAX_ACTION_FIELDS} lines")
    return b"".join(lines) + b"\r\n"


def _line(key: str, value: str) -> bytes:
    if not _KEY.fullmatch(key):
        raise ValueError(f"AMI header {key[:40]!r} is not a name of letters, digits and '-'")
    for sign, what in (("\n", "a line feed"), ("\r", "a carriage return"), ("\0", "a NUL")):
        if sign in value:
            raise ValueError(f"AMI {key} contains {what}: {value[:40]!r}")
    try:
        line = f"{key}: {value}\r\n".encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"AMI {key} is not valid text: {error.reason}") from None
    if len(line) > MAX_ACTION_LINE_BYTES:
        raise ValueError(f"AMI {key} is {len(line)} bytes long, at most {MAX_ACTION_LINE_BYTES} are allowed")
    return line


class Parser:
    """One connection's incoming side: `feed` bytes, get events."""

    __slots__ = ("_broken", "_bytes", "_fields", "_greeted", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._fields: list[tuple[str, str]] = []
        self._bytes = 0  # of the message being read
        self._greeted = False
        self._broken = False

    def feed(self, chunk: bytes) -> list[Incoming]:
        """Take the next bytes and return what they complete."""
        if self._broken:
            return []
        *lines, self._rest = (self._rest + chunk if self._rest else chunk).split(b"\r\n")
        found: list[Incoming] = []
        for line in lines:
            incoming = self._line(line)
            if incoming is not None:
                found.append(incoming)
                if type(incoming) is Broken:
                    return self._break(found)
        if self._pending() > MAX_LINE_BYTES:
            found.append(Broken("line too long"))
            return self._break(found)
        return found

    def _pending(self) -> int:
        """Bytes of the unfinished line; a last CR may yet turn out to be part of its end."""
        return len(self._rest) - self._rest.endswith(b"\r")

    def _break(self, found: list[Incoming]) -> list[Incoming]:
        self._broken, self._rest, self._fields = True, b"", []
        return found

    def _line(self, line: bytes) -> Incoming | None:
        if len(line) > MAX_LINE_BYTES:
            return Broken("line too long")
        if not self._greeted:
            self._greeted = True
            if not line.startswith(_BANNER):
                return Broken("no AMI greeting")
            return Banner(line[len(_BANNER) :].decode("ascii", "replace"))
        if not line:
            return self._message() if self._fields else None
        self._bytes += len(line) + 2
        if self._bytes > MAX_MESSAGE_BYTES or len(self._fields) >= MAX_FIELDS:
            return Broken("message too long")
        key, colon, value = line.decode("utf-8", "replace").partition(":")
        self._fields.append((key, value[1:] if value[:1] == " " else value) if colon else ("", key))
        return None

    def _message(self) -> Incoming:
        fields = tuple(self._fields)
        self._fields, self._bytes = [], 0
        kind = fields[0][0]
        if kind == "Event":
            return Event(fields)
        return Response(fields) if kind == "Response" else Junk(fields)
