"""The announcements' pages and API without a browser: what is shown, done, refused and written down."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from ivr.announce.draft import Draft
from ivr.announce.model import MONITORING, RADAR, Target
from ivr.announce.publish import Publisher
from ivr.call import Customer
from ivr.desk.customers import Customers
from ivr.web.announcement_notices import MOST, Notice, Notices
from ivr.web.announcement_parts import desk_of
from tests.support.announced import Beeper, fill, hearing_row, tone
from tests.support.desk import desk_settings
from tests.support.page_client import application, client_of

WOLA = "pl/mazowieckie/warszawa/wola"
TYPED = {"areas": WOLA, "text_pl": "Awaria na Woli.", "text_en": "Outage in Wola.", "eta_kind": "unknown", "kind":
         "outage", "after": "end", "action": "publish"}  # fmt: skip
BODY: dict[str, Any] = {"target": {"areas": [WOLA]}, "texts": {"pl": "Awaria na Woli.", "en": "Outage."}}


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[FastAPI]:
    """The page over ten customers, one of them in Wola."""
    async with application(desk_settings(tmp_path)) as app:
        parts = app.state.parts
        parts.publisher = Publisher(parts.database, parts.settings, maker=Beeper())
        await Customers(parts.database, parts.settings)._write(
            [Customer(f"+4822123456{n}", f"A{n}", "", f"{WOLA}/node-17" if n == 0 else "pl/pomorskie/gdansk")
             for n in range(10)], None,
        )  # fmt: skip
        yield app


@pytest.fixture
async def ops(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, ["ops"]) as client:
        yield client


async def posted(client: httpx.AsyncClient, path: str = "/announcements/new", **typed: Any) -> httpx.Response:
    return await client.post(path, data={**TYPED, **typed} if path.endswith(("new", "change")) else typed)


async def followed(client: httpx.AsyncClient, answer: httpx.Response) -> str:
    assert answer.status_code == 303, answer.text
    return (await client.get(answer.headers["location"])).text


async def last(app: FastAPI) -> Any:
    return await app.state.parts.publisher.store.last("last")


# -- writing one


async def test_what_was_typed_goes_live(app: FastAPI, ops: httpx.AsyncClient) -> None:
    """The list tells that it is heard, whom it concerns, and what is missing; the audit log who did it."""
    page = await followed(ops, await posted(ops))
    live = await last(app)

    assert ("live", "ops", (WOLA,)) == (live.state, live.author, live.target.areas)
    assert "Published." in page
    assert "Concerns 1 of 10 customers." in page
    assert "no ru text" in page
    assert f'id="counters-{live.announcement_id}"' in page
    (entry,) = await app.state.parts.audit.list(what="announcement")
    assert ("ops", "announcement.publish", live.announcement_id) == (entry.who, entry.what, entry.subject)


async def test_a_draft_is_heard_by_nobody_until_it_is_published(app: FastAPI, ops: httpx.AsyncClient) -> None:
    assert "Nobody hears it yet." in await followed(ops, await posted(ops, action="draft"))
    draft = await last(app)
    assert "draft" == draft.state

    assert "Approved." in await followed(
        ops, await ops.post(f"/announcements/{draft.announcement_id}/approve", data={"version": 1})
    )
    assert "Published." in await followed(
        ops, await ops.post(f"/announcements/{draft.announcement_id}/publish", data={"version": 2})
    )
    assert ("live", 3) == ((await last(app)).state, (await last(app)).version)


@pytest.mark.parametrize(
    ("typed", "field", "told"),
    [
        ({"text_pl": "", "text_en": ""}, "text_pl", "A text is needed"),
        ({"areas": "pl//x y"}, "areas", "is not an area"),
        ({"prefix": "22"}, "prefix", "has no country code; did you mean &#39;+4822&#39;"),
        ({"dnis": "abc"}, "dnis", "is not a number that can be dialled"),
        ({"classes": "gold"}, "classes", "Expected one of: normal"),
        ({"eta_kind": "time", "eta": "soon"}, "eta", "Not a time"),
        ({"eta_kind": "time", "eta": ""}, "eta", "Not a time"),
        ({"eta_kind": "time", "eta": "2020-01-01 10:00"}, "eta", "is past"),
        ({"eta_kind": "range", "eta": "2027-01-01 10:00", "eta_from": "2027-01-01 11:00"}, "eta_from", "is not before"),
        ({"until": "2020-01-01 10:00"}, "until", "is past"),
        ({"kind": "party"}, "kind", "Expected one of: outage"),
        ({"service": "a b c"}, "service", "is not a service"),
        ({"text_en": "\x1b[31m"}, "text_en", "control character"),
        ({"recording_ru": "ru-" + "0" * 20}, "text_ru", "Write what the recording says"),
    ],
)
async def test_a_mistake_is_told_at_its_field_and_nothing_typed_is_lost(
    app: FastAPI, ops: httpx.AsyncClient, typed: dict[str, str], field: str, told: str
) -> None:
    answer = await posted(ops, **{"note": "Ticket 77", **typed})
    place = re.search(rf'id="error-{field}">([^<]*)', answer.text)

    assert 422 == answer.status_code
    assert place is not None
    assert told in place[1]
    assert "--" not in place[1]
    assert 'value="Ticket 77"' in answer.text
    assert "Awaria na Woli." in answer.text or "text_pl" in typed
    assert () == await app.state.parts.publisher.store.newest()


async def test_a_large_one_asks_twice(app: FastAPI, ops: httpx.AsyncClient) -> None:
    """Naming the numbers; back in the form everything is still there; confirmed, it is heard."""
    asked = await posted(ops, areas="pl/pomorskie", service="internet", eta_kind="time", eta="23:59")
    assert 409 == asked.status_code
    assert "This concerns 9 of 10 customers (90 %)." in asked.text
    fields = dict(re.findall(r'type="hidden" name="(?!csrf)(\w+)" value="([^"]*)"', asked.text))
    back = await ops.post("/announcements/new", data={**fields, "action": "edit"})
    assert 200 == back.status_code
    assert 'value="pl/pomorskie"' in back.text
    assert 'value="internet"' in back.text

    sure = await ops.post("/announcements/new", data={**fields, "action": "publish"})
    assert "Published." in await followed(ops, sure)
    assert "live" == (await last(app)).state


async def test_lists_of_numbers_come_from_files_too(app: FastAPI, ops: httpx.AsyncClient) -> None:
    """Beside what was typed, with a byte-order mark and a heading."""
    typed = {**TYPED, "areas": "", "numbers": "A0", "confirmed": "yes"}
    files = {"numbers_file": ("n.csv", "\ufeffaccount\nA1\n+48 221 234 562\n".encode())}
    await followed(ops, await ops.post("/announcements/new", data=typed, files=files))

    assert ("A0", "A1", "+48221234562") == (await last(app)).target.numbers


async def test_a_recording_is_kept_and_played(app: FastAPI, ops: httpx.AsyncClient) -> None:
    """By the button of its own, and with the whole form; a bad one is told at its field."""
    kept = await ops.post("/announcements/recording/pl", files={"file_pl": ("../../x.wav", tone(2))})
    name = re.search(r'name="recording_pl" value="([^"]*)"', kept.text)
    assert name is not None
    sound = await ops.get(f"/announcements/sound/{name[1]}.wav")
    assert (200, "audio/wav", b"RIFF") == (sound.status_code, sound.headers["content-type"], sound.content[:4])
    with_form = {"file_en": ("a.wav", tone(1))}
    await followed(ops, await ops.post("/announcements/new", data={**TYPED, "recording_pl": name[1]}, files=with_form))
    assert {"pl", "en"} == set((await last(app)).recordings)

    bad = await ops.post("/announcements/recording/pl", files={"file_pl": ("x.wav", b"<html>")})
    assert (422, True) == (bad.status_code, "is not audio" in bad.text)
    bad = await ops.post("/announcements/new", data=TYPED, files={"file_en": ("x.wav", b"<html>")})
    assert 422 == bad.status_code
    assert 'id="error-text_en">the recording is not audio' in bad.text
    large = await ops.post("/announcements/recording/pl", files={"file_pl": ("x.wav", bytes(11 << 20))})
    assert 413 == large.status_code


@pytest.mark.parametrize("name", ["x", "..%2f..%2fhotline", "pl-" + "0" * 20, "pl-0%00", "%2e%2e"])
async def test_no_other_file_is_served(ops: httpx.AsyncClient, name: str) -> None:
    assert (await ops.get(f"/announcements/sound/{name}.wav")).status_code in (404, 422)


# -- while somebody types


async def test_the_preview_tells_who_hears_it_and_speaks(ops: httpx.AsyncClient) -> None:
    """Customers, calls, what is missing, the very sound; nothing is stored."""
    who = (await posted(ops, "/announcements/preview", **TYPED)).text
    assert "1 of 10 customers" in who
    assert f"{WOLA}/node-17" in who
    assert "+48*******60" in who
    sounds = (await posted(ops, "/announcements/sounds", **TYPED)).text
    address = re.search(r'src="(/announcements/sound/en-[0-9a-f]{20}\.wav)"', sounds)
    assert address is not None
    assert 200 == (await ops.get(address[1])).status_code
    assert "No Russian text: those callers hear it in Polish." in sounds
    assert "We do not know yet when the service will be back." in sounds

    long = (await posted(ops, "/announcements/sounds", **{**TYPED, "text_en": "Again and again. " * 20})).text
    assert "more than 15 s" in long
    assert "publishing asks once more" in (await posted(ops, "/announcements/preview", areas="pl")).text
    wrong = (await posted(ops, "/announcements/preview", areas="pl/mazowieckie/warszawa/wolla")).text
    assert f"did you mean {WOLA}?" in wrong


async def test_without_scripts_the_preview_comes_by_a_button(app: FastAPI, ops: httpx.AsyncClient) -> None:
    answer = await posted(ops, action="preview", areas_typed=WOLA)

    assert 200 == answer.status_code
    assert "1 of 10 customers" in answer.text
    assert "<audio" in answer.text
    assert () == await app.state.parts.publisher.store.newest()


async def test_areas_are_chosen_from_the_tree_and_found_by_name(ops: httpx.AsyncClient) -> None:
    page = (await ops.get("/announcements/new", params={"area": WOLA})).text
    assert f'name="areas" value="{WOLA}" data-area="{WOLA}" checked' in page
    below = (await ops.get("/announcements/areas", params={"under": "pl"})).text
    assert re.findall(r'data-area="([^"]*)"', below) == ["pl/mazowieckie", "pl/pomorskie"]
    assert 'data-add="pl/pomorskie/gdansk" data-count="9"' in (
        await ops.get("/announcements/areas/found", params={"area_search": "gda"})
    ).text
    assert "No area is called xyz." in (await ops.get("/announcements/areas/found", params={"area_search": "xyz"})).text


# -- while it is heard


async def test_counters_move_and_a_change_is_told(app: FastAPI, ops: httpx.AsyncClient) -> None:
    """Numbers go to their place; when another version holds, the browser is told to show it."""
    await posted(ops)
    page = (await ops.get("/announcements")).text
    shown = re.search(r"shown=([^\"]+)", page)
    assert shown is not None
    live = await last(app)
    rows = [hearing_row(f"c{n}", f"+4822{n}", announcement_id=live.announcement_id, at=datetime.now(UTC),
                        heard_ms=10_000 if n else 10) for n in range(3)]  # fmt: skip
    await fill(app.state.parts.database, hearing=rows)
    await asyncio.sleep(0.6)  # counters are kept so long for many who look at once
    told = await ops.get(f"/announcements/counters?shown={shown[1]}")

    assert ["3", "2"] == re.findall(r'data-count="(?:matched|heard)"[^>]*>(\d+)', told.text)
    assert "hx-trigger" not in told.headers
    await ops.post(f"/announcements/{live.announcement_id}/eta", data={"quick": "+60", "version": 1})
    told = await ops.get(f"/announcements/counters?shown={shown[1]}")
    assert "announcements-changed" == told.headers["hx-trigger"]


async def test_the_expected_end_is_changed_by_one_press(app: FastAPI, ops: httpx.AsyncClient) -> None:
    """An hour from now, another from that, a time, unknown."""
    await posted(ops)
    address = f"/announcements/{(await last(app)).announcement_id}/eta"
    await followed(ops, await ops.post(address, data={"quick": "+60"}))
    first = (await last(app)).eta
    await followed(ops, await ops.post(address, data={"quick": "+120"}))
    second = (await last(app)).eta

    assert timedelta(0) < first - datetime.now(UTC) <= timedelta(hours=1)
    assert timedelta(hours=2) == second - first
    wrong = await ops.post(address, data={"eta": "later"})
    assert (422, True) == (wrong.status_code, "Not a time" in wrong.text)
    await followed(ops, await ops.post(address, data={"eta": "23:59"}))
    assert (await last(app)).eta is not None
    await followed(ops, await ops.post(address, data={"quick": "unknown"}))
    assert (await last(app)).eta is None


async def test_stopped_by_one_press_and_put_back_by_another(app: FastAPI, ops: httpx.AsyncClient) -> None:
    await posted(ops)
    first = await last(app)
    page = await followed(ops, await ops.post(f"/announcements/{first.announcement_id}/end"))
    assert "Stopped. Callers no longer hear it." in page
    assert f'action="/announcements/{first.announcement_id}/again"' in page
    assert "ended" == (await last(app)).state

    await followed(ops, await ops.post(f"/announcements/{first.announcement_id}/again"))
    (again,) = await app.state.parts.publisher.store.live(datetime.now(UTC))
    assert (first.target, first.texts) == (again.target, again.texts)
    assert first.announcement_id != again.announcement_id
    assert "ended" in (await ops.get("/announcements?ended=1")).text


async def test_restored_is_told_and_not_restored_twice(app: FastAPI, ops: httpx.AsyncClient) -> None:
    await posted(ops)
    address = f"/announcements/{(await last(app)).announcement_id}/restore"
    assert "it works again" in await followed(ops, await ops.post(address))
    assert "restored" == (await last(app)).state
    assert 422 == (await ops.post(address)).status_code


async def test_who_looked_at_an_old_version_is_told_whose_the_new_one_is(app: FastAPI, ops: httpx.AsyncClient) -> None:
    """By a button and by the form; ending it works all the same."""
    await posted(ops)
    held = await last(app)
    await app.state.parts.publisher.update(held.announcement_id, "anna", datetime.now(UTC), texts={"en": "New."})
    pressed = await ops.post(f"/announcements/{held.announcement_id}/eta", data={"quick": "+60", "version": 1})
    sent = await posted(ops, f"/announcements/{held.announcement_id}/change", version="1", text_pl="Moje słowa.")

    assert (409, 409) == (pressed.status_code, sent.status_code)
    assert "anna changed it at" in pressed.text
    assert "anna changed it at" in sent.text
    assert "Moje słowa." in sent.text
    assert 2 == (await last(app)).version
    assert 303 == (await ops.post(f"/announcements/{held.announcement_id}/end", data={"version": 1})).status_code


async def test_the_form_of_a_change_holds_everything(app: FastAPI, ops: httpx.AsyncClient) -> None:
    """Sent as it is, only the version is new."""
    await posted(ops, node="node-17", numbers="A1\nA2", service="internet", eta_kind="range", eta_from="23:58",
                 eta="23:59", note="why", as_of="yes", after="offer", classes=["vip", "medical"])  # fmt: skip
    held = await last(app)
    page = (await ops.get(f"/announcements/{held.announcement_id}/change")).text
    fields: dict[str, Any] = dict(re.findall(r'<input[^>]* name="(\w+)" value="([^"]*)"', page))
    fields |= dict(re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>([^<]*)</textarea>', page))
    for name in ("kind", "after", "eta_kind", "as_of"):
        fields[name] = re.findall(rf'name="{name}" value="(\w+)" checked', page)
    fields["classes"] = re.findall(r'name="classes" value="(\w+)" checked', page)
    fields["areas"] = re.findall(r'name="areas" value="([^"]+)" data-area="[^"]*" checked', page)
    await followed(ops, await ops.post(f"/announcements/{held.announcement_id}/change", data={**fields, "action":
                   "publish"}))  # fmt: skip
    new = await last(app)

    assert 2 == new.version
    assert held.target == new.target
    assert (held.texts, held.service, held.note, held.as_of, held.after) == (
        new.texts, new.service, new.note, new.as_of, new.after,
    )  # fmt: skip
    assert [each.replace(second=0, microsecond=0) for each in (held.eta, held.eta_from)] == [new.eta, new.eta_from]


async def test_what_machines_propose_stands_first(app: FastAPI, ops: httpx.AsyncClient) -> None:
    """With its note and a button to publish it; a person's own draft comes later."""
    await posted(ops, action="draft")
    publisher = app.state.parts.publisher
    for source, note in ((RADAR, "14 calls from Wola in 3 minutes"), (MONITORING, "switch 17 is down")):
        await publisher.draft(Draft(Target(node=source), {"pl": "Awaria."}, source=source, note=note), source,
                              datetime.now(UTC))  # fmt: skip
    page = (await ops.get("/announcements")).text

    assert page.index("Proposed by radar and monitoring") < page.index("14 calls from Wola") < page.index(">Drafts ")
    assert "switch 17 is down" in page
    assert 3 == page.count('/publish"')


