"""The trackers' own packages: whether they are here, and their work in a process of its own, without a network.

Trackers take settings from the environment when they are imported, start threads and helpers, and print. In a process
that is told to stay offline, and that has only its work, none of that reaches the user's.
"""

import os
import pickle
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from metrics.errors import InputError

_TITLES = {"mlflow": "MLflow", "tensorboard": "TensorBoard", "wandb": "Weights & Biases", "trackio": "Trackio"}
_PACKAGES = {
    "mlflow": (("mlflow-skinny", "mlflow"), 3),
    "tensorboard": (("tensorboard",), 2),
    "wandb": (("wandb",), 0),
    "trackio": (("trackio",), 0),
}
_THEIRS = ("MLFLOW_", "WANDB_", "TRACKIO_")
OFFLINE = {
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "MLFLOW_ALLOW_FILE_STORE": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "WANDB_ERROR_REPORTING": "false",
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
}
_ROOT = Path(__file__).resolve().parents[3]


def title_of(tracker: str) -> str:
    """A tracker's name as people write it.

    Examples
    --------
    >>> title_of("mlflow")
    'MLflow'
    """
    return _TITLES[tracker]


def refuse_missing(tracker: str) -> None:
    """Raise InputError where a tracker's package is not installed, or is too old.

    Examples
    --------
    >>> refuse_missing("tensorboard")
    """
    names, least = _PACKAGES[tracker]
    for name in names:
        try:
            found = version(name)
        except PackageNotFoundError:
            continue
        if int((re.match(r"\d+", found) or ["0"])[0]) >= least:
            return
        raise InputError(
            f"{title_of(tracker)} needs the package {name} from {least}.0 on, and {found} is installed; install it "
            f"with pip install 'humangrade[{tracker}]'."
        )
    raise InputError(
        f"{title_of(tracker)} needs the package {names[0]}; install it with pip install 'humangrade[{tracker}]'."
    )


def apart(tracker: str, work: str, argument: Any, environment: Mapping[str, str] | None = None) -> Any:
    """What a function gives in a process of its own, which is told to stay offline and ends with its helpers.

    Parameters
    ----------
    tracker : str
    work : str
        MODULE:FUNCTION of this package, which takes the argument.
    argument : object
        Anything that can be pickled.
    environment : mapping, optional
        Variables beside those that keep it offline; the user's own of trackers are left out.

    Raises
    ------
    InputError
        As the function does, or where the process fails.
    """
    refuse_missing(tracker)
    with tempfile.TemporaryDirectory(prefix="humangrade-") as name:
        place = Path(name)
        (place / "asked").write_bytes(pickle.dumps(argument))
        with (place / "said").open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "study.runs.trackers.process", work, name],
                cwd=place,
                env=_environment(environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
            try:
                code = process.wait()
            finally:
                _end_group(process)
        if code != 0 or not (place / "result").exists():
            lines = (place / "said").read_text(errors="replace").strip().splitlines()
            raise InputError(
                f"{title_of(tracker)} failed ({lines[-1][:300] if lines else f'its process ended with {code}'}); check "
                "the place that is named, and the package's version."
            )
        kind, result = pickle.loads((place / "result").read_bytes())
    if kind == "refused":
        raise InputError(result)
    return result


def _environment(added: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_THEIRS)}
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH", "")])]
    return kept | OFFLINE | {"PYTHONPATH": os.pathsep.join(paths)} | dict(added)


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """End the process, where Ctrl-C came first, and every helper that it left: they are in its group."""
    if process.poll() is None:
        process.kill()
        process.wait()
    if hasattr(os, "killpg"):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return
