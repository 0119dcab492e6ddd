"""Every benchmark starts as README says: as a module, from the checkout's root."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
WORDS = [ROOT / "README.md", Path(__file__).parent / "README.md", *Path(__file__).parent.glob("bench_*.py")]
EACH = """
import contextlib, importlib, io, sys, traceback
for name in sys.argv[1:]:
    sys.argv = [f"{name}.py", "--help"]
    said, code = io.StringIO(), "no exit"
    try:
        with contextlib.redirect_stdout(said):
            module = importlib.import_module(f"tests.benchmarks.{name}")
            module.main()
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    first = (module.__doc__ or "").splitlines()[0]
    starts = said.getvalue().startswith(f"usage: python -m tests.benchmarks.{name} [-h]")
    print(name, "ok" if code == 0 and starts and first and first in said.getvalue() else f"fails ({code})", flush=True)
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300)


@pytest.mark.process
def test_each_is_imported_and_says_what_it_measures():
    ended = run("-c", EACH, *NAMES)
    assert ended.stdout.splitlines() == [f"{name} ok" for name in NAMES], ended.stderr


@pytest.mark.process
@pytest.mark.parametrize("name", ["bench_buckets", "bench_store"])
def test_it_is_started_as_a_module(name):
    ended = run("-m", f"tests.benchmarks.{name}", "--help")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith(f"usage: python -m tests.benchmarks.{name} [-h]")


@pytest.mark.parametrize("name", NAMES)
def test_its_own_words_say_how_it_is_started(name):
    text = (Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8")
    assert f"python -m tests.benchmarks.{name}" in text
    assert '\nif __name__ == "__main__":\n    main()\n' in text


def test_no_words_name_another_way_or_a_benchmark_that_is_not_there():
    for path in WORDS:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"python (\S*/)?bench_|bench_\w+\.py", text), path
        assert set(re.findall(r"\bbench_[a-z_]+", text)) <= set(NAMES), path
