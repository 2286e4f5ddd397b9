"""Importing customers: every mistake by line, all or nothing, quick for big files."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ivr import db
from ivr.call import Customer
from ivr.db import Database
from ivr.desk.customers import SNAPSHOT, Customers, Imported, read_csv
from ivr.errors import ConfigError, InputError
from tests.support.desk import desk_settings, opened

HEAD = "number,account,name,area,language,class\n"
JAN = Customer("+48221234567", "A1", "Jan Łoś", "pl/mazowieckie/warszawa/wola", "pl", "vip")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(desk_settings(tmp_path)) as database:
        yield database


@pytest.fixture
def customers(database: Database) -> Customers:
    return Customers(database, database.settings)


def written(folder: Path, content: str | bytes) -> Path:
    file = folder / "customers.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


@pytest.mark.parametrize(
    "content",
    [
        HEAD + "22 123 45 67,A1,Jan Łoś,PL/Mazowieckie/Warszawa/Wola/,pl,vip\n",
        "\ufeff" + HEAD + '"+48221234567","A1","Jan Łoś","pl/mazowieckie/warszawa/wola","PL","VIP"\r\n\r\n',
        "Class;Area;Language;Name;Account;Number\nvip;pl/mazowieckie/warszawa/wola;pl; Jan Łoś ;A1;0048221234567",
    ],
)
def test_spellings_of_a_file(tmp_path: Path, content: str) -> None:
    """Byte order mark, semicolons, other order, quotes, empty lines, Windows line ends."""

    assert ([JAN], []) == read_csv(written(tmp_path, content), "48")


def test_only_number_and_area_are_needed(tmp_path: Path) -> None:
    """The rest is empty, the class normal."""
    found, _ = read_csv(written(tmp_path, "number,area\n221234567,pl\n"), "48")

    assert [Customer("+48221234567", "", "", "pl", "", "normal")] == found


def test_a_postcode_is_kept_as_written(tmp_path: Path) -> None:
    """A file may have that column; what is too long is a mistake."""
    found, _ = read_csv(written(tmp_path, "number,area,postcode\n221234567,pl,01-234\n"), "48")
    _, wrong = read_csv(written(tmp_path, f"number,area,postcode\n221234567,pl,{'1' * 21}\n"), "48")

    assert ["01-234"] == [each.postcode for each in found]
    assert "postcode: 21 characters" in str(wrong[0])


def test_every_mistake_is_listed_with_its_line(tmp_path: Path) -> None:
    """All of them at once, with what was expected."""
    content = HEAD + (
        "anonymous,A1,Jan,pl/wola,pl,normal\n"
        "221234567,A1,Jan,wola//x,pl,normal\n"
        "221234568,A1,Jan,pl/wola,pol,vipp\n"
        "221234569,A1\n"
        "221234561,A1,Jan,pl/wola,pl,\n"
        "+48221234561,A2,Ola,pl/wola,pl,\n"
    )
    found, findings = read_csv(written(tmp_path, content), "48")
    said = [str(finding).partition("customers.csv:")[2] for finding in findings]

    assert ["+48221234561"] == [each.number for each in found]
    assert [
        "2: number: 'anonymous' is not a telephone number: only digits and a leading + are",
        f"3: area: 'wola//x' is not an area; expected names with / between them, for example {JAN.area}",
        "4: language: unknown 'pol'; expected one of pl, ru, en, or nothing; did you mean 'pl'?",
        "4: class: unknown 'vipp'; expected one of normal, business, vip, medical, or nothing; did you mean 'vip'?",
        "5: 2 values for 6 columns",
        "7: number: +48221234561 is already in line 6, with other values; expected each number once",
    ] == said


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "column 'number' is missing"),
        ("number,area,adress\n", "unknown column 'adress'"),
        ("number,area,area\n", "column 'area' is there twice"),
        (HEAD.encode() + "221234567,A1,Łoś,pl,pl,\n".encode("cp1250"), r"customers\.csv:2: byte \d+ is not UTF-8"),
        (b"PK\x03\x04\xff\xfe", "is not UTF-8"),
    ],
)
def test_what_is_no_customer_file(tmp_path: Path, content: str | bytes, wrong: str) -> None:
    """The file as a whole is refused."""

    with pytest.raises(ConfigError, match=wrong):
        read_csv(written(tmp_path, content), "48")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Named, with the system's reason."""

    with pytest.raises(ConfigError, match=r"none\.csv: No such file"):
        read_csv(tmp_path / "none.csv", "48")


