"""Record what a real Asterisk says over FastAGI and AMI: `python -m tests.support.recorder`.

Starts an Asterisk of its own (minimal configuration, loopback, ports below) in a temporary folder, plays the
scenes at the end of this file against it and writes one transcript per scene to tests/recordings/. The fake
Asterisk is held to these files; record again when the Asterisk version changes.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from ivr.native import program, root
from tests.support.recordings import FOLDER

AMI_PORT, AGI_PORT = 5238, 4773
MODULES = (
    "bridge_simple", "bridge_holding", "res_timing_timerfd", "res_musiconhold", "format_pcm",
    "codec_ulaw", "codec_alaw", "pbx_config", "app_dial", "app_stack", "app_playback", "app_senddtmf",
    "app_verbose", "res_speech", "res_agi", "func_channel", "func_strings", "func_logic",
    "func_timeout", "func_callerid", "func_db", "app_playtones",
)  # fmt: skip
MANAGER = f"""[general]
enabled=yes
webenabled=no
port={AMI_PORT}
bindaddr=127.0.0.1
disabledevents=Newexten,VarSet,RTCPSent,RTCPReceived
[rec]
secret=rec
deny=0.0.0.0/0.0.0.0
permit=127.0.0.1/255.255.255.255
read=call,dtmf,system
write=call,originate,reporting
[only-call]
secret=rec
deny=0.0.0.0/0.0.0.0
permit=127.0.0.1/255.255.255.255
read=call,dtmf,system
write=call
"""
EXTENSIONS = f"""[agi]
exten => main,1,Set(AGIEXITONHANGUP=yes)
 same => n,AGI(agi://127.0.0.1:{AGI_PORT}/TOKEN/one/two)
 same => n,Hangup()
exten => argument,1,AGI(agi://127.0.0.1:{AGI_PORT}/TOKEN,first arg,second)
 same => n,Hangup()
[caller]
exten => idle,1,Answer()
 same => n,Wait(20)
exten => keys,1,Answer()
 same => n,Wait(1)
 same => n,SendDTMF(12w#)
 same => n,Wait(8)
exten => short,1,Answer()
 same => n,Wait(1.2)
 same => n,Hangup()
[agent]
exten => yes,1,Wait(0.3)
 same => n,Answer()
 same => n,Wait(0.8)
 same => n,Hangup(16)
exten => busy,1,Wait(0.2)
 same => n,Hangup(17)
exten => late,1,Wait(30)
[dial]
exten => s,1,Dial(Local/${{ARG1}}@agent,${{ARG2}})
 same => n,Return()
"""


class Scene:
    """One transcript being written: lines with `<` came from Asterisk, lines with `>` went to it."""

    def __init__(self, title: str) -> None:
        self.lines = [f"# {title}"]

    def note(self, sign: str, line: bytes) -> None:
        self.lines.append(f"{sign} {line.decode('utf-8', 'surrogateescape').rstrip(chr(13) + chr(10))}")

    def save(self, name: str) -> None:
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / f"{name}.txt").write_text("\n".join(self.lines) + "\n")


class Wire:
    """A socket whose every line is noted."""

    def __init__(self, scene: Scene, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.scene, self.reader, self.writer = scene, reader, writer

    async def line(self) -> bytes:
        try:
            line = await self.reader.readline()
        except ConnectionError:
            return b""
        if line:
            self.scene.note("<", line)
        return line

    async def until(self, *ends: bytes) -> None:
        """Read lines up to one that begins with one of `ends`, or end of file."""
        while (line := await self.line()) and not line.startswith(ends):
            pass

    def send(self, text: bytes) -> None:
        for line in text.splitlines():
            self.scene.note(">", line)
        self.writer.write(text)

    async def ask(self, command: str) -> None:
        """Send one AGI command and read its reply to the end."""
        self.send(command.encode() + b"\n")
        await self.until(b"200", b"510", b"511", b"520 ")

    async def ami(self, *lines: str) -> None:
        """Send one AMI action and read up to the end of its response."""
        self.send("\r\n".join((*lines, "", "")).encode())
        await self.until(b"Response:")
        await self.until(b"\r\n")


def folder_of(base: Path) -> Path:
    """Write the minimal configuration below `base`; return the path of its asterisk.conf."""
    for name in ("etc", "lib", "db", "run", "log", "spool", "data/sounds/en"):
        (base / name).mkdir(parents=True)
    modules = next(root().glob("usr/lib/*/asterisk/modules"))
    shutil.copytree(next(root().glob("usr/share/asterisk/documentation")), base / "data" / "documentation")
    (base / "data/sounds/en/blip.ulaw").write_bytes(b"\xff" * 4000)
    folders = {"astetcdir": "etc", "astvarlibdir": "lib", "astdbdir": "db", "astkeydir": "lib",
               "astagidir": "lib", "astdatadir": "data", "astspooldir": "spool", "astrundir": "run",
               "astlogdir": "log"}  # fmt: skip
    conf = "[directories]\n" + "".join(f"{k} => {base / v}\n" for k, v in folders.items())
    etc = base / "etc"
    (etc / "asterisk.conf").write_text(conf + f"astmoddir => {modules}\n[options]\nlive_dangerously=no\n")
    (etc / "modules.conf").write_text(
        "[modules]\nautoload=no\n" + "".join(f"load={m}.so\n" for m in MODULES))
    (etc / "logger.conf").write_text("[logfiles]\nmessages => notice,warning,error\n")
    (etc / "musiconhold.conf").write_text(f"[default]\nmode=files\ndirectory={base}/data/sounds/en\n")
    (etc / "manager.conf").write_text(MANAGER)
    (etc / "extensions.conf").write_text(EXTENSIONS)
    return etc / "asterisk.conf"


@contextlib.asynccontextmanager
async def asterisk() -> AsyncIterator[None]:
    """Run the minimal Asterisk until the block ends."""
    with tempfile.TemporaryDirectory(prefix="hotline-rec-") as base:
        process = await asyncio.create_subprocess_exec(
            *program("asterisk"), "-C", str(folder_of(Path(base))), "-f",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL)
        try:
            yield
        finally:
            process.terminate()
            await process.wait()


async def ami(scene: Scene, secret: str = "rec", user: str = "rec") -> Wire:
    """Connect to AMI and log in, noting everything from the banner on."""
    for _ in range(100):
        try:
            wire = Wire(scene, *await asyncio.open_connection("127.0.0.1", AMI_PORT))
            break
        except OSError:
            await asyncio.sleep(0.1)
    await wire.line()
    await wire.ami("Action: Login", "ActionID: h-1", f"Username: {user}", f"Secret: {secret}")
    if secret == "rec":
        await wire.until(b"Event: FullyBooted")
        await wire.until(b"\r\n")
    return wire


async def record_agi(name: str, title: str, caller: str, play: Callable[[Wire], Awaitable[None]],
                     extension: str = "main", *, events: bool = False) -> None:
    """Let `caller` (a Local extension) run into AGI, play the controller's side, save the transcript."""
    scene, ear = Scene(title), Scene(f"{title}: what AMI told meanwhile")
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = Wire(scene, reader, writer)
        await wire.until(b"\n")
        await play(wire)
        await wire.until()
        writer.close()
        done.set()

    server = await asyncio.start_server(serve, "127.0.0.1", AGI_PORT)
    wire = await ami(ear)
    listen = asyncio.create_task(wire.until(b"never"))
    wire.send(f"Action: Originate\r\nActionID: h-2\r\nChannel: Local/{caller}@caller\r\nContext: agi\r\n"
              f"Exten: {extension}\r\nPriority: 1\r\nAsync: true\r\nCallerID: \"Jan\" <+48225550100>\r\n"
              .encode() + b"Variable: GREETING=hello world\r\n\r\n")
    await asyncio.wait_for(done.wait(), 30)
    await asyncio.sleep(0.5)
    listen.cancel()
    wire.writer.close()
    server.close()
    scene.save(f"agi-{name}")
    if events:
        ear.save(f"ami-{name}")


async def commands(wire: Wire) -> None:
    for command in ("EXEC Answer ,i", 'GET VARIABLE "GREETING"', 'GET VARIABLE "NOT_SET"',
                    'SET VARIABLE "NAME" "a \\"quoted\\" \\\\ value"', 'GET VARIABLE "NAME"',
                    'SET VARIABLE "EMPTY" ""', 'GET VARIABLE "EMPTY"',
                    'STREAM FILE "blip" ""', 'STREAM FILE "no-such-file" "12"', 'WAIT FOR DIGIT "100"',
                    'SET MUSIC ON "default"', "SET MUSIC OFF", 'SET AUTOHANGUP "30"', 'SET AUTOHANGUP "0"',
                    "NO SUCH COMMAND", "GET VARIABLE", 'EXEC "NoSuchApp" "x"', 'EXEC "NoOp" "x"',
                    'GOSUB "nowhere" "s" "1"', "CHANNEL STATUS", "NOOP", 'VERBOSE "done" "1"', "HANGUP"):
        await wire.ask(command)


async def keys(wire: Wire) -> None:
    for command in ('WAIT FOR DIGIT "3000"', 'STREAM FILE "blip" "2#"', 'GET DATA "blip" "1500" "4"',
                    'GET DATA "blip" "300" "4"', "HANGUP"):
        await wire.ask(command)


async def hangup(wire: Wire) -> None:
    for command in ('WAIT FOR DIGIT "9000"', 'STREAM FILE "blip" ""', 'GET VARIABLE "GREETING"',
                    'SET VARIABLE "HOTLINE_DONE" "1"', 'EXEC "NoOp" "x"', 'SET MUSIC ON "default"'):
        await wire.ask(command)
    wire.writer.close()


async def idle_hangup(wire: Wire) -> None:
    await wire.ask('SET MUSIC ON "default"')
    await wire.until(b"HANGUP")


def dial(agent: str, ring_s: int) -> Callable[[Wire], Awaitable[None]]:
    async def play(wire: Wire) -> None:
        await wire.ask(f'GOSUB "dial" "s" "1" "{agent},{ring_s}"')
        await wire.ask('GET VARIABLE "DIALSTATUS"')
        await wire.ask("HANGUP")
    return play


async def nothing(wire: Wire) -> None:
    await wire.ask("NOOP")
    wire.writer.close()


async def record_ami() -> None:
    """Save the actions Hotline uses, right and wrong."""
    scene = Scene("AMI actions with write=call: login, ping, a list, refusals, AstDB by Setvar")
    wire = await ami(scene, user="only-call")
    await wire.ami("Action: Ping", "ActionID: h-2")
    await wire.ami("Action: CoreShowChannels", "ActionID: h-3")
    await wire.ami("Action: Status", "ActionID: h-10")
    await wire.until(b"Event: StatusComplete")
    await wire.until(b"\r\n")
    await wire.ami("Action: Setvar", "ActionID: h-4", "Variable: DB(hotline-lkg/all)", "Value: 1|a&b")
    await wire.ami("Action: Getvar", "ActionID: h-5", "Variable: DB(hotline-lkg/all)")
    await wire.ami("Action: Hangup", "ActionID: h-6", "Channel: Local/none")
    await wire.ami("Action: Command", "ActionID: h-7", "Command: core show version")
    await wire.ami("Action: NoSuch", "ActionID: h-8")
    await wire.ami("Action: Logoff", "ActionID: h-9")
    await wire.until()
    scene.save("ami-actions")
    refused = Scene("AMI login with a wrong secret")
    wire = await ami(refused, "wrong")
    await wire.until()
    refused.save("ami-refused")
    listed = Scene("AMI CoreShowChannels while a call is up")
    wire = await ami(listed)
    await wire.ami("Action: Originate", "ActionID: h-2", "Channel: Local/idle@caller", "Context: caller",
                   "Exten: idle", "Priority: 1", "Async: true")
    await wire.until(b"Event: OriginateResponse")
    await wire.until(b"\r\n")
    await wire.ami("Action: CoreShowChannels", "ActionID: h-3")
    await wire.until(b"Event: CoreShowChannelsComplete")
    await wire.until(b"\r\n")
    await wire.ami("Action: Status", "ActionID: h-4")
    await wire.until(b"Event: StatusComplete")
    await wire.until(b"\r\n")
    listed.save("ami-channels")


async def main() -> None:
    async with asterisk():
        await record_ami()
        await record_agi("commands", "every command Hotline sends, and wrong ones", "idle", commands)
        await record_agi("arguments", "AGI() with arguments after the address", "idle", nothing, "argument")
        await record_agi("keys", "keys while waiting, playing and collecting", "keys", keys, events=True)
        await record_agi("hangup", "the caller leaves in WAIT FOR DIGIT; commands after it", "short", hangup,
                         "argument", events=True)
        await record_agi("hangup-exit", "the same with AGIEXITONHANGUP", "short", hangup)
        await record_agi("hangup-music", "the caller leaves while music plays and nothing is asked", "short",
                         idle_hangup)
        await record_agi("answered", "GOSUB into Dial, the agent answers", "idle", dial("yes", 5),
                         events=True)
        await record_agi("busy", "GOSUB into Dial, the agent is busy", "idle", dial("busy", 5), events=True)
        await record_agi("noanswer", "GOSUB into Dial, nobody answers", "idle", dial("late", 1), events=True)
        await record_agi("abandoned", "the caller leaves while the agent rings", "short", dial("late", 5),
                         events=True)


if __name__ == "__main__":
    asyncio.run(main())
