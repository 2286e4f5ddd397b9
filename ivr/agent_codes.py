"""Feature codes on an agent's phone: *11 in, *12 out, *13 pause or end of pause, *14 end of wrap-up.

Signing in asks for the PIN. Called by `app.py` for FastAGI connections of the context [from-agent].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr import log
from ivr.agi.channel import Channel
from ivr.desk.agents import Agents
from ivr.errors import CallEnded, PeerError
from ivr.sound import Phrase, Prompt
from routing.errors import RoutingError
from routing.router import Router

if TYPE_CHECKING:
    from ivr.session import Parts

logger = log.logger(__name__)

PIN_LENGTH_MOST = 8
TRIES = 3


class AgentCodes:
    """What an agent may do by dialling a code."""

    def __init__(self, agents: Agents, router: Router, parts: Parts) -> None:
        self.agents, self.router, self.parts = agents, router, parts

    async def handle(self, channel: Channel, code: str) -> None:
        """Do what `code` (in, out, pause, ready) asks for the agent whose phone calls."""
        try:
            await channel.answer()
            await channel.set_autohangup(60)
            await self._say(channel, await self._do(channel, code))
            await channel.hangup()
        except CallEnded:
            pass  # he hung up: nothing was changed or it was already done

    async def _do(self, channel: Channel, code: str) -> str:
        """Return the prompt that tells the result."""
        agent = await self.agents.by_endpoint(channel.headers.get("agi_arg_1", ""))
        if agent is None:
            return "agent_not_allowed"
        try:
            if code == "in":
                if not await self._pin_entered(channel, agent.agent_id):
                    return "agent_wrong_pin"
                await self.router.sign_in(self.agents.profile(agent))
                done = "agent_signed_in"
            elif code == "out":
                await self.router.sign_out(agent.agent_id)
                done = "agent_signed_out"
            elif code == "pause":
                done = "agent_paused" if await self.router.toggle_pause(agent.agent_id, "phone") else "agent_unpaused"
            elif code == "ready":
                await self.router.end_wrap_up(agent.agent_id)
                done = "agent_wrap_up_ended"
            else:
                done = "agent_not_allowed"
        except (RoutingError, PeerError) as error:
            logger.warning("feature code failed", agent=agent.agent_id, code=code, error=str(error))
            return "agent_failed"
        logger.info("feature code", agent=agent.agent_id, code=code, done=done)
        return done

    async def _pin_entered(self, channel: Channel, agent_id: str) -> bool:
        for attempt in range(TRIES):
            pin = await self._say(channel, "agent_enter_pin" if attempt == 0 else "agent_wrong_pin", keys="0123456789")
            while len(pin) < PIN_LENGTH_MOST:
                key = await channel.wait_for_digit(4000)
                if key in ("", "#"):
                    break
                pin += key
            if await self.agents.check_pin(agent_id, pin):
                return True
        return False

    async def _say(self, channel: Channel, prompt: str, keys: str = "") -> str:
        phrase: Phrase = Prompt(prompt)
        for stem in self.parts.prompts.files(phrase, self.parts.settings.default_language):
            key = await channel.stream_file(stem, keys, timeout_s=self.parts.prompts.seconds(stem) + 4.0)
            if key:
                return key
        return ""
