"""What callers and agents hear around a queue, with real phones and audio, in a hotline with queues of its own."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from ivr.app import router_redis
from ivr.db import Database
from ivr.desk.agents import Agents
from ivr.phone.phone import PhoneCall, Phones
from ivr.phone.robot import Robot, Temper
from ivr.record.store import Records
from ivr.settings import PROJECT
from routing.measure import TALKS_MIN
from routing.model import AgentView, Need, Plan
from routing.router import Router
from tests.calls.conftest import OUTSIDE, UNKNOWN, AgentLogin, heard, heard_names, last_call, sign_in, wait_until
from tests.support.hotline import Hotline

QUEUES = """
[queues.support]
project = "provider"
need = "internet"
ring_s = 5
wrap_up_s = 1
position_every_s = 5
messages = "queue_again_key"
message_every_s = 600
keys = { 3 = "queue:billing", 9 = "hear_again", "*" = "leave" }

[queues.billing]
need = "billing"
ring_s = 5
ewt = false

[queues.sales]
need = "internet"
max_wait_s = 5
ewt = false
overflow = "queue:billing"

[queues.nobody]
project = "acme"
need = "unheard_of"
overflow = "queue:billing"
"""
NUMBERS = {"200": "support", "201": "sales", "202": "nobody"}
FLOW = """
title = "straight into a queue"
start = "wait"
rescue = "sorry"
[steps.wait]
kind = "queue"
queue = "{queue}"
{keys}
[steps.sorry]
kind = "hangup"
prompt = "goodbye"
disposition = "no_agent"
"""
TONES = {"anna": 700, "boris": 900}


@pytest.fixture(scope="module")
def hotline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hotline]:
    """A running hotline whose numbers lead straight into its queues."""
    folder = tmp_path_factory.mktemp("queues", numbered=False)
    dialplans = folder / "dialplans"
    shutil.copytree(PROJECT / "dialplans" / "asterisk", dialplans / "asterisk")
    (dialplans / "flows").mkdir()
    (dialplans / "queues.toml").write_text(QUEUES)
    (dialplans / "hours.toml").write_text('timezone = "Europe/Warsaw"\n')
    (dialplans / "numbers.toml").write_text(
        "\n".join(
            f'[numbers.{number}]\nflow = "{queue}"\nlanguage = "pl"\nproject = "provider"'
            for number, queue in NUMBERS.items()
        )
        + '\n[numbers.210]\nflow = "support"\nlanguage = "ru"\nproject = "provider"\n'
    )
    for queue in NUMBERS.values():
        keys = 'on."*" = "sorry"' if queue == "support" else ""
        (dialplans / "flows" / f"{queue}.toml").write_text(FLOW.format(queue=queue, keys=keys))
    running = Hotline(folder, dialplans=dialplans)
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="module")
def logins(hotline: Hotline) -> dict[str, AgentLogin]:
    """Anna takes faults of the provider, Boris invoices."""
    for agent_id, skill, pin in (("anna", "internet", "4711"), ("boris", "billing", "4712")):
        hotline.cli(
            "agent", "add", agent_id, "--name", agent_id.title(), "--skill", f"{skill}:5", "--pin", pin, "--ring", "5",
            "--wrap-up", "1", "--project", "provider", "--language", "pl",
        )  # fmt: skip

    async def read() -> dict[str, AgentLogin]:
        database = Database(hotline.settings)
        agents = await Agents(database).list()
        await database.close()
        return {a.agent_id: AgentLogin(a.agent_id, a.endpoint, a.sip_password, "471") for a in agents}

    return asyncio.run(read())


@asynccontextmanager
async def router(hotline: Hotline) -> AsyncIterator[Router]:
    """The queues as a supervisor sees them."""
    redis = router_redis(hotline.settings)
    opened = Router(redis, controller_id="test")
    try:
        yield opened
    finally:
        await opened.close()
        await redis.aclose()


async def agent(hotline: Hotline, agent_id: str) -> AgentView:
    """Return an agent who is signed in, as the router knows him."""
    async with router(hotline) as opened:
        return next(each for each in (await opened.snapshot()).agents if each.agent_id == agent_id)


async def robot(phones: Phones, login: AgentLogin, **temper: float) -> Robot:
    """Return an agent at his phone; he answers after 0.2 s with his tone."""
    tempered = Temper(**{"answer_after_s": 0.2, "tone_hz": TONES[login.agent_id], **temper})
    return await Robot.start(phones, login.endpoint, login.password, name=login.agent_id, temper=tempered)


async def wait_heard(hotline: Hotline, call: PhoneCall, name: str, times: int = 1, timeout_s: float = 20) -> None:
    """Wait until `name` was heard on `call`."""

    async def there() -> bool:
        return [piece.name for piece in heard(hotline, call.heard)].count(name) >= times

    await wait_until(there, f"{name} x{times}", timeout_s)


async def call_in(phones: Phones, number: str, caller: str = UNKNOWN) -> PhoneCall:
    """Call a number and return once it is answered."""
    call = await phones.call(number, from_number=caller)
    await call.wait_answered()
    return call


async def test_the_agent_hears_the_whisper_and_the_caller_music(
    hotline: Hotline, phones: Phones, logins: dict[str, AgentLogin]
) -> None:
    """Project, queue and language before the talk; the caller has music meanwhile, no gap, and none of the words."""
    anna = await robot(phones, logins["anna"])
    await sign_in(hotline, "anna")
    call = await call_in(phones, "210")
    await wait_heard(hotline, call, "tone 700")
    await call.hang_up()
    agent_heard = heard(hotline, anna.calls[0].heard)
    caller_heard = heard(hotline, call.heard)

    assert [piece.name for piece in agent_heard if piece.known] == [
        "pl/whisper_project_provider", "pl/whisper_queue_support", "pl/whisper_language_ru",
    ]  # fmt: skip
    assert not [piece for piece in caller_heard if "whisper" in piece.name]
    talk_s = next(piece.start_s for piece in caller_heard if piece.name == "tone 700")
    silent_s = [piece.end_s - piece.start_s for piece in caller_heard if piece.name == "silence"]
    assert sum(silent_s) < 1.0, caller_heard
    assert talk_s > 2.0


async def test_an_agent_who_hangs_up_on_the_whisper_does_not_cost_the_caller_his_call(
    hotline: Hotline, phones: Phones, logins: dict[str, AgentLogin]
) -> None:
    """The caller stays in line, and is connected when the agent is back; the record says what happened."""
    anna = await robot(phones, logins["anna"], hang_up_after_s=0.3)
    await sign_in(hotline, "anna")
    call = await call_in(phones, "200")

    async def rung() -> bool:
        return bool(anna.calls)

    await wait_until(rung, "the first ring")
    anna.behave(Temper(0.2, tone_hz=700))
    await wait_heard(hotline, call, "tone 700")
    await call.hang_up()
    record = await last_call(hotline, UNKNOWN)

    assert (record.disposition, record.agent_id, record.offers) == ("agent", "anna", 2)
    assert "anna hung up before he was connected" in hotline.cli("call", "show", record.call_id).stdout


async def test_a_waiting_caller_hears_place_and_wait_and_hears_them_again(
    hotline: Hotline, phones: Phones, logins: dict[str, AgentLogin]
) -> None:
    """After a few talks the wait is known: a range is said with the place, and key 9 says both once more."""
    anna = await robot(phones, logins["anna"], hang_up_after_s=3)
    await sign_in(hotline, "anna")
    for n in range(TALKS_MIN + 2):  # the weight of a talk shrinks with every later one
        short = await call_in(phones, "200", f"+4860100000{n}")
        await short.wait_ended(20)
    anna.behave(Temper(0.2, tone_hz=700))
    talking = await call_in(phones, "200", OUTSIDE)
    await wait_heard(hotline, talking, "tone 700")
    waiting = await call_in(phones, "200")
    await wait_heard(hotline, waiting, "pl/queue_again_key")
    await waiting.send_keys("9")
    await wait_heard(hotline, waiting, "pl/queue_position 1", times=2)
    await wait_heard(hotline, waiting, "pl/wait_under_1", times=2)
    await wait_heard(hotline, waiting, "music")
    names = heard_names(hotline, waiting.heard)
    await waiting.hang_up()
    await talking.hang_up()
    record = await last_call(hotline, UNKNOWN)

    told = ["pl/queue_position 1", "pl/wait_under_1"]
    assert names == [*told, "pl/queue_again_key", *told]
    assert record.disposition == "abandoned"
    assert "a wait of under 1 minutes" in hotline.cli("call", "show", record.call_id).stdout


async def test_a_key_leads_to_another_queue(
    hotline: Hotline, phones: Phones, logins: dict[str, AgentLogin]
) -> None:
    """3 moves the caller to invoices, since his first entry; its agent answers."""
    (await robot(phones, logins["anna"])).phone.never_answer()
    await robot(phones, logins["boris"])
    await sign_in(hotline, "anna", "boris")
    call = await call_in(phones, "200")
    await wait_heard(hotline, call, "pl/queue_again_key")
    await call.send_keys("3")
    await wait_heard(hotline, call, "tone 900", timeout_s=30)
    await call.hang_up()
    record = await last_call(hotline, UNKNOWN)

    assert "pl/queue_moved" in heard_names(hotline, call.heard)
    assert (record.agent_id, record.queue) == ("boris", "billing")
    assert "moved to queue billing (queue:billing)" in hotline.cli("call", "show", record.call_id).stdout


async def test_the_longest_wait_leads_to_the_overflow(
    hotline: Hotline, phones: Phones, logins: dict[str, AgentLogin]
) -> None:
    """After max_wait_s with an agent who never answers the caller goes to invoices."""
    (await robot(phones, logins["anna"])).phone.never_answer()
    await robot(phones, logins["boris"])
    await sign_in(hotline, "anna", "boris")
    call = await call_in(phones, "201")
    await wait_heard(hotline, call, "tone 900", timeout_s=30)
    await call.hang_up()
    record = await last_call(hotline, UNKNOWN)

    assert (record.agent_id, record.queue) == ("boris", "billing")
    assert "the longest wait is over; on to queue:billing" in hotline.cli("call", "show", record.call_id).stdout


async def test_nobody_signed_in_leads_to_the_overflow_at_once(
    hotline: Hotline, phones: Phones, logins: dict[str, AgentLogin]
) -> None:
    """A queue nobody serves sends its callers on, not away."""
    await robot(phones, logins["boris"])
    await sign_in(hotline, "boris")
    call = await call_in(phones, "202")
    await wait_heard(hotline, call, "tone 900")
    await call.hang_up()

    assert (await last_call(hotline, UNKNOWN)).queue == "billing"


async def test_a_supervisor_moves_a_waiting_caller(
    hotline: Hotline, phones: Phones, logins: dict[str, AgentLogin]
) -> None:
    """Router.change puts him into another queue: its agent rings at once."""
    (await robot(phones, logins["anna"])).phone.never_answer()
    await robot(phones, logins["boris"])
    await sign_in(hotline, "anna", "boris")
    call = await call_in(phones, "200")
    async with router(hotline) as supervisor:

        async def waits() -> bool:
            return bool((await supervisor.snapshot()).calls)

        await wait_until(waits, "the caller in line")
        call_id = (await supervisor.snapshot()).calls[0].call_id
        await supervisor.change(call_id, queue="billing", plan=Plan(Need("billing")))
    await wait_heard(hotline, call, "tone 900", timeout_s=30)
    await call.hang_up()

    assert (await last_call(hotline, UNKNOWN)).agent_id == "boris"


async def test_an_agent_pauses_with_a_reason(
    hotline: Hotline, phones: Phones, logins: dict[str, AgentLogin]
) -> None:
    """*13 and a key, *13 and the key at once, *13 again ends it."""
    anna = await robot(phones, logins["anna"])
    await sign_in(hotline, "anna")
    seen = []
    for code, keys in (("*13", "w2,2"), ("*133", ""), ("*13", "")):
        await anna.dial(code, keys)
        now = await agent(hotline, "anna")
        seen.append((now.status, now.reason))

    assert seen == [("paused", "meal"), ("paused", "training"), ("in", "")]


async def test_an_agent_makes_his_wrap_up_longer(
    hotline: Hotline, phones: Phones, logins: dict[str, AgentLogin]
) -> None:
    """*15 during wrap-up adds a minute, *14 ends it."""
    anna = await robot(phones, logins["anna"], hang_up_after_s=2.5)
    await sign_in(hotline, "anna")
    async with router(hotline) as opened:
        call = await call_in(phones, "200")
        await call.wait_ended(20)
        await opened.extend_wrap_up("anna", 20)
    await anna.dial("*15")
    resting = (await agent(hotline, "anna")).state
    await anna.dial("*14")

    assert (resting, (await agent(hotline, "anna")).state) == ("wrap_up", "ready")


async def test_unanswered_calls_pause_an_agent_and_he_is_told(
    hotline: Hotline, phones: Phones, logins: dict[str, AgentLogin]
) -> None:
    """Three in a row, by cause; *13 tells him why and brings him back."""
    anna = await robot(phones, logins["anna"])
    anna.phone.never_answer()
    await sign_in(hotline, "anna")
    call = await call_in(phones, "200")
    async with router(hotline) as opened:
        for ring in range(1, 4):

            async def refused(ring: int = ring) -> bool:
                return len(anna.calls) == ring and not anna.calls[-1].up

            await wait_until(refused, f"ring {ring} unanswered", 20)
            if ring < 3:
                await wait_state(hotline, "anna", "back_off")
                await opened.end_wrap_up("anna")
    await wait_paused(hotline, "anna")
    paused = await agent(hotline, "anna")
    await call.wait_ended(20)
    await anna.dial("*13")
    told = heard_names(hotline, anna.phone.calls[-1].heard)

    assert (paused.status, paused.reason) == ("paused", "auto: no_answer")
    assert told == ["pl/agent_auto_paused", "pl/agent_unpaused"]
    assert (await agent(hotline, "anna")).status == "in"


async def test_the_last_agent_is_known(hotline: Hotline, phones: Phones, logins: dict[str, AgentLogin]) -> None:
    """Whom a caller talked to last is found by his number, for queues that wait for that agent."""
    await robot(phones, logins["anna"], hang_up_after_s=3)
    await sign_in(hotline, "anna")
    call = await call_in(phones, "200", "+48601222333")
    await call.wait_ended(20)
    record = await last_call(hotline, "+48601222333")
    database = Database(hotline.settings)
    try:
        found = await Records(database).last_agent("+48601222333")
        nobody = await Records(database).last_agent("+48601222334")
    finally:
        await database.close()

    assert record.started_at > datetime.now(UTC) - timedelta(minutes=5)
    assert (found, nobody) == ("anna", "")


async def wait_state(hotline: Hotline, agent_id: str, state: str) -> None:
    """Wait until the router has the agent in `state`."""

    async def there() -> bool:
        return (await agent(hotline, agent_id)).state == state

    await wait_until(there, f"{agent_id} {state}")


async def wait_paused(hotline: Hotline, agent_id: str) -> None:
    """Wait until the router has paused the agent."""

    async def there() -> bool:
        return (await agent(hotline, agent_id)).status == "paused"

    await wait_until(there, f"{agent_id} paused")


async def test_a_controller_that_is_stopped_hands_its_callers_over_with_their_place(
    hotline: Hotline, phones: Phones, logins: dict[str, AgentLogin]
) -> None:
    """SIGTERM, a new controller: the caller has heard nothing but music and prompts, his entry time is the old one."""
    anna = await robot(phones, logins["anna"])
    await sign_in(hotline, "anna")
    talking = await call_in(phones, "200", OUTSIDE)
    await wait_heard(hotline, talking, "tone 700")
    call = await call_in(phones, "200")
    await wait_heard(hotline, call, "pl/queue_position 1")
    async with router(hotline) as opened:
        before = {each.call_id: each.entered_ms for each in (await opened.snapshot()).waiting}
        hotline.signal("controller", signal.SIGTERM)
        await asyncio.to_thread(hotline.processes["controller"].wait, 20)
        await asyncio.to_thread(hotline.start_controller)

        async def taken_over() -> bool:
            return [each.state for each in (await opened.snapshot()).waiting] == ["waiting"]

        await wait_until(taken_over, "the caller in line again", 20)
        after = {each.call_id: each.entered_ms for each in (await opened.snapshot()).waiting}
    await anna.hang_up()
    await wait_heard(hotline, call, "tone 700")
    await call.hang_up()

    assert before == after
    assert len(before) == 1
