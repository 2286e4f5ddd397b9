"""*20 on an agent's or office phone: publish and end announcements when no page is at hand.

Who calls gives his user number and PIN; then he records an announcement or chooses a draft, hears it, and publishes.
It is the same Publisher as everywhere, and as well audited. Called by `app.py`.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ivr import log
from ivr.access import Who
from ivr.agi.channel import Channel
from ivr.announce import recording
from ivr.announce.draft import Draft
from ivr.announce.model import APPROVED, DRAFT, HEARD, OFFER, PHONE, Target, Version
from ivr.announce.preview import Preview
from ivr.announce.publish import NeedsConfirmation, Outcome, Publisher, clip_folder
from ivr.announce.speech import spoken_maker
from ivr.announce.wording import language_order, variant
from ivr.desk.audit import Audit
from ivr.desk.users import PIN_DIGITS, User, Users
from ivr.errors import CallEnded, InputError, PeerError
from ivr.message import RATE, WIDTH, beep_file
from ivr.sound import Phrase, Prompt, SayDigits

if TYPE_CHECKING:
    from ivr.session import Parts

logger = log.logger(__name__)

RIGHT = "announcements.change"
MENU_KEYS = "123"
TRIES = 3
KEY_S, DIGIT_S = 6.0, 4.0
SLACK_S = 20  # a controller silent for so long beyond what is played: the phone is hung up
ID_MOST, NUMBER_MOST = 10, 20
RECORD_S, SILENCE_S = 60, 5
LISTED = 9  # drafts or live ones read out, the newest first
HOUR_MIN = 60
READ = {
    "pl": ("Szkic {id}, {age} temu.", "Komunikat {id}, {age} temu."),
    "ru": ("Черновик {id}, {age} назад.", "Объявление {id}, {age} назад."),
    "en": ("Draft {id}, {age} ago.", "Announcement {id}, {age} ago."),
}
TEXTS = {
    "pl": "Komunikat nagrany przez telefon.",
    "ru": "Объявление, записанное по телефону.",
    "en": "Announcement recorded by phone.",
}
UNITS = {"pl": ("min", "h"), "ru": ("мин", "ч"), "en": ("min", "h")}


class PhoneDesk:
    """What ops may do with the keys of a phone."""

    def __init__(self, publisher: Publisher, parts: Parts) -> None:
        self.publisher, self.parts = publisher, parts
        self.users, self.audit = Users(publisher.database), Audit(publisher.database)

    async def handle(self, channel: Channel) -> None:
        """Lead one call of *20 to its end."""
        endpoint = channel.headers.get("agi_arg_1", "")[:40]
        phone = Phone(channel, self.parts, self.parts.settings.default_language)
        try:
            await channel.answer()
            try:
                user = await self._user(phone, endpoint)
                if user:
                    phone.language = user.language or phone.language
                    await Sitting(self, phone, user.who(f"phone {endpoint}")).run()
            except (PeerError, InputError) as error:
                logger.warning("nothing was published by phone", endpoint=endpoint, error=str(error))
                await phone.say("agent_failed")
            await channel.hangup()
        except CallEnded:
            pass  # he hung up: what he had confirmed is done, the rest is not

    async def _user(self, phone: Phone, endpoint: str) -> User | None:
        """Return who calls, None when he has no right or did not find the PIN in TRIES."""
        for _ in range(TRIES):
            phone_id = await phone.digits("ops_user", ID_MOST)
            pin = await phone.digits("agent_enter_pin", PIN_DIGITS)
            user = await self.users.check_pin(phone_id, pin, datetime.now(UTC))
            if user and user.who().may(RIGHT):
                return user
            who = Who(user.name if user else f"phone {endpoint}", (), f"phone {endpoint}")
            await self.audit.note(who, "phone.refused", phone_id)
            logger.warning("refused to publish by phone", endpoint=endpoint, known=bool(user))
            if user:
                await phone.say("ops_not_allowed")
                return None
            await phone.say("ops_wrong")
        return None


class Phone:
    """The phone: speaks, and takes keys. A controller that falls silent loses it by `SET AUTOHANGUP`."""

    def __init__(self, channel: Channel, parts: Parts, language: str) -> None:
        self.channel, self.parts, self.language = channel, parts, language
        self._ahead = ""

    async def say(self, *said: str | Phrase, keys: str = "") -> str:
        """Play prompts; return the key of `keys` that stopped them, or ''."""
        prompts = self.parts.prompts
        for each in said:
            for stem in prompts.files(Prompt(each) if isinstance(each, str) else each, self.language):
                if key := await self.play(stem, prompts.seconds(stem), keys):
                    return key
        return ""

    async def tell(self, prompt: str, keys: str) -> None:
        """Play a prompt; one of `keys` or '*' stops it and answers the next question."""
        self._ahead = await self.say(prompt, keys=keys + "*")

    async def play(self, stem: str, seconds: float, keys: str = "") -> str:
        """Play one file; return the key that stopped it, or ''."""
        await self.channel.set_autohangup(int(seconds) + SLACK_S)
        return await self.channel.stream_file(stem, keys, timeout_s=seconds + 4.0)

    async def ask(self, prompt: str, keys: str) -> str:
        """Ask for one of `keys`, three times at most; '*' or silence is ''."""
        for _ in range(TRIES):
            key, self._ahead = self._ahead, ""
            key = key or await self.say(prompt, keys=keys + "*") or await self._key(KEY_S)
            if key == "*":
                return ""
            if key and key in keys:
                return key
        return ""

    async def digits(self, prompt: str, most: int) -> str:
        """Ask for digits, ended with # or a pause."""
        entered = await self.say(prompt, keys="0123456789")
        while len(entered) < most:
            key = await self._key(DIGIT_S if entered else KEY_S)
            if key in ("", "#", "*"):
                return entered
            entered += key
        return entered

    async def record(self, stem: str, beep: Path) -> None:
        """Record him until a key, silence or RECORD_S."""
        await self.play(str(beep.with_suffix("")), 1.0)
        await self.channel.set_autohangup(RECORD_S + SLACK_S)
        await self.channel.record_file(stem, most_s=RECORD_S, silence_s=SILENCE_S, finish="#*0123456789")

    async def _key(self, seconds: float) -> str:
        await self.channel.set_autohangup(int(seconds) + SLACK_S)
        return await self.channel.wait_for_digit(int(seconds * 1000))


