"""Steps that know, ask and remember, with real phones: decided from what callers heard and what was kept."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from ivr.db import Database
from ivr.desk.agents import Agents
from ivr.desk.callbacks import CallBacks
from ivr.desk.messages import Messages
from ivr.phone.ear import tone
from ivr.phone.phone import Phone, PhoneCall, Phones
from ivr.record.surveys import Surveys
from ivr.settings import PROJECT
from tests.calls.conftest import (
    CUSTOMERS,
    DISTRICT,
    UNKNOWN,
    AgentLogin,
    agent_phone,
    heard_names,
    last_call,
    sign_in,
    wait_until,
)
from tests.calls.test_queue import agent
from tests.support.answering import Answering
from tests.support.hotline import Hotline
from tests.support.outage import Outage, post
from tests.support.ports import free_port

pytestmark = pytest.mark.timeout(300)  # most of it is listening: prompts are heard to their end

Logins = dict[str, AgentLogin]
AGENT_HZ = 700
LIMIT_S = 1.0
END = """
[steps.bye]
kind = "hangup"
prompt = "goodbye"
"""
IDENTIFY = """
title = "who lives where"
start = "who"
rescue = "bye"
[steps.who]
kind = "identify"
use_number = false
next = "state"
on.unknown = "bye"
on.no_input = "bye"
[steps.state]
kind = "status"
next = "bye"
"""
WEBHOOK = """
title = "asks a server"
start = "ask"
rescue = "bye"
[steps.ask]
kind = "webhook"
webhook = "{name}"
send = ["dialled", "caller", "language"]
results = ["paid"]
timeout_s = 1
on.paid = "paid"
on.other = "other"
on.timeout = "late"
on.failed = "broken"
[steps.paid]
kind = "say"
prompt = "thank_you"
number = "var.amount"
next = "bye"
[steps.other]
kind = "say"
prompt = "read_back"
next = "bye"
[steps.late]
kind = "say"
prompt = "please_wait"
next = "bye"
[steps.broken]
kind = "say"
prompt = "not_found"
next = "bye"
"""
SURVEY = """
title = "an agent, then a survey"
start = "wait"
rescue = "bye"
[steps.wait]
kind = "queue"
queue = "support"
on.answered = "ask"
[steps.ask]
kind = "survey"
name = "after_talk"
questions = ["survey_help", "survey_wait"]
timeout_s = 15
next = "bye"
[steps.bye]
kind = "hangup"
prompt = "goodbye"
disposition = "agent"
"""
CALLBACK = """
title = "nobody waits"
start = "offer"
rescue = "bye"
[steps.offer]
kind = "callback"
queue = "support"
next = "bye"
"""
MESSAGE = """
title = "only messages"
start = "take"
rescue = "bye"
[steps.take]
kind = "message"
queue = "support"
next = "bye"
"""
BRANCH = """
title = "who is there?"
start = "way"
rescue = "bye"
[steps.way]
kind = "branch"
next = "none"
[steps.way.when]
busy = "agents.support >= 1 & waiting.support > 0"
somebody = "agents.support >= 1 & waiting.support = 0"
[steps.way.on]
busy = "busy"
somebody = "somebody"
[steps.busy]
kind = "say"
prompt = "busy"
next = "bye"
[steps.somebody]
kind = "say"
prompt = "connecting"
next = "bye"
[steps.none]
kind = "say"
prompt = "no_agents"
next = "bye"
"""
OUTER = """
title = "asks by another flow"
start = "begin"
rescue = "bye"
[steps.begin]
kind = "set"
name = "colour"
value = "red {dialled}"
next = "ask"
[steps.ask]
kind = "invoke"
flow = "inner"
with = { depth = "1" }
on.good = "after"
on.done = "bye"
[steps.after]
kind = "branch"
next = "bye"
[steps.after.when]
kept = "var.colour = red 306 & var.depth = 1 & var.number = 12"
[steps.after.on]
kept = "kept"
[steps.kept]
kind = "pass"
flow = "last"
"""
INNER = """
title = "asks for a number"
start = "number"
rescue = "back"
[steps.number]
kind = "collect"
prompt = "enter_account"
name = "number"
next = "sure"
[steps.sure]
kind = "menu"
prompt = "confirm_entry"
on.1 = "good"
on.2 = "number"
timeout_s = 10
[steps.good]
kind = "return"
outcome = "good"
[steps.back]
kind = "return"
"""
LAST = """
title = "the last words"
start = "thanks"
rescue = "bye"
[steps.thanks]
kind = "say"
prompt = "thank_you"
next = "bye"
"""
WEBHOOKS = {"310": "good", "311": "slow", "312": "dead", "313": "rubbish", "314": "huge", "315": "drips"}
FLOWS = {"300": IDENTIFY, "302": SURVEY, "303": CALLBACK, "304": MESSAGE, "305": BRANCH, "306": OUTER}
QUEUES = """
[queues.support]
need = "internet"
ring_s = 8
"""


@pytest.fixture(scope="module")
def server_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def way_out() -> int:
    """The port our phones listen on: where Asterisk's trunk leads."""
    return free_port(socket.SOCK_DGRAM)


