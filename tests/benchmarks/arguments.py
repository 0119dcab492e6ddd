"""What all benchmarks share: how they are started, and what ``--help`` says of them."""

import resource
import subprocess
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path

ROOT = Path(__file__).parents[2]


def parser(words: str | None) -> ArgumentParser:
    """The parser of a benchmark's command line.

    Parameters
    ----------
    words : str or None
        The benchmark's docstring, which says what it measures.
    """
    return ArgumentParser(f"python -m {_module()}", None, words, formatter_class=RawDescriptionHelpFormatter)


def one_count(words: str | None, name: str, default: int, said: str) -> int:
    """The one whole number that a benchmark takes, or what it is unless told."""
    arguments = parser(words)
    arguments.add_argument(name, nargs="?", type=int, default=default, help=f"{said}; {default:,} unless told")
    return int(getattr(arguments.parse_args(), name))


def run_again(*arguments: str) -> None:
    """Run the benchmark that is running in a process of its own, whose memory is then its own."""
    subprocess.run([sys.executable, "-m", _module(), *arguments], check=True, cwd=ROOT)


def peak_memory() -> float:
    """The most memory that this process has taken so far, in MiB.

    Linux counts in `ru_maxrss` what the process took that started this one; VmHWM is of this one alone.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    except (OSError, IndexError, ValueError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _module() -> str:
    return f"tests.benchmarks.{Path(sys.argv[0]).stem}"