class Sitting:
    """One call of somebody who may publish."""

    def __init__(self, desk: PhoneDesk, phone: Phone, who: Who) -> None:
        self.publisher, self.audit, self.parts = desk.publisher, desk.audit, desk.parts
        self.phone, self.who = phone, who
        self.preview = Preview(self.publisher.database, self.publisher.settings, self.publisher.maker)

    async def run(self) -> None:
        """Do what he chooses, until he chooses nothing."""
        await asyncio.to_thread(clip_folder(self.publisher.settings).mkdir, parents=True, exist_ok=True)
        while key := await self.phone.ask("ops_menu", MENU_KEYS):
            if key == "1":
                await self._record()
            else:
                await (self._drafts() if key == "2" else self._live())

    # -- 1: a new one

    async def _record(self) -> None:
        own = await self._recording()
        target = await self._target() if own else None
        if not own or target is None:
            await self.phone.say("ops_nothing")
            return
        language = self.phone.language
        draft = Draft(target, {language: TEXTS[language]}, after=OFFER, source=PHONE, recordings={language: own.name},
                      note=f"recorded by phone by {self.who.name}")  # fmt: skip
        await self._heard_back(draft)
        if await self.phone.ask("ops_publish", "1"):
            await self._publish(draft)
        else:
            await self.phone.say("ops_nothing")

    async def _recording(self) -> recording.Recording | None:
        """Let him record, and again until he keeps it; None when he cancels."""
        folder = clip_folder(self.publisher.settings)
        beep = await asyncio.to_thread(beep_file, folder)
        for _ in range(TRIES):
            await self.phone.say("ops_record", keys="#")
            try:
                own = await self._spoken(folder, beep)
            except InputError as error:
                logger.info("a recording by phone cannot be used", error=str(error))
                await self.phone.say("ops_not_usable")
                continue
            key = "2"
            while key == "2":
                key = await self.phone.play(str(own.stem), own.seconds, "123*") or await self.phone.ask(
                    "ops_recorded", "123"
                )
            if key != "3":
                return own if key == "1" else None
        return None

    async def _spoken(self, folder: Path, beep: Path) -> recording.Recording:
        """Record once and take it in as a clip. Raises InputError when there is nothing to be heard."""
        inbox = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix=".phone-", dir=folder))
        try:
            await self.phone.record(str(inbox / "spoken"), beep)
            content = await asyncio.to_thread(_read, inbox / "spoken.wav")
            return await recording.take(content, self.phone.language, folder)
        finally:
            await asyncio.to_thread(shutil.rmtree, inbox, True)

    async def _target(self) -> Target | None:
        """Ask whom it is for: everyone, or callers of one number; None when he cancels."""
        key = await self.phone.ask("ops_target", "12")
        if key != "2":
            return Target() if key else None
        for _ in range(TRIES):
            dnis = await self.phone.digits("ops_number", NUMBER_MOST)
            if dnis in self.parts.dialplans.numbers:
                await self.phone.say(SayDigits(dnis))
                return Target(dnis=dnis)
            await self.phone.say("ops_no_number")
        return None

    # -- 2 and 3: those there are

    async def _drafts(self) -> None:
        now = datetime.now(UTC)
        drafts = [each for each in await self.publisher.store.newest()
                  if each.state in (DRAFT, APPROVED) and now < each.until]  # fmt: skip
        chosen = await self._chosen(drafts, 0, "ops_draft_keys")
        if chosen:
            await self._publish(chosen)

    async def _live(self) -> None:
        now = datetime.now(UTC)
        live = [each for each in await self.publisher.store.newest() if each.state in HEARD and now < each.until]
        chosen = await self._chosen(live, 1, "ops_live_keys")
        if chosen:
            ended = await self.publisher.end(chosen.announcement_id, self.who.name, datetime.now(UTC))
            await self._done("announcement.end", ended, "ops_ended", chosen)

    async def _chosen(self, versions: Sequence[Version], kind: int, keys: str) -> Version | None:
        """Read them out, the newest first; return the one he chose."""
        if not versions:
            await self.phone.say("ops_none")
            return None
        for version in versions[:LISTED]:
            key = "2"
            while key == "2":
                await self._read_out(version, kind)
                key = await self._heard_back(version, "123*") or await self.phone.ask(keys, "123")
            if key == "1":
                return version
            if key != "3":
                break
        await self.phone.say("ops_nothing")
        return None

    async def _read_out(self, version: Version, kind: int) -> None:
        """Say its id and how old it is, by the configured voice."""
        language, folder = self.phone.language, clip_folder(self.publisher.settings)
        minutes = max(1, int((datetime.now(UTC) - version.at).total_seconds() // 60))
        small, large = UNITS[language]
        age = f"{minutes} {small}" if minutes < 2 * HOUR_MIN else f"{minutes // HOUR_MIN} {large}"
        text = READ[language][kind].format(id=", ".join(version.announcement_id.upper()), age=age)
        clip = await (self.publisher.maker or spoken_maker())(text, language, folder)
        await self.phone.play(str(clip.stem), clip.seconds)

    async def _heard_back(self, wanted: Draft | Version, keys: str = "") -> str:
        """Play what callers will hear, in his language where it has one; return the key that stopped it, or ''."""
        now, default = datetime.now(UTC), self.publisher.settings.default_language
        if isinstance(wanted, Version) and wanted.clips:
            variants = wanted.clips[language_order(self.phone.language, default, wanted.clips)[0]]
            clip = variants.get(variant(wanted, now, self.publisher.zone)) or next(iter(variants.values()))
            return await self.phone.play(clip.file, clip.seconds, keys)
        sounds = await self.preview.sounds(wanted, now)
        sound = sounds[language_order(self.phone.language, default, sounds)[0]]
        return await self.phone.play(str(Path(sound.file).with_suffix("")), sound.seconds, keys)

    # -- what is done

    async def _publish(self, wanted: Draft | Version) -> None:
        """Publish; what concerns many is asked once more."""
        try:
            done = await self._go_live(wanted, confirmed=False)
        except NeedsConfirmation:
            if not await self.phone.ask("ops_many", "1"):
                await self.phone.say("ops_nothing")
                return
            done = await self._go_live(wanted, confirmed=True)
        await self._done("announcement.publish", done, "ops_published", None)

    async def _go_live(self, wanted: Draft | Version, *, confirmed: bool) -> Outcome:
        now, name = datetime.now(UTC), self.who.name
        if isinstance(wanted, Draft):
            return await self.publisher.post(wanted, name, now, confirmed=confirmed)
        return await self.publisher.publish(wanted.announcement_id, name, now, confirmed=confirmed)

    async def _done(self, what: str, done: Outcome, prompt: str, before: Version | None) -> None:
        version = done.version
        was = {"state": before.state, "version": before.version} if before else None
        after = {"state": version.state, "version": version.version, "target": str(version.target), "by": "phone"}
        await self.audit.note(self.who, what, version.announcement_id, was, after)
        logger.info("done by phone", what=what, announcement=version.announcement_id, user=self.who.name)
        await self.phone.tell(prompt, MENU_KEYS)


def _read(file: Path) -> bytes:
    """Return what was recorded. Raises InputError when it is not there or too short to be speech."""
    content = file.read_bytes() if file.exists() else b""
    if len(content) < RATE * WIDTH // 2:
        raise InputError("nothing was recorded")
    return content
