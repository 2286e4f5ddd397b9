"""Who gets in, and what is refused: roles on every route, logging in, sessions, forged and oversized requests."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
import sqlalchemy as sa
from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute

from ivr import db
from ivr import settings as settings_module
from ivr.access import ROLES, Who, rights_of
from ivr.db import upgrade
from ivr.desk import passwords
from ivr.desk.web_sessions import IDLE, LONGEST
from ivr.settings import Settings
from ivr.web import app as web_app
from ivr.web.guard import COOKIE, Body, access_of, allow
from ivr.web.parts import Parts
from ivr.web.rates import LoginLimits, Rates
from ivr.web.server import check_place
from tests.support.page_client import ORIGIN, application, client_of
from tests.web.role_matrix import NOBODY, PEOPLE, TOKEN, role_matrix, token_of

PUBLIC = {
    ("GET", "/login"), ("POST", "/login"), ("POST", "/language"), ("GET", "/health"), ("GET", "/static/{name:path}"),
    ("POST", "/api/v1/alerts"),
}  # fmt: skip
PASSWORD = "four quiet little horses"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = settings_module.load(var=tmp_path / "var", redis_port=1)
    upgrade(made)
    return made


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    async with application(settings) as running:
        yield running


@pytest.fixture
async def anybody(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        client.headers["Origin"] = ORIGIN
        yield client


@pytest.fixture
async def admin(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, ("admin",)) as client:
        yield client


def parts(app: FastAPI) -> Parts:
    found: Parts = app.state.parts
    return found


async def add_user(app: FastAPI, name: str = "olga", role: str = "ops") -> None:
    """Add a user who has chosen `PASSWORD`."""
    issued = await parts(app).users.add(name, (role,))
    await parts(app).users.change_password(name, issued.password, PASSWORD)


async def log_in(
    client: httpx.AsyncClient, name: str = "olga", password: str = PASSWORD, **more: str
) -> httpx.Response:
    return await client.post("/login", data={"name": name, "password": password, **more})


def secret_of(answer: httpx.Response) -> str:
    """Return what the session's cookie holds: the client itself would send it back over https only."""
    found = re.match(rf"{COOKIE}=([^;]+);", answer.headers["set-cookie"])
    assert found
    return found[1]


# -- every role on every route


async def test_every_role_on_every_route(settings: Settings) -> None:
    """Nobody, each role and a token of each: let in exactly where a right of theirs is asked for."""
    lines = await role_matrix(settings)

    assert len(lines) > 60
    for line in lines:
        place = f"{line.method} {line.path}"
        for role in PEOPLE:
            his = {"own.account", *rights_of([role])} if role != NOBODY else set()
            assert (line.right is None or line.right in his) == line.let_in[role], f"{place} as {role}"
        for role in ROLES:
            program = line.path.startswith("/api/") or line.path == "/openapi.json"
            fits = program and (line.right == "own.account" or line.right in rights_of([role]))
            assert (line.right is None or fits) == line.let_in[f"{TOKEN} {role}"], f"{place} with a token of {role}"


async def test_few_routes_are_open(settings: Settings) -> None:
    """Only logging in, the language, files and the door of monitoring (which has a secret of its own) are open."""
    lines = await role_matrix(settings)

    assert {(line.method, line.path) for line in lines if line.right is None} == PUBLIC