async def test_figures_and_versions_are_shown(app: FastAPI, ops: httpx.AsyncClient) -> None:
    await posted(ops)
    held = await last(app)
    await fill(app.state.parts.database, hearing=[
        hearing_row("c1", "+4822", announcement_id=held.announcement_id, at=held.at + timedelta(seconds=2)),
        hearing_row("c2", "+4822", announcement_id=held.announcement_id, outcome="other", at=held.at),
    ])  # fmt: skip
    page = (await ops.get(f"/announcements/{held.announcement_id}")).text

    assert "50 %" in page
    assert "Versions" in page
    assert "<audio" in page


async def test_who_may_only_look_sees_no_buttons(app: FastAPI, ops: httpx.AsyncClient) -> None:
    await posted(ops)
    held = (await last(app)).announcement_id
    async with client_of(app, ["agent"]) as agent:
        page = (await agent.get("/announcements")).text
        refused = [await agent.post(f"/announcements/{held}/{what}") for what in ("end", "publish", "eta", "restore")]
        refused += [await agent.get("/announcements/new"), await agent.post("/announcements/preview")]

    assert "Awaria na Woli." in page
    assert "<form" not in page.partition("<main")[2]
    assert {403} == {each.status_code for each in refused}


async def test_announcements_nobody_has_are_told(ops: httpx.AsyncClient) -> None:
    for path in ("/announcements/f00d", "/announcements/f00d/change"):
        answer = await ops.get(path)
        assert (422, True) == (answer.status_code, "there is no announcement" in answer.text)


