"""`ivr user` and `ivr audit`: what they print, and what they leave in the audit log."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from ivr import settings as settings_module
from ivr.cli import audit, user, web
from ivr.cli.complaint import EXPECTED
from ivr.db import Database, upgrade
from ivr.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    made = settings_module.load(var=tmp_path / "var")
    upgrade(made)
    for module in (user, audit, web):
        monkeypatch.setattr(module, "settings", lambda: made)
    return made


def run(*arguments: str) -> Result:
    """Run `ivr user` or `ivr audit`; what went wrong is in `exception`."""
    group = {"user": user, "audit": audit, "web": web}[arguments[0]].command
    return CliRunner().invoke(group, arguments[1:], standalone_mode=False)


def test_a_user_from_adding_to_disabling(settings: Settings) -> None:
    """Each step says what it did, prints a secret once, and is in the audit log without the secret."""
    added = run("user", "add", "olga", "ops", "supervisor")
    roles = run("user", "roles", "olga", "ops")
    reset = run("user", "reset", "olga")
    phone = run("user", "phone", "olga", "4711")
    run("user", "disable", "olga")
    listed = run("user", "list").output
    done = run("audit", "list", "--json").output

    assert "olga added: ops, supervisor" in added.output
    secret = added.output.split("shown only once: ")[1].strip()
    assert len(secret) == 19
    assert "olga: ops" in roles.output
    assert secret not in reset.output + done
    assert "4711, PIN, shown only once: " in phone.output
    assert phone.output.split("once: ")[1].strip() not in done
    assert "olga\tops\t\t4711\t\tdisabled" in listed
    assert [line.split('"what": "')[1].split('"')[0] for line in done.splitlines()] == [
        "user.disable", "user.phone", "user.reset", "user.roles", "user.add",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("add", "Olga!", "ops"), "is no user name"), (("add", "jan", "opps"), "did you mean 'ops'"),
     (("reset", "ogla"), "there is no user 'ogla'"),
     (("phone", "jan"), "digits"), (("phone", "jan", "12ab"), "3 to 10"),
     (("phone", "jan", "1234"), "no user")],
)  # fmt: skip
def test_what_is_typed_wrongly_is_one_sentence(settings: Settings, arguments: tuple[str, ...], said: str) -> None:
    """Unknown names, roles and digits: said with what was expected, nothing changed."""
    found = run("user", *arguments)

    assert isinstance(found.exception, EXPECTED)
    assert said in str(found.exception)


async def test_verify_says_which_row(settings: Settings) -> None:
    """The chain as written: rows and the last hash. A row changed in the file: its number, and an error."""
    fine = run_in_thread("user", "add", "olga", "ops"), run_in_thread("audit", "verify")
    database = Database(settings)
    async with database.write() as connection:
        await connection.execute(sa.text("DROP TRIGGER audit_no_update"))
        await connection.execute(sa.text("UPDATE audit SET who = 'jan'"))
    await database.close()
    broken = run_in_thread("audit", "verify")

    assert "1 rows, as they were written" in fine[1].output
    assert "broken at row 1" in str(broken.exception)


def run_in_thread(*arguments: str) -> Result:
    """The same beside a running loop."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(run, *arguments).result()