@pytest.fixture(scope="module")
def hotline(tmp_path_factory: pytest.TempPathFactory, server_port: int, way_out: int) -> Iterator[Hotline]:
    """A hotline whose numbers each lead into one kind of step."""
    folder = tmp_path_factory.mktemp("kinds", numbered=False)
    dialplans = folder / "dialplans"
    shutil.copytree(PROJECT / "dialplans" / "asterisk", dialplans / "asterisk")
    (dialplans / "flows").mkdir()
    flows = {f"f{number}": text for number, text in FLOWS.items()} | {"inner": INNER, "last": LAST}
    flows |= {f"f{number}": WEBHOOK.format(name=name) for number, name in WEBHOOKS.items()}
    for name, text in flows.items():
        own_end = "[steps.bye]" in text or name == "inner"
        (dialplans / "flows" / f"{name}.toml").write_text(text + ("" if own_end else END))
    numbers = [f'[numbers.{n}]\nflow = "f{n}"\nlanguage = "pl"\n' for n in (*FLOWS, *WEBHOOKS)]
    urls = {name: f"http://127.0.0.1:{server_port}/{name}" for name in WEBHOOKS.values()}
    urls["dead"] = f"http://127.0.0.1:{free_port()}/"
    webhooks = "[webhooks]\n" + "".join(f'{name} = "{url}"\n' for name, url in urls.items())
    (dialplans / "numbers.toml").write_text("\n".join(numbers) + webhooks)
    (dialplans / "queues.toml").write_text(QUEUES)
    (dialplans / "hours.toml").write_text('timezone = "Europe/Warsaw"\n')
    running = Hotline(
        folder, dialplans=dialplans, trunk_to=f"127.0.0.1:{way_out}", trunk_number="+48221000000",
        webhook_tokens="good=s3cret",
    )  # fmt: skip
    try:
        running.cli("setup", timeout_s=300)
        (folder / "customers.csv").write_text(CUSTOMERS)
        running.cli("customers", "import", str(folder / "customers.csv"))
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="module")
def logins(hotline: Hotline) -> Logins:
    """Anna, who rests a while after each call, and Boris, who knows nothing of faults."""
    hotline.cli("agent", "add", "anna", "--skill", "internet:5", "--pin", "4711", "--ring", "8", "--wrap-up", "20")
    hotline.cli("agent", "add", "boris", "--skill", "billing:5", "--pin", "4712")

    async def read() -> Logins:
        database = Database(hotline.settings)
        found = await Agents(database).list()
        await database.close()
        return {each.agent_id: AgentLogin(each.agent_id, each.endpoint, each.sip_password, "4711") for each in found}

    return asyncio.run(read())


