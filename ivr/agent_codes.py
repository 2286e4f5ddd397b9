"""Feature codes on an agent's phone: *11 in, *12 out, *13 pause or end of pause, *14 end of wrap-up, *15 longer.

Signing in asks for the PIN, a pause for its reason (*131 to *135 say it at once). Who was paused because his
phone did not answer is told so. Called by `app.py` for FastAGI connections of the context [from-agent].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr import log
from ivr.agi.channel import Channel
from ivr.desk.agents import Agent, Agents
from ivr.errors import CallEnded, PeerError
from ivr.sound import Phrase, Prompt
from routing.errors import RoutingError
from routing.router import Router

if TYPE_CHECKING:
    from ivr.session import Parts

logger = log.logger(__name__)

PIN_LENGTH_MOST = 8
TRIES = 3
REASONS = {"1": "break", "2": "meal", "3": "training", "4": "meeting", "5": "other"}
REASON_MS = 4000  # to press a key; without one the pause has no reason
BY_PHONE = "phone"  # the reason of a pause nobody gave one for
AUTO = "auto: "  # begins the reason of a pause the router made, after unanswered calls
LONGER_S = 60.0


class AgentCodes:
    """What an agent may do by dialling a code."""

    def __init__(self, agents: Agents, router: Router, parts: Parts) -> None:
        self.agents, self.router, self.parts = agents, router, parts

    async def handle(self, channel: Channel, code: str, detail: str = "") -> None:
        """Do what `code` (in, out, pause, ready, longer) asks for the agent whose phone calls.

        detail  the key of a pause's reason, '' to ask for it.
        """
        try:
            await channel.answer()
            await channel.set_autohangup(60)
            agent = await self.agents.by_endpoint(channel.headers.get("agi_arg_1", ""))
            phone = AgentPhone(channel, self.parts, _language(agent, self.parts.settings.default_language))
            for prompt in await self._told(phone, agent, code, detail):
                await phone.say(prompt)
            await channel.hangup()
        except CallEnded:
            pass  # he hung up: nothing was changed or it was already done

    async def _told(self, phone: AgentPhone, agent: Agent | None, code: str, detail: str) -> tuple[str, ...]:
        """Do it; return the prompts that tell the result."""
        if agent is None:
            return ("agent_not_allowed",)
        try:
            done = await self._do(phone, agent, code, detail)
        except (RoutingError, PeerError) as error:
            logger.warning("feature code failed", agent=agent.agent_id, code=code, error=str(error))
            return ("agent_failed",)
        logger.info("feature code", agent=agent.agent_id, code=code, done=" ".join(done))
        return done

    async def _do(self, phone: AgentPhone, agent: Agent, code: str, detail: str) -> tuple[str, ...]:
        agent_id = agent.agent_id
        match code:
            case "in":
                if not await self._pin_entered(phone, agent_id):
                    return ("agent_wrong_pin",)
                why = await self._why_paused(agent_id)
                await self.router.sign_in(self.agents.profile(agent))
                return (*why, "agent_signed_in")
            case "out":
                await self.router.sign_out(agent_id)
                return ("agent_signed_out",)
            case "pause":
                return await self._pause(phone, agent_id, detail)
            case "ready":
                await self.router.end_wrap_up(agent_id)
                return ("agent_wrap_up_ended",)
            case "longer":
                await self.router.extend_wrap_up(agent_id, LONGER_S)
                return ("agent_wrap_up_extended",)
        return ("agent_not_allowed",)

    async def _pause(self, phone: AgentPhone, agent_id: str, key: str) -> tuple[str, ...]:
        """Pause at once, then ask why; or end the pause."""
        if key in REASONS:
            await self.router.pause(agent_id, REASONS[key])
            return ("agent_paused",)
        why = await self._why_paused(agent_id)
        if not await self.router.toggle_pause(agent_id, BY_PHONE):
            return (*why, "agent_unpaused")
        key = await phone.ask("agent_pause_reasons", "".join(REASONS), REASON_MS)
        if key not in REASONS:
            return ()
        await self.router.pause(agent_id, REASONS[key])
        return ("agent_paused",)

    async def _why_paused(self, agent_id: str) -> tuple[str, ...]:
        """Return the prompt for an agent whom unanswered calls have paused, () for another."""
        for agent in (await self.router.snapshot()).agents:
            if agent.agent_id == agent_id and agent.status == "paused" and agent.reason.startswith(AUTO):
                return ("agent_auto_paused",)
        return ()

    async def _pin_entered(self, phone: AgentPhone, agent_id: str) -> bool:
        for attempt in range(TRIES):
            pin = await phone.say("agent_enter_pin" if attempt == 0 else "agent_wrong_pin", keys="0123456789")
            while len(pin) < PIN_LENGTH_MOST:
                key = await phone.channel.wait_for_digit(4000)
                if key in ("", "#"):
                    break
                pin += key
            if await self.agents.check_pin(agent_id, pin):
                return True
        return False


class AgentPhone:
    """An agent's phone that dialled a code: speaks to him in his language."""

    def __init__(self, channel: Channel, parts: Parts, language: str) -> None:
        self.channel, self._prompts, self._language = channel, parts.prompts, language

    async def say(self, prompt: str, keys: str = "") -> str:
        """Play a prompt; return the key of `keys` that stopped it, or ''."""
        phrase: Phrase = Prompt(prompt)
        for stem in self._prompts.files(phrase, self._language):
            key = await self.channel.stream_file(stem, keys, timeout_s=self._prompts.seconds(stem) + 4.0)
            if key:
                return key
        return ""

    async def ask(self, prompt: str, keys: str, timeout_ms: int) -> str:
        """Play a prompt and return the key pressed during it or after, '' for none in time."""
        return await self.say(prompt, keys) or await self.channel.wait_for_digit(timeout_ms)


def _language(agent: Agent | None, otherwise: str) -> str:
    """Return the agent's own language."""
    return next(iter(agent.languages), otherwise) if agent else otherwise
