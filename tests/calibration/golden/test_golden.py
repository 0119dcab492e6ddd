"""Every key, figure and word of eight reports stays, unless the golden file is written anew on purpose."""

import math

import pytest

from tests.calibration.golden.studies import REAL, STUDIES, golden, report_of

SHOWN = 10


def differences(expected, found, path=""):
    """What differs, one sentence each; floats may differ in the last digits, by the machine's arithmetic."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in [*expected, *(key for key in found if key not in expected)]:
            if key not in found:
                yield f"{path}/{key} is gone"
            elif key not in expected:
                yield f"{path}/{key} is new"
            else:
                yield from differences(expected[key], found[key], f"{path}/{key}")
        if list(expected) != list(found) and set(expected) == set(found):
            yield f"{path} has its keys in another order"
    elif isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            yield f"{path} has {len(found)} entries, not {len(expected)}"
        for place, pair in enumerate(zip(expected, found, strict=False)):
            yield from differences(*pair, f"{path}/{place}")
    elif isinstance(expected, float) and isinstance(found, float):
        if not math.isclose(expected, found, rel_tol=1e-7, abs_tol=1e-9):
            yield f"{path} is {found!r}, not {expected!r}"
    elif expected != found or type(expected) is not type(found):
        yield f"{path} is {found!r}, not {expected!r}"


@pytest.mark.parametrize("name", STUDIES)
def test_a_report_stays_what_it_was(name, request):
    if name in REAL:
        request.getfixturevalue("shared")
    found = list(differences(golden(name), report_of(name)))
    assert not found, "\n".join([f"{len(found)} differences:", *found[:SHOWN]])


def test_differences_are_found():
    before = {"a": [1.0, {"b": "x"}], "c": None, "d": 1}
    assert not list(differences(before, {"a": [1.0 + 1e-12, {"b": "x"}], "c": None, "d": 1}))
    assert list(differences(before, {"c": None, "a": [1.0, {"b": "x"}], "d": 1})) == [" has its keys in another order"]
    after = {"a": [1.1, {"b": "y", "e": 0}, 2], "c": 0, "d": 1.0}
    assert [each.split()[0] for each in differences(before, after)] == ["/a", "/a/0", "/a/1/b", "/a/1/e", "/c", "/d"]
