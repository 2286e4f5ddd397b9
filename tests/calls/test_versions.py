"""Call flows changed under real callers: who is on the phone keeps his version, the next one gets the new one."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr import reload as module
from ivr.phone.hear import Recogniser
from ivr.phone.phone import PhoneCall, Phones
from ivr.settings import PROJECT
from ivr.speech.catalog import load_prompt_set
from ivr.versions.store import Versions
from tests.calls.conftest import UNKNOWN, heard_names, last_call, wait_until
from tests.support.desk import opened
from tests.support.hotline import Hotline

pytestmark = pytest.mark.timeout(240)

NUMBERS = '[numbers.100]\nflow = "main"\nlanguage = "pl"\n'
QUEUES = '[queues.support]\nneed = "internet"\nkeys = "*"\n'
MENUS = {"one": ("offer_menu", "busy"), "two": ("invoice_menu", "queue_full"), "three": ("fault_menu", "no_agents")}


def write(hotline: Hotline, which: str, *, numbers: str = NUMBERS) -> None:
    """Write a version: a menu of its own, and what key 1 says."""
    menu, answer = MENUS[which]
    folder = hotline.settings.dialplans_dir
    (folder / "flows").mkdir(parents=True, exist_ok=True)
    (folder / "numbers.toml").write_text(numbers)
    (folder / "queues.toml").write_text(QUEUES)
    (folder / "hours.toml").write_text('timezone = "Europe/Warsaw"\n')
    (folder / "flows" / "main.toml").write_text(
        f'title = "{which}"\nstart = "{which}_menu"\nrescue = "{which}_bye"\n'
        f'[steps.{which}_menu]\nkind = "menu"\nprompt = "{menu}"\non.1 = "{which}_answer"\ntries = 5\n'
        f'[steps.{which}_answer]\nkind = "say"\nprompt = "{answer}"\nnext = "{which}_bye"\n'
        f'[steps.{which}_bye]\nkind = "hangup"\n'
    )


@pytest.fixture(scope="module")
def hotline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hotline]:
    """A hotline with dialplans and prompts of its own, version one live."""
    folder = tmp_path_factory.mktemp("versions", numbered=False)
    prompts = folder / "prompts"
    shutil.copytree(PROJECT / "prompts", prompts)
    running = Hotline(folder, dialplans=folder / "dialplans", prompts=prompts)
    write(running, "one")
    try:
        yield running.start()
    finally:
        running.stop()


async def reload(hotline: Hotline) -> tuple[str, ...]:
    """Make the folder live, as the command does; return what changed."""
    done = await module.reload(hotline.settings, author="anna")
    assert done.change is None or done.heard.taken, done
    return done.words


async def live(hotline: Hotline) -> str:
    """Return the version new calls follow."""
    async with opened(hotline.settings) as database:
        last = await Versions(database).last()
    assert last is not None
    return last.version


async def ask(hotline: Hotline, phones: Phones, prompt: str, number: str = "100", since: int = 0) -> PhoneCall:
    """Call and wait until the menu is heard."""
    call = await phones.call(number, from_number=UNKNOWN)
    await call.wait_answered()
    await hears(hotline, call, prompt, since)
    return call


async def hears(hotline: Hotline, call: PhoneCall, prompt: str, since: int = 0) -> None:
    """Wait until the caller has heard a prompt in Polish."""

    async def heard() -> bool:
        return f"pl/{prompt}" in heard_names(hotline, call.heard[since:])

    await wait_until(heard, prompt, 25)


async def answer(hotline: Hotline, call: PhoneCall) -> list[str]:
    """Press 1 and return what is heard from then on, to the end of the call."""
    since = len(call.heard)
    await call.send_keys("1")
    await call.wait_ended(20)
    return [name.removeprefix("pl/") for name in heard_names(hotline, call.heard[since:])]


async def test_a_caller_in_the_menu_keeps_his_version(hotline: Hotline, phones: Phones) -> None:
    """He hears the old answer, the next caller the new menu; both records name their version."""
    old = await live(hotline)
    first = await ask(hotline, phones, "offer_menu")
    write(hotline, "two")
    command = ("dialplan", "reload", "--note", "another menu", "--author", "anna")
    printed = (await asyncio.to_thread(hotline.cli, *command)).stdout
    told = await answer(hotline, first)
    one = await last_call(hotline, UNKNOWN)
    second = await ask(hotline, phones, "invoice_menu")
    told_second = await answer(hotline, second)
    new = await live(hotline)

    assert "busy" in told
    assert "queue_full" in told_second
    assert f"version {new} is live for every new call" in printed
    assert "steps: two_menu added, two_answer added, two_bye added, one_menu removed" in printed
    assert "on 1 controller after" in printed
    assert (old, new) == (one.flow_version, (await last_call(hotline, UNKNOWN)).flow_version)
    listed = hotline.cli("dialplan", "versions").stdout
    assert "anna\tlive\t100 %\t" in listed
    assert "another menu" in listed


async def test_a_broken_file_changes_nothing(hotline: Hotline, phones: Phones) -> None:
    """Every mistake is named, exit status 1; new calls get the version that was live."""
    before = await live(hotline)
    write(hotline, "three", numbers=NUMBERS.replace('"main"', '"maim"'))
    flow = hotline.settings.dialplans_dir / "flows" / "main.toml"
    flow.write_text(flow.read_text().replace("no_agents", "no_agent"))
    run = await asyncio.to_thread(hotline.cli, "dialplan", "reload", check=False)
    call = await ask(hotline, phones, "invoice_menu")
    await call.hang_up()

    assert 1 == run.returncode
    assert "numbers.toml\n  2:" in run.stderr
    assert f"nothing changed, version {before} stays live" == run.stderr.splitlines()[-1]
    assert "did you mean 'main'?" in run.stderr
    assert "did you mean 'no_agents'?" in run.stderr
    assert before == await live(hotline)


async def test_a_restart_keeps_what_is_live(hotline: Hotline, phones: Phones) -> None:
    """A folder that was changed, and even a broken one, waits for a reload; that is told."""
    flow = hotline.settings.dialplans_dir / "flows" / "main.toml"
    flow.write_text("broken")
    await asyncio.to_thread(hotline.kill, "controller")
    await asyncio.to_thread(hotline.start_controller)
    call = await ask(hotline, phones, "invoice_menu")
    await call.hang_up()
    write(hotline, "three")
    pending = hotline.cli("dialplan", "versions").stderr
    diff = hotline.cli("dialplan", "diff").stdout

    assert "is not live" in hotline.tail("controller")
    assert "dialplans/ holds changes that are not live: ivr dialplan reload" in pending
    assert '-prompt = "invoice_menu"' in diff
    assert '+prompt = "fault_menu"' in diff


async def test_a_call_taken_over_keeps_its_version(hotline: Hotline, phones: Phones) -> None:
    """Another version goes live, the controller dies: the next one leads him through the old menu again."""
    write(hotline, "two")
    await reload(hotline)
    old = await live(hotline)
    call = await ask(hotline, phones, "invoice_menu")
    write(hotline, "three")
    await reload(hotline)
    await asyncio.to_thread(hotline.kill, "controller")
    killed = len(call.heard)
    await asyncio.to_thread(hotline.start_controller)
    await hears(hotline, call, "invoice_menu", killed)
    told = await answer(hotline, call)
    record = await last_call(hotline, UNKNOWN)
    next_call = await ask(hotline, phones, "fault_menu")
    await next_call.hang_up()

    assert "queue_full" in told
    assert old == record.flow_version
    assert old != await live(hotline)


async def test_a_new_number_is_reachable_at_once(hotline: Hotline, phones: Phones) -> None:
    """Asterisk learns it with the reload; going back takes it away for new calls."""
    write(hotline, "one", numbers=NUMBERS + '[numbers.177]\nflow = "main"\nlanguage = "pl"\n')
    printed = await reload(hotline)
    call = await ask(hotline, phones, "offer_menu", number="177")
    await call.hang_up()
    back = hotline.cli("dialplan", "rollback").stdout
    other = await phones.call("177", from_number=UNKNOWN)
    await other.wait_ended(10)

    assert "numbers: 177 added" in printed
    assert "rolled back" in back
    assert not other.heard.any()


async def test_a_new_wording_reaches_new_calls_only(hotline: Hotline, phones: Phones) -> None:
    """Rendered by the reload; who was in the menu hears the old words."""
    write(hotline, "one")
    await reload(hotline)
    call = await ask(hotline, phones, "offer_menu")
    before = load_prompt_set(hotline.settings)
    file = hotline.settings.prompts_dir / "pl.toml"
    text = file.read_text()
    old = next(line for line in text.splitlines() if line.startswith("busy ="))
    file.write_text(text.replace(old, 'busy = "Ten numer jest chwilowo zajęty, zadzwoń trochę później."'))
    printed = await reload(hotline)
    after = load_prompt_set(hotline.settings)
    since = len(call.heard)
    await call.send_keys("1")
    await call.wait_ended(20)
    next_call = await ask(hotline, phones, "offer_menu")
    since_next = len(next_call.heard)
    await next_call.send_keys("1")
    await next_call.wait_ended(20)
    files = {
        which: Path(prompts.rendered["pl", "busy", None].stem + ".ulaw")
        for which, prompts in (("old", before), ("new", after))
    }
    recogniser = Recogniser(files)
    told = [
        [piece.name for piece in recogniser.recognise(pcm) if piece.known]
        for pcm in (call.heard[since:], next_call.heard[since_next:])
    ]

    assert "prompts: pl/busy new or changed" in printed
    assert [["old"], ["new"]] == told