@pytest.fixture(autouse=True)
def healthy(hotline: Hotline, logins: Logins, healthy: None) -> None:
    """The agents are known to the hotline before anybody signs them out."""


@pytest.fixture
async def phones(hotline: Hotline, way_out: int) -> AsyncIterator[Phones]:
    """Real SIP phones where the trunk leads."""
    async with Phones(hotline.server, port=way_out) as opened:
        yield opened


@pytest.fixture
async def anna(phones: Phones, logins: Logins, hotline: Hotline) -> Phone:
    """Anna's phone; she is signed in, talks for four seconds and hangs up."""
    phone = await agent_phone(phones, logins["anna"])
    phone.auto_answer(0.1, tone_hz=AGENT_HZ, hang_up_after_s=6)
    await sign_in(hotline, "anna")
    return phone


@pytest.fixture
async def server(server_port: int) -> AsyncIterator[Answering]:
    """The company's server."""
    async with Answering(
        {"/good": {"result": "paid", "amount": 12}, "/rubbish": b"<html>no</html>"}, server_port
    ) as up:
        yield up


@pytest.fixture
def outage(hotline: Hotline) -> Iterator[Outage]:
    """An outage of the district."""
    posted = post(hotline, area=DISTRICT)  # returns when it is on the phones
    yield posted
    hotline.cli("announce", "end", posted.id)


async def test_who_enters_his_account_hears_of_his_own_area(hotline: Hotline, phones: Phones, outage: Outage) -> None:
    """He calls from a number nobody knows; his account is read back, and what is heard is his district's outage."""
    call = await call_in(phones, "300")
    await hears(hotline, call, "pl/enter_account")
    await call.send_keys("1001#")
    await hears(hotline, call, "pl/confirm_entry")
    await call.send_keys("1")
    await call.wait_ended(40)
    said = heard_names(hotline, call.heard, outage)
    names = [name for name in said if " " not in name]  # single digits are too short to be told apart for sure
    record = await last_call(hotline, UNKNOWN)
    story = hotline.cli("call", "show", record.call_id).stdout

    assert names == ["pl/enter_account", "pl/read_back", "pl/confirm_entry", "outage", "pl/goodbye"]
    assert "found in the customer file by the account he entered" in story
    assert story.count("heard digits") == 4
    assert "number 1" not in story
    assert f"area {DISTRICT} contains the customer's area" in story


async def test_wrong_and_foreign_accounts(hotline: Hotline, phones: Phones, outage: Outage) -> None:
    """2 lets him enter it again; an account elsewhere hears that all is well there."""
    call = await call_in(phones, "300")
    await hears(hotline, call, "pl/enter_account")
    await call.send_keys("1001#")
    await hears(hotline, call, "pl/confirm_entry")
    await call.send_keys("2")
    await hears(hotline, call, "pl/enter_account", times=2)
    await call.send_keys("9999#,w1.5,1")
    await hears(hotline, call, "pl/not_found")
    await hears(hotline, call, "pl/enter_account", times=3)
    await call.send_keys("1003#,w1.5,1")
    await call.wait_ended(40)

    assert heard_names(hotline, call.heard, outage)[-2:] == ["pl/status_normal", "pl/goodbye"]


async def test_a_server_decides(hotline: Hotline, phones: Phones, server: Answering) -> None:
    """Its result is the way taken, its field is spoken; it is told what was declared, and knows the key."""
    call = await call_in(phones, "310")
    await call.wait_ended(20)
    record = await last_call(hotline, UNKNOWN)
    asked = server.asked[0]

    thanks, amount, goodbye = heard_names(hotline, call.heard)

    assert (thanks, goodbye) == ("pl/thank_you", "pl/goodbye")
    assert amount.endswith(" 12")
    assert asked.body == {"call": record.call_id, "dialled": "310", "caller": "unknown", "language": "pl"}
    assert asked.headers["authorization"] == "Bearer s3cret"