def test_control_characters_are_dropped(tmp_path: Path) -> None:
    """A name is shown in terminals and logs."""
    (found,), _ = read_csv(written(tmp_path, HEAD + "221234567,A1,J\x1b[31man\x07,pl,,\n"), "48")

    assert "J[31man" == found.name


async def test_import_adds_changes_and_keeps(customers: Customers, tmp_path: Path) -> None:
    """The second import changes one and leaves the other as it was; controllers are told only of changes."""
    first = await customers.import_file(written(tmp_path, HEAD + "221234567,A1,Jan,pl,,\n221234568,A2,Ola,pl,,\n"))
    again = await customers.import_file(written(tmp_path, HEAD + "221234567,A1,Jan,pl/wola,,\n221234568,A2,Ola,pl,,\n"))
    same = await customers.import_file(tmp_path / "customers.csv")
    async with customers.database.read() as connection:
        version = await db.version(connection, SNAPSHOT)

    assert (Imported(2, 0, 0), Imported(0, 1, 1), Imported(0, 0, 2), 2) == (first, again, same, version)
    assert ["pl/wola", "pl"] == [each.area for each in (await customers.list())[0]]


async def test_one_bad_row_imports_nothing(customers: Customers, tmp_path: Path) -> None:
    """Unless bad rows are to be skipped: then the good ones are in, and the bad ones are told."""
    file = written(tmp_path, HEAD + "221234567,A1,Jan,pl,,\nx,A2,Ola,pl,,\n")
    with pytest.raises(ConfigError, match=r"customers\.csv:3: number"):
        await customers.import_file(file)
    nothing = await customers.load()
    done = await customers.import_file(file, skip_bad=True)

    assert {} == nothing
    assert (1, 1) == (done.new, len(done.skipped))


async def test_customers_are_looked_up(customers: Customers) -> None:
    """By number in any spelling, by account, by area; the nearest is named."""
    ola = Customer("+48221234568", "B2", "Ola", "pl/mazowieckie/warszawa/wolska")
    await customers._write([JAN, ola], None)

    assert (JAN,) == await customers.show("0048 22 123-45-67")
    assert (ola,) == await customers.show("B2")
    assert ((JAN,), 1) == await customers.list(area="pl/mazowieckie/warszawa/wola")
    assert ((ola,), 2) == await customers.list(least=1, most=1)
    with pytest.raises(
        InputError, match=r"no customer has the number or account \+48221234569; did you mean \+4822123456\d"
    ):
        await customers.show("221234569")
    with pytest.raises(InputError, match="no customer has the number or account 'nobody'"):
        await customers.show("nobody")


async def test_big_files_are_quick(customers: Customers, tmp_path: Path) -> None:
    """10,000 rows in a small part of the seconds that ten times as many may take."""
    rows = "".join(f"22{n:07},A{n},Name {n},pl/mazowieckie/warszawa/node-{n % 50},pl,\n" for n in range(10_000))
    progress: list[int] = []
    start = time.process_time()
    done = await customers.import_file(written(tmp_path, HEAD + rows), progress=progress.append)
    known = await customers.load()

    assert (10_000, 10_000) == (done.new, len(known))
    assert [2000, 4000, 6000, 8000, 10_000] == progress
    assert time.process_time() - start < 3