def test_a_route_that_does_not_say_who_may_use_it_stops_the_start(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deny by default: a forgotten `allow` is no open door but no page at all; saying it twice is a mistake, too."""
    async def forgotten() -> str:
        return "anybody may read this"

    async def twice(
        _: Annotated[Who, Depends(allow("live.see"))], __: Annotated[Who, Depends(allow("calls.see"))]
    ) -> str:
        return ""

    for endpoint in (forgotten, twice):
        route = APIRoute("/x", endpoint)
        monkeypatch.setattr(web_app, "routes", lambda route=route: iter([route]))
        with pytest.raises(AssertionError, match="/x"):
            web_app.create_app(settings)


def test_rights_asked_for_are_rights_somebody_has(settings: Settings) -> None:
    """A right with a typing mistake would shut everybody out."""
    asked = {access_of(route).right for route in web_app.routes()}

    assert asked - {None, "own.account"} <= rights_of(ROLES)


# -- logging in


async def test_the_cookie_is_for_this_host_and_no_script(app: FastAPI, anybody: httpx.AsyncClient) -> None:
    """__Host-, Secure, HttpOnly, SameSite=Strict, Path=/, no Domain; the secret itself is stored nowhere."""
    await add_user(app)
    answer = await log_in(anybody)
    cookie = answer.headers["set-cookie"]
    async with parts(app).database.read() as connection:
        stored = (await connection.execute(sa.select(db.web_session.c.token_hash))).scalars().all()

    assert answer.status_code == 303
    assert cookie.startswith("__Host-hotline=")
    assert {"secure", "httponly", "samesite=strict", "path=/"} <= {part.strip().lower() for part in cookie.split(";")}
    assert "domain" not in cookie.lower()
    assert len(secret_of(answer)) >= 43
    assert secret_of(answer) not in stored


async def test_a_session_that_was_there_before_is_not_taken_over(app: FastAPI, anybody: httpx.AsyncClient) -> None:
    """Session fixation: a cookie somebody else planted is not what he is known by after logging in."""
    await add_user(app)
    planted = secret_of(await log_in(anybody))
    answer = await anybody.post(
        "/login", data={"name": "olga", "password": PASSWORD}, headers={"Cookie": f"{COOKIE}={planted}"}
    )

    assert planted != secret_of(answer)
    assert await parts(app).sessions.find(planted, "", datetime.now(UTC)) is None


async def test_wrong_passwords_look_like_unknown_names(
    app: FastAPI, anybody: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong password, an unknown and a disabled user: same status, same words, and the same work (time)."""
    for name in ("olga", "gone"):
        await add_user(app, name)
    await parts(app).users.disable("gone", NOW)
    work: list[str] = []
    verify = passwords._verify
    monkeypatch.setattr(passwords, "_verify", lambda stored, tried: work.append(stored) or verify(stored, tried))
    answers = {name: await log_in(anybody, name, "a wrong horse") for name in ("olga", "nobody", "gone")}
    shown = {re.sub(rf'value="{name}"', "", answer.text) for name, answer in answers.items()}

    assert {answer.status_code for answer in answers.values()} == {403}
    assert len(shown) == 1
    assert len(work) == 3
    assert not any(passwords.is_old(stored) for stored in work)


async def test_who_guesses_waits_and_others_do_not(app: FastAPI, anybody: httpx.AsyncClient) -> None:
    """Five wrong passwords: the sixth try is not looked at, even with the right one; another user gets in."""
    await add_user(app)
    await add_user(app, "piotr")
    wrong = [(await log_in(anybody, "olga", f"wrong horse {n}")).status_code for n in range(5)]
    right = await log_in(anybody)
    other = await log_in(anybody, "piotr")

    assert wrong == [403] * 5
    assert right.status_code == 429
    assert "set-cookie" not in right.headers
    assert other.status_code == 303


def test_waiting_doubles_and_ends_and_nobody_is_locked_out_for_long() -> None:
    """1, 2, 4 ... 900 s for a name from one address; a name tried from everywhere costs its owner a minute at most."""
    limits, now, waits = LoginLimits(), 0.0, []
    for _ in range(18):
        limits.failed("olga", "192.0.2.1", now)
        waits.append(limits.wait_s("olga", "192.0.2.1", now))
        now += waits[-1]
    for n in range(500):
        limits.failed("jan", f"198.51.100.{n}", now)

    assert waits[:8] == [0, 0, 0, 0, 1, 2, 4, 8]
    assert max(waits) == 900
    assert limits.wait_s("olga", "192.0.2.1", now + 3600) == 0
    assert 0 < limits.wait_s("jan", "203.0.113.9", now) <= 60


def test_memory_of_guesses_is_bounded() -> None:
    """A million invented names do not fill the memory."""
    limits, rates = LoginLimits(), Rates()
    for n in range(30_000):
        limits.failed(f"name-{n}", "192.0.2.1", 0.0)
        rates.wait_s(n, 60, 0.0)

    assert len(limits._known) <= 10_000
    assert len(rates._known) <= 10_000


async def test_one_goes_on_only_to_this_page(app: FastAPI, anybody: httpx.AsyncClient) -> None:
    """`next` elsewhere is not followed after logging in."""
    await add_user(app)
    ways = {"/live?x=1": "/live?x=1", "https://evil.example/": "/", "//evil.example": "/", "/\\evil.example": "/",
            "javascript:alert(1)": "/", "/x\r\nSet-Cookie: a=b": "/"}  # fmt: skip
    went = {way: (await log_in(anybody, next=way)).headers["location"] for way in ways}

    assert ways == went


async def test_a_login_costs_little_enough() -> None:
    """Under 300 ms of the slowest processor and 32 MiB, and no more than two at once: 64 MiB whoever tries."""
    stored = await passwords.hashed(PASSWORD)

    def cost() -> float:
        began = time.thread_time()
        assert passwords._verify(stored, PASSWORD.encode())
        return time.thread_time() - began

    assert min([cost() for _ in range(3)]) < 0.300
    assert "m=32768,t=2,p=1" in stored
    assert passwords._at_once._value == 2


# -- the first password, one-time passwords, ends of sessions


async def test_the_first_user_is_made_once(app: FastAPI, anybody: httpx.AsyncClient) -> None:
    """No default password: `admin` gets a random one, once; with it he can choose his own and do nothing else."""
    first = await parts(app).users.first()
    again = await parts(app).users.first()
    assert first is not None
    token = secret_of(await log_in(anybody, "admin", first.password))
    anybody.headers["Cookie"] = f"{COOKIE}={token}"
    elsewhere = await anybody.get("/admin")
    anybody.headers["X-CSRF-Token"] = await csrf_of(app, token)
    changed = await anybody.post(
        "/account/password", data={"old": first.password, "new": PASSWORD, "again": PASSWORD}
    )

    assert again is None
    assert re.fullmatch(r"([a-z2-9]{4}-){3}[a-z2-9]{4}", first.password)
    assert elsewhere.headers["location"] == "/account/password"
    assert changed.status_code == 303
    assert (await anybody.get("/admin")).status_code == 200
    assert (await log_in(anybody, "admin", first.password)).status_code == 403


async def csrf_of(app: FastAPI, token: str) -> str:
    session = await parts(app).sessions.find(token, "", datetime.now(UTC))
    assert session
    return session.who.csrf


async def test_sessions_end(app: FastAPI) -> None:
    """After 8 idle hours, after 24 hours in any case, by logging out, by a new password, when disabled."""
    sessions = parts(app).sessions
    await add_user(app)
    await add_user(app, "boss", "admin")

    async def alive(token: str, now: datetime = NOW) -> bool:
        return await sessions.find(token, "", now) is not None

    idle, old, out, here, there = [await sessions.open("olga", "", NOW) for _ in range(5)]
    assert not await alive(idle, NOW + IDLE)
    for hours in range(1, 24):
        assert await alive(old, NOW + timedelta(hours=hours))
    assert not await alive(old, NOW + LONGEST)
    await sessions.close(out)
    assert not await alive(out)
    kept = await sessions.find(here, "", NOW)
    assert kept
    await parts(app).users.change_password("olga", PASSWORD, PASSWORD + " more", keep=kept.token_hash)
    assert (True, False) == (await alive(here), await alive(there))
    await parts(app).users.disable("olga", NOW)
    assert not await alive(here)


async def test_logging_out_ends_the_session_on_the_server(app: FastAPI, admin: httpx.AsyncClient) -> None:
    """The cookie, kept by somebody, is worth nothing afterwards."""
    answer = await admin.post("/logout")

    assert answer.headers["location"] == "/login"
    assert (await admin.get("/admin")).headers["location"].startswith("/login")


async def test_an_admin_stays(app: FastAPI) -> None:
    """The last admin can be neither disabled nor lose the role."""
    from ivr.errors import InputError

    await add_user(app, "boss", "admin")
    for lose in (parts(app).users.disable("boss", NOW), parts(app).users.set_roles("boss", ("ops",))):
        with pytest.raises(InputError, match="nobody would be admin"):
            await lose


# -- tokens and the phone


async def test_tokens_do_no_more_than_who_made_them(app: FastAPI) -> None:
    """A token lives until it is revoked, too old, or its maker is disabled or loses the role."""
    await add_user(app, "boss", "admin")
    await add_user(app, "chief", "admin")
    sessions, users = parts(app).sessions, parts(app).users
    made, token = await sessions.add_token("crm", ("ops", "admin"), (await users.get("boss")).who(), NOW, days=10)

    async def roles(now: datetime = NOW) -> tuple[str, ...]:
        who = await sessions.of_token(token, "", now)
        return who.roles if who else ()

    assert await roles() == ("ops", "admin")
    assert await roles(NOW + timedelta(days=10)) == ()
    await users.set_roles("boss", ("ops",))
    assert await roles() == ("ops",)
    await users.disable("boss", NOW)
    assert await roles() == ()
    await users.enable("boss")
    await sessions.revoke(made.token_id, NOW)
    assert await roles() == ()


async def test_a_token_opens_no_page_and_a_bad_one_is_not_helped_by_a_cookie(app: FastAPI) -> None:
    """Pages take sessions only; the API looks at the token alone when there is one."""
    async with client_of(app, ("admin",)) as client:
        token = {"Authorization": f"Bearer {await token_of(app, 'admin')}"}
        page = await client.get("/admin", headers={**token, "Cookie": ""})
        bad = await client.get("/api/v1/users", headers={"Authorization": "Bearer hotline_wrong"})
        basic = await client.get("/api/v1/users", headers={"Authorization": "Basic YWRtaW46YWRtaW4="})

    assert page.status_code == 303
    assert (bad.status_code, basic.status_code) == (401, 401)
    assert bad.json()["error"].startswith("Log in first")


async def test_five_wrong_pins_lock_the_phone(app: FastAPI) -> None:
    """For 15 minutes the right PIN is wrong, too; after it he publishes again."""
    await add_user(app)
    users = parts(app).users
    pin = await users.set_phone("olga", "4711")
    for _ in range(5):
        assert await users.check_pin("4711", "000000" if pin != "000000" else "111111", NOW) is None
    locked = await users.check_pin("4711", pin, NOW + timedelta(minutes=14))
    after = await users.check_pin("4711", pin, NOW + timedelta(minutes=16))

    assert locked is None
    assert after is not None
    assert after.name == "olga"
    assert await users.check_pin("", "", NOW) is None


# -- forged requests


FORGED = {
    "no token": {"X-CSRF-Token": ""},
    "another session's token": {"X-CSRF-Token": "x" * 32},
    "another site": {"Origin": "https://evil.example"},
    "a sandboxed frame": {"Origin": "null"},
    "another port": {"Origin": "http://127.0.0.1:9999"},
    "no origin, but the browser says so": {"Origin": None, "Sec-Fetch-Site": "cross-site"},
}


@pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED)
async def test_what_another_site_sends_is_refused(admin: httpx.AsyncClient, headers: dict[str, str | None]) -> None:
    """A signed-in admin's browser is made to add a user: refused, nothing done."""
    for name, value in headers.items():
        admin.headers.pop(name, None)
        if value:
            admin.headers[name] = value
    answer = await admin.post("/admin/users", data={"name": "mallory", "roles": "admin"})
    by_json = await admin.post("/api/v1/users", json={"name": "mallory", "roles": ["admin"]})

    assert (answer.status_code, by_json.status_code) == (403, 403)
    assert "mallory" not in (await admin.get("/admin")).text


