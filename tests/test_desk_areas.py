"""The tree of areas: counts of everything below, names that are found as somebody types, fresh after an import."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ivr.area import contains
from ivr.call import Customer
from ivr.desk.areas import Area, Areas, tree_of
from ivr.desk.customers import Customers
from tests.support.desk import desk_settings, opened

WOLA = "pl/mazowieckie/warszawa/wola"
TREE = tree_of({WOLA: 1, f"{WOLA}/node-17": 40, "pl/mazowieckie/warszawa/ochota": 9, "pl/x/wolanow": 100})

paths = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join)


@given(st.dictionaries(paths, st.integers(1, 50), max_size=12))
def test_a_node_counts_everything_below_it(areas: dict[str, int]) -> None:
    """As `contains` says, for every node; and every node is reached from the top."""
    tree = tree_of(areas)
    left, seen = [""], []
    while left:
        for area in tree.below(left.pop()):
            seen.append(area)
            left.append(area.path)

    assert sorted(tree.counts) == sorted(area.path for area in seen)
    for area in seen:
        assert sum(many for path, many in areas.items() if contains(area.path, path)) == area.customers
        assert area.leaf == (not tree.below(area.path))


def test_names_are_found_as_somebody_types() -> None:
    """A whole name first, then what begins so, larger first, then what holds it; paths as well; nothing for nothing."""
    assert [WOLA, "pl/x/wolanow"] == [each.path for each in TREE.find(" Wola ")]
    assert ["pl/x/wolanow", WOLA] == [each.path for each in TREE.find("wol")]
    assert Area(f"{WOLA}/node-17", "node-17", 40, True) == TREE.find("17")[0]
    assert [f"{WOLA}/node-17"] == [each.path for each in TREE.find("wola/node")]
    assert () == TREE.find("/") == TREE.find("zzz")
    assert 1 == len(TREE.find("w", most=1))


async def test_the_tree_is_fresh_after_an_import(tmp_path: Path) -> None:
    """The same object until the customers change."""
    async with opened(desk_settings(tmp_path)) as database:
        areas, customers = Areas(database), Customers(database, database.settings)
        await customers._write([Customer("+48221234567", "A1", "", "pl/a")], None)
        first = await areas.tree()

        assert first is await areas.tree()
        await customers._write([Customer("+48221234568", "A2", "", "pl/b")], None)
        assert [("pl", 2)] == [(each.path, each.customers) for each in (await areas.tree()).below("")]