@pytest.mark.parametrize(
    ("number", "said"),
    [("311", "pl/please_wait"), ("315", "pl/please_wait"), ("312", "pl/not_found"), ("313", "pl/not_found"),
     ("314", "pl/not_found")],
)  # fmt: skip
async def test_a_server_that_is_no_help(
    hotline: Hotline, phones: Phones, server: Answering, number: str, said: str
) -> None:
    """Silent, dripping, dead, with rubbish or without end: the call goes on within the limit, and says so."""
    call = await call_in(phones, number)
    await call.wait_ended(20)
    record = await last_call(hotline, UNKNOWN)
    story = hotline.cli("call", "show", record.call_id).stdout
    took_ms = int(story.partition(" ms\n")[0].rpartition(" ")[2])

    assert heard_names(hotline, call.heard) == [said, "pl/goodbye"]
    assert took_ms < LIMIT_S * 1000 + 250
    assert "s3cret" not in story


async def test_a_caller_who_leaves_takes_his_question_along(
    hotline: Hotline, phones: Phones, server: Answering
) -> None:
    """Hanging up while a server is silent closes the connection to it at once."""
    call = await call_in(phones, "311")
    await asyncio.sleep(0.3)
    await call.hang_up()
    record = await last_call(hotline, UNKNOWN)
    await asyncio.sleep(0.2)

    assert record.disposition == "hung_up"
    assert [each.left_early for each in server.asked] == [True]


async def test_a_survey_after_the_talk(hotline: Hotline, phones: Phones, anna: Phone) -> None:
    """The agent hangs up and rests at once; the caller stays, answers, and his answers are kept."""
    call = await call_in(phones, "302")
    await hears(hotline, call, "pl/survey_help")
    resting = (await agent(hotline, "anna")).state
    await call.send_keys("5")
    await hears(hotline, call, "pl/survey_wait")
    await call.send_keys("4")
    await call.wait_ended(20)
    record = await last_call(hotline, UNKNOWN)
    database = Database(hotline.settings)
    answers = await Surveys(database).list()
    await database.close()
    report = hotline.cli("survey", "report").stdout

    assert resting == "wrap_up"
    assert heard_names(hotline, call.heard)[-2:] == ["pl/survey_thanks", "pl/goodbye"]
    assert [(a.survey, a.question, a.points) for a in answers] == [
        ("after_talk", "survey_wait", 4),
        ("after_talk", "survey_help", 5),
    ]
    assert (record.disposition, record.agent_id) == ("agent", "anna")
    assert "after_talk\tsurvey_help\t1\t5.00" in report


async def test_a_controller_killed_in_the_survey(hotline: Hotline, phones: Phones, anna: Phone) -> None:
    """The next one asks on; the talk before is no reason to end the call. Who leaves then has talked to an agent."""
    call = await call_in(phones, "302")
    await hears(hotline, call, "pl/survey_help", timeout_s=50)  # she may rest from the call before
    await asyncio.to_thread(hotline.kill, "controller")
    killed = len(call.heard)
    await asyncio.to_thread(hotline.start_controller)

    async def again() -> bool:
        return "pl/survey_help" in await asyncio.to_thread(heard_names, hotline, call.heard[killed:])

    await wait_until(again, "the survey again", 25)
    await call.hang_up()
    record = await last_call(hotline, UNKNOWN)

    assert record.agent_id == "anna"


async def test_a_callback_without_waiting(hotline: Hotline, phones: Phones) -> None:
    """The step offers it; his place is kept from now on."""
    caller = await phones.phone(UNKNOWN)
    call = await caller.call("303")
    await call.wait_answered()
    await hears(hotline, call, "pl/callback_number_keys")
    await call.send_keys("1")
    await call.wait_ended(20)
    record = await last_call(hotline, UNKNOWN)
    database = Database(hotline.settings)
    booked = (await CallBacks(database).list())[-1]
    await database.close()
    hotline.cli("callback", "cancel", UNKNOWN)

    assert heard_names(hotline, call.heard)[-2:] == ["pl/callback_booked", "pl/goodbye"]
    assert (record.disposition, booked.number, booked.queue) == ("callback", UNKNOWN, "support")