async def test_a_form_carries_its_token(app: FastAPI, admin: httpx.AsyncClient) -> None:
    """Without JavaScript the hidden field counts; without it, or with a wrong one, nothing happens."""
    token = admin.headers.pop("X-CSRF-Token")
    answers = [
        await admin.post("/admin/users", data={"name": "jan", "roles": "ops", **csrf})
        for csrf in ({}, {"csrf": "wrong"}, {"csrf": token})
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 200]


async def test_login_is_not_taken_from_another_site(app: FastAPI, anybody: httpx.AsyncClient) -> None:
    """Nobody is logged in as somebody else by another site's form."""
    await add_user(app)
    anybody.headers["Origin"] = "https://evil.example"

    assert (await log_in(anybody)).status_code == 403


# -- odd, large and slow requests


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost@evil", "[::2]"])
async def test_other_hosts_are_not_answered(anybody: httpx.AsyncClient, host: str) -> None:
    """DNS rebinding: a name that is not ours gets no page."""
    assert (await anybody.get("/login", headers={"Host": host})).status_code == 400


async def test_floods_are_cut_short(app: FastAPI, anybody: httpx.AsyncClient) -> None:
    """Too many headers, a too long address, a too large body: refused before anything looks at them."""
    many = await anybody.get("/login", headers={f"x-{n}": "1" for n in range(100)})
    long = await anybody.get("/login", params={"next": "x" * 5000})
    said = await anybody.post("/login", content=b"x", headers={"Content-Length": "100000"})
    lying = await anybody.post("/login", content=b"x", headers={"Content-Length": "-1"})
    large = await anybody.post("/login", content=chunks(b"name=" + b"a" * 1000, 100), headers=FORM)

    assert [each.status_code for each in (many, long, said, lying, large)] == [431, 414, 413, 400, 413]


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def chunks(part: bytes, times: int) -> AsyncIterator[bytes]:
    for _ in range(times):
        yield part


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    """A sender that stops half-way costs no more than the time its body may take."""
    from fastapi import HTTPException

    async def stuck() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    body = Body(stuck, 1000)
    body.ends = time.monotonic() + 0.05
    with pytest.raises(HTTPException) as refused:
        await body()

    assert refused.value.status_code == 408


