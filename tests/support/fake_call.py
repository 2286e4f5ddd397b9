"""One caller of the fake Asterisk and the FastAGI session he is in.

Time is the test's: a file plays and a key is awaited until the test says so (or `patience_s` is over).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from typing import Protocol

VERSION = "22.10.1+dfsg+~cs6.17.60671434-1"
STATES = {"0": "Down", "4": "Ring", "5": "Ringing", "6": "Up"}
CAUSES = {"0": "Unknown", "16": "Normal Clearing", "17": "User busy", "19": "User alerting, no answer"}
DIAL_CAUSES = {"ANSWER": "16", "BUSY": "17", "NOANSWER": "0", "CANCEL": "16"}
DEAD = "511 Command Not Permitted on a dead channel or intercept routine"
USAGE = "520-Invalid command syntax.  Proper usage follows:\nTakes a name.\n520 End of proper usage."
AFTER_HANGUP = ("GET VARIABLE", "SET VARIABLE", "EXEC", "NOOP", "VERBOSE", "HANGUP")
VERBS = ("STREAM FILE", "WAIT FOR DIGIT", "GET VARIABLE", "SET VARIABLE", "SET MUSIC", "SET AUTOHANGUP",
         "EXEC", "GOSUB", "NOOP", "VERBOSE", "CHANNEL STATUS", "HANGUP")  # fmt: skip


def split_command(line: str) -> list[str]:
    """Split an AGI line as res_agi.c does: spaces part, double quotes hold together, backslash escapes."""
    words, word, quoted, escaped = [], "", False, False
    inside = False
    for sign in line:
        if escaped:
            word, escaped, inside = word + sign, False, True
        elif sign == "\\":
            escaped = True
        elif sign == '"':
            quoted, inside = not quoted, True
        elif sign in " \t" and not quoted:
            if inside:
                words.append(word)
            word, inside = "", False
        else:
            word, inside = word + sign, True
    return [*words, word] if inside else words


class Ear(Protocol):
    """What a call needs of the fake Asterisk it is in."""

    calls: dict[str, FakeCall]

    def emit(self, event: str, /, **fields: str) -> None: ...


class FakeCall:
    """One caller in the fake Asterisk, and the FastAGI session it is in.

    commands  every command received, split.  variables  the channel's.  agents  endpoint -> how it reacts to
    being dialled: a DialStatus word.  patience_s  how long it really waits for a key.
    """

    def __init__(self, asterisk: Ear, number: int, ani: str, dnis: str, exit_on_hangup: bool) -> None:
        self.asterisk, self.ani, self.dnis = asterisk, ani, dnis
        self.unique_id = f"1795430851.{number}"
        self.channel = f"PJSIP/trunk-{number:08x}"
        self.exit_on_hangup = exit_on_hangup
        self.commands: list[list[str]] = []
        self.variables: dict[str, str] = {}
        self.agents: dict[str, str] = {}
        self.missing_files: set[str] = set()
        self.autohangup_s: int | None = None
        self.music = ""
        self.patience_s = 0.0
        self.gone = asyncio.Event()
        self.ended = asyncio.Event()  # the FastAGI session
        self.answered = asyncio.Event()
        self.talking = asyncio.Event()
        self._keys: asyncio.Queue[str] = asyncio.Queue()
        self._writer: asyncio.StreamWriter | None = None

    def header_block(self, url: str, arguments: Iterable[str]) -> list[tuple[str, str]]:
        """Return keys and values in Asterisk's order."""
        script = url.partition("://")[2].partition("/")[2]
        block = {
            "network": "yes", "network_script": script, "request": url, "channel": self.channel,
            "language": "en", "type": "PJSIP", "uniqueid": self.unique_id, "version": VERSION,
            "callerid": self.ani or "unknown", "calleridname": "unknown", "callingpres": "0",
            "callingani2": "0", "callington": "0", "callingtns": "0", "dnid": self.dnis or "unknown",
            "rdnis": "unknown", "context": "entry", "extension": self.dnis or "s", "priority": "2",
            "enhanced": "0.0", "accountcode": "",
            "threadid": "140544533026496",
        }  # fmt: skip
        block |= {f"arg_{n}": argument for n, argument in enumerate(arguments, 1)}
        return [(f"agi_{key}", value) for key, value in block.items()]

    async def run_agi(self, url: str, arguments: Iterable[str] = ()) -> None:
        """Dial into FastAGI and obey it until one side closes."""
        host, _, port = url.partition("://")[2].partition("/")[0].partition(":")
        reader, self._writer = await asyncio.open_connection(host, int(port))
        block = "".join(f"{key}: {value}\n" for key, value in self.header_block(url, arguments))
        self._writer.write(f"{block}\n".encode())
        try:
            with contextlib.suppress(ConnectionError):
                while line := await reader.readline():
                    words = split_command(line.decode().rstrip("\n"))
                    self.commands.append(words)
                    self.say(await self._obey(words))
        finally:
            self._writer.close()
            self.ended.set()

    def say(self, text: str) -> None:
        """Send one line to the controller."""
        if self._writer is not None:
            self._writer.write(f"{text}\n".encode())

    def press(self, keys: str) -> None:
        """Press keys: AMI tells of them, and a command that waits for one gets the first."""
        for key in keys:
            self._tell("DTMFBegin", Digit=key, Direction="Received")
            self._tell("DTMFEnd", Digit=key, DurationMs="100", Direction="Received")
            self._keys.put_nowait(key)

    def hang_up(self, cause: str = "16") -> None:
        """The caller leaves."""
        self.gone.set()
        self.say("HANGUP")
        self._tell("HangupRequest", Cause=cause)
        self._tell("Hangup", Cause=cause, **{"Cause-txt": CAUSES[cause]})
        self.asterisk.calls.pop(self.unique_id, None)
        if self.exit_on_hangup:
            self.say("HANGUP")
            self.drop()

    def drop(self) -> None:
        """Close the FastAGI connection without a word, as when Asterisk dies."""
        if self._writer is not None:
            self._writer.close()

    def snapshot(self, *, state: str = "6") -> dict[str, str]:
        """Return the channel fields that most events carry."""
        return snapshot_of(self.channel, self.unique_id, self.unique_id, state, self.ani, self.dnis)

    def _tell(self, name: str, **fields: str) -> None:
        privilege = "dtmf,all" if name.startswith("DTMF") else "call,all"
        self.asterisk.emit(name, Privilege=privilege, **self.snapshot(), **fields)

    async def _obey(self, words: list[str]) -> str:
        line = " ".join(words).upper()
        verb = next((v for v in VERBS if line == v or line.startswith(v + " ")), "")
        if not verb:
            return "510 Invalid or unknown command"
        if self.gone.is_set() and verb not in AFTER_HANGUP:
            return DEAD
        arguments = words[len(verb.split()) :]
        return await getattr(self, "_" + verb.lower().replace(" ", "_"))(*arguments)

    async def _stream_file(self, file: str, escape: str, *_: str) -> str:
        if file in self.missing_files:
            return "200 result=-1 endpos=0"
        key = await self._key(self.patience_s if escape else 0)
        if key is None:
            return "200 result=-1 endpos=0"
        return f"200 result={ord(key) if key and key in escape else 0} endpos=4000"

    async def _wait_for_digit(self, timeout_ms: str) -> str:
        key = await self._key(min(self.patience_s, int(timeout_ms) / 1000))
        return "200 result=-1" if key is None else f"200 result={ord(key) if key else 0}"

    async def _key(self, wait_s: float) -> str | None:
        """Return the next key, '' when nobody pressed one, None when the caller left."""
        if not self._keys.empty() or not wait_s:
            return "" if self._keys.empty() else self._keys.get_nowait()
        pressed, gone = asyncio.ensure_future(self._keys.get()), asyncio.ensure_future(self.gone.wait())
        await asyncio.wait((pressed, gone), timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if pressed.done():
            return pressed.result()
        pressed.cancel()
        return None if self.gone.is_set() else ""

    async def _get_variable(self, *name: str) -> str:
        if not name:
            return USAGE
        value = self.variables.get(name[0])
        return "200 result=0" if value is None else f"200 result=1 ({value})"

    async def _set_variable(self, name: str, value: str) -> str:
        self.variables[name] = value
        return "200 result=1"

    async def _set_music(self, on: str, class_: str = "default") -> str:
        self.music = class_ if on.lower() == "on" else ""
        return "200 result=0"

    async def _set_autohangup(self, seconds: str) -> str:
        self.autohangup_s = int(seconds)
        return "200 result=0"

    async def _exec(self, application: str, *arguments: str) -> str:
        if application == "Answer":
            self.answered.set()
        return "200 result=-2" if application == "NoSuchApp" else "200 result=0"

    async def _gosub(self, context: str, exten: str, priority: str, arguments: str = "") -> str:
        if context not in ("dial", "dial-agent"):
            return "200 result=-1 Gosub label not found"
        self.say("100 result=0 Trying...")
        endpoint = arguments.split(",")[0]
        status = await self._dial(endpoint, self.agents.get(endpoint, "CHANUNAVAIL"))
        self.variables["DIALSTATUS"] = self.variables["HOTLINE_DIALSTATUS"] = status
        return f"200 result=0 Gosub complete{' (abnormal exit)' if status in ('ANSWER', 'CANCEL') else ''}"

    async def _dial(self, endpoint: str, status: str) -> str:
        """Dial one agent, telling AMI: RING waits for the caller to leave, ANSWER talks until `end_talk`."""
        leg = f"{self.unique_id}9{len(self.commands)}"
        agent = snapshot_of(f"PJSIP/{endpoint}-{leg[-2:]:0>8}", leg, self.unique_id, "5", endpoint, "")
        self._tell_dial("DialBegin", agent, DialString=endpoint)
        if status == "RING":
            await self.gone.wait()
            status = "CANCEL"
        self._tell_dial("DialEnd", agent, DialStatus=status)
        if status == "ANSWER":
            bridge = {"BridgeUniqueid": f"b-{leg}", "BridgeType": "basic",
                      "BridgeTechnology": "simple_bridge", "BridgeCreator": "<unknown>",
                      "BridgeName": "<unknown>"}  # fmt: skip
            for side, there in ((agent, "1"), (self.snapshot(), "2")):
                numbers = {"BridgeNumChannels": there, "BridgeVideoSourceMode": "none"}
                self.asterisk.emit("BridgeEnter", Privilege="call,all", **bridge, **numbers, **side)
            self.talking.set()
            await self.gone.wait() if not self.patience_s else await _wait(self.gone, self.patience_s)
        cause = DIAL_CAUSES.get(status, "0")
        last = {"Cause": cause, "Cause-txt": CAUSES[cause]}
        self.asterisk.emit("Hangup", Privilege="call,all", **agent, **last)
        return status

    def _tell_dial(self, name: str, agent: Mapping[str, str], **last: str) -> None:
        dest = {f"Dest{key}": value for key, value in agent.items()}
        self.asterisk.emit(name, Privilege="call,all", **self.snapshot(), **dest, **last)

    async def _noop(self, *_: str) -> str:
        return "200 result=0"

    async def _verbose(self, *_: str) -> str:
        return "200 result=1"

    async def _channel_status(self, *_: str) -> str:
        return "200 result=6"

    async def _hangup(self, *_: str) -> str:
        asyncio.get_running_loop().call_soon(self.hang_up)
        return "200 result=1"


def snapshot_of(
    channel: str, unique_id: str, linked: str, state: str, number: str, exten: str
) -> dict[str, str]:
    """Return the fields every channel event carries, in Asterisk's order."""
    unknown = "<unknown>"
    return {
        "Channel": channel, "ChannelState": state, "ChannelStateDesc": STATES[state],
        "CallerIDNum": number or unknown, "CallerIDName": unknown, "ConnectedLineNum": unknown,
        "ConnectedLineName": unknown, "Language": "en", "AccountCode": "", "Context": "entry",
        "Exten": exten or "s", "Priority": "2", "Uniqueid": unique_id, "Linkedid": linked,
    }  # fmt: skip


async def _wait(event: asyncio.Event, wait_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            await event.wait()