def test_notices_are_told_once_to_their_author() -> None:
    """And only so many are kept."""
    notices = Notices()
    tokens = [notices.keep(Notice("end", "ops", None)) for _ in range(MOST + 1)]  # type: ignore[arg-type]

    assert notices.take(tokens[0], "ops") is None
    assert notices.take(tokens[1], "anna") is None
    assert notices.take(tokens[1], "ops") is not None
    assert notices.take(tokens[1], "ops") is None


async def test_choices_come_from_the_dialplans(app: FastAPI, ops: httpx.AsyncClient) -> None:
    choices = await desk_of(app.state.parts).choices()
    page = (await ops.get("/announcements/new")).text

    assert "100" in choices.numbers
    assert "internet" in choices.services
    assert all(f'<option value="{each}">' in page for each in (*choices.numbers, *choices.projects, *choices.services))


# -- the API

API = "/api/v1/announcements"


async def test_programs_do_the_same(app: FastAPI, ops: httpx.AsyncClient) -> None:
    """Draft, publish, change, restore, end; each answer holds the version and its ETag."""
    made = await ops.post(API, json=BODY)
    assert (201, '"1"', "draft") == (made.status_code, made.headers["etag"], made.json()["announcement"]["state"])
    one = f"{API}/{made.json()['announcement']['id']}"
    assert "approved" == (await ops.post(f"{one}/approve")).json()["announcement"]["holds"]
    live = (await ops.post(f"{one}/publish", headers={"If-Match": '"2"'})).json()
    assert ("live", True, 1, 10) == (
        live["announcement"]["holds"], live["heard"], live["customers"], live["customers_all"],
    )  # fmt: skip
    eta = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    changed = await ops.patch(one, json={"eta": {"kind": "time", "at": eta}, "texts": {"en": "Still out."}})
    assert ("Still out.", "Awaria na Woli.") == tuple(
        changed.json()["announcement"]["texts"][each] for each in ("en", "pl")
    )
    replaced = await ops.put(one, json={**BODY, "service": "internet"})
    assert ("internet", None) == tuple(replaced.json()["announcement"][each] for each in ("service", "eta"))
    assert "restored" == (await ops.post(f"{one}/restore", json={})).json()["announcement"]["holds"]
    assert "ended" == (await ops.post(f"{one}/end")).json()["announcement"]["holds"]
    whole = (await ops.get(one)).json()
    assert list(range(1, 8)) == [each["version"] for each in whole["versions"]]
    assert 0 == (await ops.get(f"{one}/figures")).json()["total"]["matched"]
    assert [] == (await ops.get(API)).json()
    assert [whole["id"]] == [each["id"] for each in (await ops.get(API, params={"holds": "ended"})).json()]
    assert 7 == len(await app.state.parts.audit.list(what="announcement"))