@pytest.mark.parametrize(
    "path",
    ["../app.py", "..%2fapp.py", "%2e%2e/%2e%2e/settings.py", "/etc/passwd", "vendor/../../app.py", "app.css%00", "",
     "vendor"],
)
async def test_static_files_are_those_of_the_folder(anybody: httpx.AsyncClient, path: str) -> None:
    """No path leads out of the folder: files are found by name, not by a path."""
    assert (await anybody.get(httpx.URL(f"{ORIGIN}/static/{path}"))).status_code in (400, 404)


async def test_static_files_are_kept_for_good_only_by_their_hash(anybody: httpx.AsyncClient) -> None:
    """`?v=` with the right hash: immutable; anything else is asked for again."""
    page = (await anybody.get("/login")).text
    address = re.search(r'href="(/static/app\.css\?v=[0-9a-f]+)"', page)
    assert address
    right, wrong = await anybody.get(address[1]), await anybody.get("/static/app.css?v=0")
    same = await anybody.get("/static/app.css", headers={"If-None-Match": wrong.headers["etag"]})

    assert "immutable" in right.headers["cache-control"]
    assert "no-cache" == wrong.headers["cache-control"]
    assert same.status_code == 304


NASTY = ["\0", "\ud800", "'; DROP TABLE user; --", "<script>alert(1)</script>", "a" * 3000, "{{7*7}}", "\u202e",
         "%s%n", "-1", ""]  # fmt: skip