async def test_a_message_without_waiting(hotline: Hotline, phones: Phones) -> None:
    """The step records it."""
    call = await call_in(phones, "304")
    await hears(hotline, call, "pl/message_intro")
    call.say(tone(600), loop=True)
    await asyncio.sleep(6)  # he speaks: past the words and the tone
    await call.send_keys("#")
    await hears(hotline, call, "pl/message_keys")
    await call.send_keys("1")
    await call.wait_ended(20)
    record = await last_call(hotline, UNKNOWN)
    database = Database(hotline.settings)
    left = (await Messages(database).list())[-1]
    await database.close()

    assert (record.disposition, left.queue, left.call_id) == ("message", "support", record.call_id)
    assert left.length_ms > 1500


async def test_ways_by_who_is_there(hotline: Hotline, phones: Phones, logins: Logins) -> None:
    """Nobody signed in, somebody, somebody with a caller in line: three ways."""
    alone = await call_in(phones, "305")
    await alone.wait_ended(20)
    phone = await agent_phone(phones, logins["anna"])
    phone.never_answer()
    await sign_in(hotline, "anna")
    await asyncio.sleep(1.1)  # queues are looked at once a second
    somebody = await call_in(phones, "305")
    await somebody.wait_ended(20)
    waiting = await call_in(phones, "302", "+48500000001")
    await asyncio.sleep(1.5)  # queues are looked at once a second
    busy = await call_in(phones, "305")
    await busy.wait_ended(20)
    await waiting.hang_up()

    assert heard_names(hotline, alone.heard) == ["pl/no_agents", "pl/goodbye"]
    assert heard_names(hotline, somebody.heard) == ["pl/connecting", "pl/goodbye"]
    assert heard_names(hotline, busy.heard) == ["pl/busy", "pl/goodbye"]


async def test_a_controller_killed_inside_an_invoked_flow(hotline: Hotline, phones: Phones) -> None:
    """The next one goes on in that flow, returns to the first with what was set and entered, and passes to the last."""
    call = await call_in(phones, "306")
    await hears(hotline, call, "pl/enter_account")
    await call.send_keys("12#")
    await hears(hotline, call, "pl/confirm_entry")
    await asyncio.sleep(1)  # the record is written every half second
    await asyncio.to_thread(hotline.kill, "controller")
    killed = len(call.heard)
    await asyncio.to_thread(hotline.start_controller)

    async def again() -> bool:
        return "pl/confirm_entry" in await asyncio.to_thread(heard_names, hotline, call.heard[killed:])

    await wait_until(again, "the menu again", 25)
    await call.send_keys("1")
    await call.wait_ended(20)
    record = await last_call(hotline, UNKNOWN)
    story = hotline.cli("call", "show", record.call_id).stdout

    assert heard_names(hotline, call.heard[killed:])[-2:] == ["pl/thank_you", "pl/goodbye"]
    assert "took the call over at step sure" in story
    assert "step ask: good" in story


# -- the story's steps


async def call_in(phones: Phones, number: str, caller: str = UNKNOWN) -> PhoneCall:
    """Call a number and return once it is answered."""
    call = await phones.call(number, from_number=caller)
    assert await call.wait_answered(), call.ending
    return call


async def hears(hotline: Hotline, call: PhoneCall, prompt: str, *, times: int = 1, timeout_s: float = 15) -> None:
    """Wait until a phone has heard a prompt so often."""

    async def heard_it() -> bool:
        names = await asyncio.to_thread(heard_names, hotline, call.heard)
        return names.count(prompt) >= times

    await wait_until(heard_it, f"{prompt} x{times}", timeout_s)