async def test_two_programs_at_once(app: FastAPI, ops: httpx.AsyncClient) -> None:
    """The second is told who was first; a large one must be confirmed."""
    one = f"{API}/{(await ops.post(API, json=BODY, params={'publish': True})).json()['announcement']['id']}"
    assert 200 == (await ops.patch(one, json={"note": "a"}, headers={"If-Match": '"1"'})).status_code
    late = await ops.patch(one, json={"note": "b"}, headers={"If-Match": '"1"'})
    large = await ops.post(API, json={**BODY, "target": {}}, params={"publish": True})

    assert 409 == late.status_code
    assert late.json()["error"].startswith("ops changed it at")
    assert 409 == large.status_code
    assert "10 of 10 customers (100%)" in large.json()["error"]
    sure = await ops.post(API, json={**BODY, "target": {}}, params={"publish": True, "confirmed": True})
    assert 201 == sure.status_code


async def test_programs_preview(ops: httpx.AsyncClient) -> None:
    seen = (await ops.post(f"{API}/preview", json=BODY, params={"sound": True})).json()

    assert (1, 10, 0) == (seen["customers"], seen["customers_all"], seen["calls_24h"])
    assert [f"{WOLA}/node-17"] == seen["areas"]
    assert {"pl", "en"} == {each["language"] for each in seen["sounds"]}
    assert 200 == (await ops.get(seen["sounds"][0]["address"])).status_code


