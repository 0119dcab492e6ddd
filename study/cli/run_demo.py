"""humangrade demo: make the demo's study, serve it, and open the rating page."""

import threading
import webbrowser
from contextlib import closing
from pathlib import Path

from study.folder.demo_study import CHECKPOINTS, EVALUATORS, YOU, open_demo
from study.folder.links import dashboard_link, owner_link, rater_link
from study.folder.study import Study
from study.runs.demo_gates import add_gates
from study.server.app import served
from study.server.listen import base_url, run
from study.terminal import terminal

HOST = "127.0.0.1"
TRIES = 20


def run_demo(folder: Path, reset: bool = False, port: int = 7860, open_browser: bool = True) -> None:
    """Make or continue the demo, and serve it until Ctrl-C.

    Parameters
    ----------
    folder : Path
        Where the demo's study stands.
    reset : bool
        Start anew.
    port : int
        The first port to try; where it is taken, the next free one of twenty is used, and said.
    open_browser : bool
        Open the rating page.

    Raises
    ------
    InputError
        Where the folder holds something else, or no port is free.
    """
    console = terminal()
    with console.status("Making the demo's study"):
        study, made = open_demo(folder, reset)
        if made:
            add_gates(study)
    with closing(study), served(study, HOST, port, tries=TRIES) as (app, listener):
        base = base_url(listener)
        taken = listener.getsockname()[1]
        if taken != port:
            console.print(f"Port {port} is taken; using {taken}.")
        you = next(evaluator for evaluator in study.store.evaluators() if evaluator.name == YOU)
        done, total = _progress(study)
        console.print(
            f"Two photos, spoilt by three made-up models at {len(CHECKPOINTS)} strengths; PSNR, SSIM and sharpness "
            f"computed for real.\n{len(EVALUATORS)} evaluators are simulated, with these biases and noises "
            "(standard deviations) in rating points:"
        )
        for evaluator in EVALUATORS:
            console.print(f"  {evaluator.name:<20} bias {evaluator.bias:+.1f}, noise {evaluator.noise:.1f}")
        state = "Made" if made else f"Continuing ({done} of {total} rated; --reset starts anew)"
        console.print(f"{state}: {folder}. You rate as the sixth, with the keys 1 to 5.\n")
        rate = rater_link(base, you.token)
        console.print(f"[bold]Rate here[/]                 {rate}", soft_wrap=True)
        console.print(f"[bold]Progress and live report[/]  {owner_link(base, study.store.owner_token)}", soft_wrap=True)
        dashboard = dashboard_link(base, study.store.owner_token)
        console.print(f"[bold]Dashboard[/]                 {dashboard}", soft_wrap=True)
        console.print(
            "The dashboard's run is simulated, with 12 and with 48 training images: no model was trained, its three "
            "checkpoints are the photos' parts with less and less blur and noise."
        )
        console.print("Stop with Ctrl-C; what you rated is kept.")
        if open_browser:
            threading.Timer(0.5, webbrowser.open, (rate,)).start()
        run(app, listener)


def _progress(study: Study) -> tuple[int, int]:
    """How many of your ratings are done, and how many there are."""
    mine = [progress for progress in study.store.progress() if progress.evaluator == YOU]
    return sum(progress.done for progress in mine), sum(progress.total for progress in mine)
