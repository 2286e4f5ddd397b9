"""The chain of voices: what is accepted, who is asked next, commands and HTTP services."""

from __future__ import annotations

import http.server
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.errors import ConfigError, SpeechError
from ivr.speech import voice, wording
from ivr.speech.voice import CommandVoice, HttpVoice
from tests.support.speech import BrokenVoice, ToneVoice, small_settings, tone, wav

TEXT = "Przepraszamy za kłopoty."


async def test_first_good_voice_speaks(tmp_path: Path) -> None:
    """The chain stops at the first voice whose audio is accepted, and says which it was."""
    last = ToneVoice("last")
    spoken = await voice.speak(TEXT, "pl", tmp_path / "x.wav", voices=[ToneVoice("first"), last])

    assert "first/p" == spoken.voice
    assert [] == last.said
    assert spoken.file.exists()


@pytest.mark.parametrize("how", ["raises", "nothing", "silent", "endless", "hurried", "garbage", "empty"])
async def test_bad_audio_is_never_believed(tmp_path: Path, how: str) -> None:
    """A voice may exit with status 0 and still have said nothing: the next is asked."""
    spoken = await voice.speak(TEXT, "pl", tmp_path / "x.wav", voices=[BrokenVoice(how), ToneVoice("next")])

    assert "next/p" == spoken.voice


async def test_nobody_could_speak(tmp_path: Path) -> None:
    """The error names why each voice failed, in one line."""
    with pytest.raises(SpeechError) as caught:
        await voice.speak(TEXT, "pl", tmp_path / "x.wav", voices=[BrokenVoice("raises"), BrokenVoice("nothing", "b2")])

    assert "broken did not finish" in str(caught.value)
    assert "b2/p wrote no audio" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_stale_output_is_not_taken_for_speech(tmp_path: Path) -> None:
    """A file left by an earlier voice does not make a failing one look good."""
    out = tmp_path / "x.wav"
    out.write_bytes(wav(tone(2.0)))
    with pytest.raises(SpeechError, match="wrote no audio"):
        voice.speak_with(BrokenVoice("nothing"), TEXT, "pl", out)


def command(code: str, **more: object) -> CommandVoice:
    argv = (sys.executable, "-c", code, "{lang}", "{voice}", "{rate}", "{out}")
    return CommandVoice("custom", argv, {"pl": "jan"}, {"pl": 90}, **more)  # type: ignore[arg-type]


def test_command_gets_text_and_placeholders(tmp_path: Path) -> None:
    """Text arrives on standard input as UTF-8; language, voice, rate and file as arguments."""
    note = tmp_path / "note.json"
    code = (
        "import json, sys; open(sys.argv[4], 'wb').write(b'x');"
        f"json.dump([sys.argv[1:4], sys.stdin.buffer.read().decode()], open({str(note)!r}, 'w'))"
    )
    command(code).speak("zażółć; $(rm -rf x)", "pl", tmp_path / "x.wav")

    assert [["pl", "jan", "90"], "zażółć; $(rm -rf x)"] == json.loads(note.read_text())


def test_command_that_fails_is_quoted(tmp_path: Path) -> None:
    """Its last line of standard error reaches the operator."""
    with pytest.raises(SpeechError, match="status 3: no such voice"):
        command("import sys; sys.stderr.write('trace\\nno such voice\\n'); sys.exit(3)").speak(
            "a", "pl", tmp_path / "x"
        )


def test_command_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A voice has a deadline."""
    monkeypatch.setattr(voice, "TIMEOUT_S", 0.2)
    with pytest.raises(SpeechError, match="did not finish"):
        command("import time; time.sleep(60)").speak("a", "pl", tmp_path / "x")


def test_command_that_is_not_there(tmp_path: Path) -> None:
    """A missing program is a reason, not a crash."""
    with pytest.raises(SpeechError, match="cannot be started"):
        CommandVoice("custom", ("/nonexistent/voice", "{out}"), {"pl": "x"}).speak("a", "pl", tmp_path / "x")


@pytest.fixture
def service() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A speech service that answers with a tone and remembers what it was asked."""
    asked: list[dict[str, str]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append({**body, "path": self.path, "key": self.headers.get("Authorization", "")})
            self.send_response(500 if self.path == "/down/v1/audio/speech" else 200)
            self.end_headers()
            self.wfile.write(wav(tone(2.0)))

        def log_message(self, *_: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_http_service_as_most_speak_it(tmp_path: Path, service: tuple[str, list[dict[str, str]]]) -> None:
    """The request carries text, voice, format and key."""
    url, asked = service
    http_voice = HttpVoice(f"{url}/v1/audio/speech", {"pl": "ala"}, "secret")
    samples, rate = voice.speak_with(http_voice, TEXT, "pl", tmp_path / "x.wav")

    assert 2.0 == len(samples) / rate
    assert [{"model": "tts-1", "input": TEXT, "voice": "ala", "response_format": "wav",
             "path": "/v1/audio/speech", "key": "Bearer secret"}] == asked  # fmt: skip


def test_piper_service(tmp_path: Path, service: tuple[str, list[dict[str, str]]]) -> None:
    """An address that ends in /synthesize is spoken to as Piper is."""
    url, asked = service
    voice.speak_with(HttpVoice(f"{url}/synthesize", {"pl": "ala"}), TEXT, "pl", tmp_path / "x.wav")

    assert {"text": TEXT, "voice": "ala", "path": "/synthesize", "key": ""} == asked[0]


@pytest.mark.parametrize(
    "url", ["{}/down/v1/audio/speech", "http://127.0.0.1:9/v1/audio/speech", "file:///etc/hostname"]
)
def test_service_that_fails(tmp_path: Path, service: tuple[str, list[dict[str, str]]], url: str) -> None:
    """A service that is down, refuses or is no service gives a SpeechError."""
    with pytest.raises(SpeechError):
        HttpVoice(url.format(service[0])).speak("a", "pl", tmp_path / "x")


def test_chain_order(tmp_path: Path) -> None:
    """The operator's own voices come first."""
    settings = small_settings(tmp_path)
    locales = wording.read(settings.prompts_dir)
    engines = [v.engine for v in voice.chain(locales, settings, command="say -o {out}", url="http://127.0.0.1:9/x")]

    assert ["custom", "http"] == engines[:2]


@pytest.mark.parametrize(("command", "what"), [("say 'x", "quotation"), ("say -o out.wav", "lacks {out}")])
def test_wrong_command_setting(tmp_path: Path, command: str, what: str) -> None:
    """A command that cannot work is refused before any text is spoken."""
    settings = small_settings(tmp_path)
    with pytest.raises(ConfigError, match=what):
        voice.chain(wording.read(settings.prompts_dir), settings, command=command)