@pytest.mark.parametrize("text", NASTY)
async def test_nothing_typed_breaks_it(app: FastAPI, admin: httpx.AsyncClient, text: str) -> None:
    """Whatever is typed into names, searches and addresses: never a server error, never markup of his own."""
    sent = text.encode("utf-8", "surrogatepass")
    json, many = {"Content-Type": "application/json"}, b"roles=ops&days=9999999999999999999999&name="
    answers = [
        await admin.get(httpx.URL(ORIGIN, path="/admin/audit", query=b"by=" + quoted(sent))),
        await admin.get(httpx.URL(f"{ORIGIN}/admin/users/{quoted(sent).decode()}")),
        await admin.post("/admin/users", content=b"roles=ops&name=" + quoted(sent), headers=FORM),
        await admin.post("/admin/tokens", content=many + quoted(sent), headers=FORM),
        await admin.post("/login", content=b"name=" + quoted(sent) + b"&password=" + quoted(sent), headers=FORM),
        await admin.post("/api/v1/users", content=b'{"name": "' + sent + b'"}', headers=json),
        await admin.get("/admin/audit", params={"before": "99999999999999999999999"}),
    ]

    assert all(answer.status_code < 500 for answer in answers), [answer.status_code for answer in answers]
    assert not [answer.url for answer in answers if "<script>alert(1)" in answer.text and "html" in kind(answer)]


