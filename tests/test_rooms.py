"""The house's order: which package may import which, and which rooms import each other."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("metrics", "calibration", "study")
CIRCLES = {
    # a metric's entry says what an Item and an Engine are; a run asks the tables for the bounds of a metric's numbers
    ("metrics.catalogue", "metrics.engine", "metrics.entry", "metrics.known", "metrics.plugins"),
    # study.folder.config: what the tasks ask, in the store's wordings
    ("study.assignment", "study.folder", "study.generation", "study.store"),
}
"""Rooms of which each leads to each other by imports; none is to be added, and one that has ended is taken out."""


def imports(path: Path) -> set[str]:
    """The modules of ours that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
    return {name for name in found if name.split(".")[0] in PACKAGES}


def room(module: str) -> str:
    return ".".join(module.split(".")[:2])


def all_imports() -> dict[str, set[str]]:
    """By module, what it imports."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found[name] = imports(path)
    return found


@pytest.fixture(scope="module")
def graph():
    return all_imports()


def test_packages_import_in_one_direction(graph):
    assert len(graph) > 250
    for module, imported in graph.items():
        place = PACKAGES.index(module.split(".")[0])
        assert not [name for name in imported if PACKAGES.index(name.split(".")[0]) > place], module


def circles_in(rooms: dict[str, set[str]]) -> set[tuple[str, ...]]:
    """The largest groups of rooms of which each leads to each other."""
    reached = {one: _reached(one, rooms) for one in rooms}
    groups = [{one, *(other for other in reached[one] if one in reached.get(other, ()))} for one in rooms]
    return {tuple(sorted(group)) for group in groups if len(group) > 1}


def _reached(start: str, rooms: dict[str, set[str]]) -> set[str]:
    """The rooms to which one leads, by however many steps."""
    found: set[str] = set()
    ahead = [start]
    while ahead:
        new = rooms.get(ahead.pop(), set()) - found
        found |= new
        ahead += new
    return found


def test_a_circle_of_three_is_seen():
    assert circles_in({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == {("a", "b", "c")}


def test_rooms_do_not_import_each_other(graph):
    rooms = defaultdict(set)
    for module, imported in graph.items():
        if "." in module:  # a package's front door names all of its rooms
            rooms[room(module)] |= {room(name) for name in imported if "." in name} - {room(module)}
    assert circles_in(rooms) == CIRCLES