@pytest.mark.parametrize(
    "body",
    [
        {}, {"texts": {}}, {"texts": {"xx": "a"}}, {"texts": {"pl": ""}}, {"texts": {"pl": "a\0b"}},
        {"texts": {"pl": "a" * 1201}}, {"texts": {"pl": "?"}}, {**BODY, "more": 1}, {**BODY, "service": "a b"},
        {**BODY, "eta": {"kind": "time"}}, {**BODY, "eta": {"kind": "range", "at": "2027-01-01T00:00:00Z"}},
        {**BODY, "until": "2026-01-01T00:00:00"}, {**BODY, "until": "0001-01-01T00:00:00+14:00"},
        {**BODY, "starts": "9999-12-31T23:59:59-12:00"}, {**BODY, "target": {"areas": ["a b"]}},
        {**BODY, "target": {"areas": ["a"] * 101}}, {**BODY, "target": {"prefix": "\u0664\u0662"}},
        {**BODY, "target": {"numbers": ["\x07"]}}, {**BODY, "note": "x\ny"},
    ],
)  # fmt: skip
async def test_what_a_program_must_not_send(app: FastAPI, ops: httpx.AsyncClient, body: dict[str, Any]) -> None:
    """A Problem in one sentence; nothing is kept."""
    answer = await ops.post(API, json=body)

    assert 422 == answer.status_code
    assert answer.json()["error"]
    assert () == await app.state.parts.publisher.store.newest()


async def test_listed_numbers_are_masked_for_who_may_only_look(app: FastAPI, ops: httpx.AsyncClient) -> None:
    await ops.post(API, json={**BODY, "target": {"numbers": ["+48221234560"]}})
    async with client_of(app, ["agent"]) as agent:
        (seen,) = (await agent.get(API)).json()

    assert ["+48*******60"] == seen["target"]["numbers"]
    assert ["+48221234560"] == (await ops.get(API)).json()[0]["target"]["numbers"]


async def test_no_announcement_of_that_name(ops: httpx.AsyncClient) -> None:
    for method, path in (("GET", "f00d"), ("GET", "f00d/figures"), ("POST", "f00d/end"), ("POST", "f00d/publish")):
        assert 404 == (await ops.request(method, f"{API}/{path}")).status_code