def kind(answer: httpx.Response) -> str:
    return answer.headers.get("content-type", "")


def quoted(text: bytes) -> bytes:
    return b"".join(b"%%%02X" % each for each in text)


# -- what every answer carries; what is said when something is wrong


async def test_every_answer_is_sealed(admin: httpx.AsyncClient, anybody: httpx.AsyncClient) -> None:
    """CSP without inline, nosniff, no-store, no framing: on pages, refusals, errors and the API alike."""
    answers = [
        await anybody.get("/login"), await anybody.get("/nothing-here"), await admin.get("/admin"),
        await admin.get("/api/v1/me"), await admin.get("/admin", headers={"Host": "evil.example"}),
        await admin.post("/admin/users", headers={"Origin": "https://evil.example"}),
    ]  # fmt: skip

    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"


async def test_a_dead_database_is_said_and_the_page_stays(settings: Settings) -> None:
    """503 with what to do: as a page, as a part for htmx, as a Problem; nothing raised, and back when it is back."""
    async with application(settings) as app, client_of(app, ("admin",)) as client:
        file = settings.var_dir / "hotline.db"
        away = file.rename(file.with_suffix(".away"))
        page, part = await client.get("/admin"), await client.get("/admin", headers={"HX-Request": "true"})
        problem = await client.get("/api/v1/users")
        away.rename(file)
        back = await client.get("/admin")

    assert [each.status_code for each in (page, part, problem, back)] == [503, 503, 503, 200]
    assert "ivr doctor" in page.text
    assert "<html" not in part.text
    assert part.headers["hx-retarget"] == "#errors"
    assert "ivr doctor" in problem.json()["error"]


async def test_a_fault_is_a_page_and_not_a_trace(admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug: status 500, what to do, and not a word of the code."""
    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a secret of the code")

    monkeypatch.setattr("ivr.desk.users.Users.list", broken)
    answer, problem = await admin.get("/admin"), await admin.get("/api/v1/users")

    assert (answer.status_code, problem.status_code) == (500, 500)
    assert "secret of the code" not in answer.text + problem.text
    assert answer.headers["content-security-policy"]


async def test_htmx_is_sent_to_the_login_page(anybody: httpx.AsyncClient) -> None:
    """A part of a page asked for after the session ended takes the whole browser to the login."""
    answer = await anybody.get("/admin", headers={"HX-Request": "true"})

    assert answer.headers["hx-redirect"] == "/login?next=%2Fadmin"


async def test_expensive_routes_are_limited_per_person(app: FastAPI) -> None:
    """The audit chain 30 times a minute each; another person is not held up by it."""
    async with client_of(app, ("admin",)) as client:
        codes = [(await client.get("/api/v1/audit/chain")).status_code for _ in range(32)]
    async with client_of(app, ("ops", "admin")) as other:
        free = await other.get("/api/v1/audit/chain")

    assert codes[:30] == [200] * 30
    assert 429 in codes[30:]
    assert free.status_code == 200


@pytest.mark.parametrize(
    ("values", "wrong"),
    [({"web_host": "0.0.0.0"}, "unencrypted"), ({"web_cert": "a.pem"}, "HOTLINE_WEB_KEY"),
     ({"web_cert": "/no/cert.pem", "web_key": "/no/key.pem"}, "there is no file"), ({"web_host": "::1"}, ""),
     ({"web_host": "localhost"}, "")],
)  # fmt: skip
def test_plain_http_stays_on_this_machine(values: dict[str, Any], wrong: str) -> None:
    """Beyond loopback a certificate is asked for, and what is wrong with one is said before anything is served."""
    made = settings_module.load(**values)
    if not wrong:
        check_place(made)
        return
    with pytest.raises(settings_module.ConfigError, match=wrong):
        check_place(made)
