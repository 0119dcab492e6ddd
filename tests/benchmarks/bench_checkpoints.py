"""Going from checkpoint to checkpoint: a LoRA read, applied, proven and taken off, against a pipeline loaded for each.

On the tests' tiny pipeline, and with ``--sd15`` on one with a UNet of Stable Diffusion 1.5's shape (random weights,
3.4 GB on disk, 9 GB of memory). Nothing is drawn; each of them calls the UNet once, which is ours' proof, so a call
alone is beside them, and diffusers' own load and unload on one pipeline. Then the memory after checkpoint 5 and all.

Run: python -m tests.benchmarks.bench_checkpoints
"""

import gc
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from study.generation.lora import applied, read_lora
from study.generation.lora.probe import outputs_of
from tests.benchmarks.arguments import parser
from tests.study.generation.lora.samples import ATTENTION, kohya_keys, matrices, save
from tests.study.generation.sd15 import sd15_unet
from tests.study.generation.tiny import tiny_pipeline

RANK = 16


def memory_now() -> float:
    """What this process holds, in MiB."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def seconds(call: Callable[[], Any]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def switch(pipeline: Any, path: Path) -> None:
    """One checkpoint as generate has it."""
    with applied(pipeline, read_lora(path)) as proof:
        assert proof.layers_applied == proof.layers_in_file and proof.changes["unet"] > 0


def switch_unproven(pipeline: Any, path: Path) -> None:
    """One checkpoint as a plain diffusers loop has it, called once."""
    pipeline.load_lora_weights(path.parent, weight_name=path.name, adapter_name="one")
    outputs_of(pipeline.unet)
    pipeline.unload_lora_weights()


def load_anew(folder: Path, path: Path) -> None:
    """One checkpoint on a pipeline of its own, called once: until then the weights are only mapped from the disk."""
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(folder, local_files_only=True, low_cpu_mem_usage=True)
    pipeline.load_lora_weights(path.parent, weight_name=path.name, adapter_name="one")
    outputs_of(pipeline.unet)


def main() -> None:
    """Time the three in turns, then go through all checkpoints and look at the memory."""
    arguments = parser(__doc__)
    arguments.add_argument("checkpoints", nargs="?", type=int, default=30, help="30 unless told")
    arguments.add_argument("--rounds", type=int, default=5, help="of each of the three, in turns; 5 unless told")
    arguments.add_argument("--sd15", action="store_true", help="with a UNet of Stable Diffusion 1.5's shape")
    given = arguments.parse_args()
    import diffusers

    diffusers.utils.logging.disable_progress_bar()
    pipeline = tiny_pipeline()
    if given.sd15:
        pipeline.register_modules(unet=sd15_unet())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pipeline.save_pretrained(folder / "base")
        paths = []
        for seed in range(given.checkpoints):
            made = matrices(pipeline.unet, ATTENTION, RANK, seed, 0.1)
            paths.append(save(folder / f"{seed}.safetensors", kohya_keys(made, alpha=RANK)))
        switch(pipeline, paths[0])
        switch_unproven(pipeline, paths[0])
        taken: dict[str, list[float]] = {"ours": [], "diffusers": [], "anew": [], "a call": []}
        for number in range(given.rounds):
            path = paths[number % len(paths)]
            taken["ours"].append(seconds(lambda path=path: switch(pipeline, path)))
            taken["diffusers"].append(seconds(lambda path=path: switch_unproven(pipeline, path)))
            taken["anew"].append(seconds(lambda path=path: load_anew(folder / "base", path)))
            taken["a call"].append(seconds(lambda: outputs_of(pipeline.unet)))
            gc.collect()
        for label, each in taken.items():
            print(f"{label:>9}: {median(each):.3f} s, {min(each):.3f} to {max(each):.3f}", flush=True)
        ours, anew, call = (median(taken[label]) for label in ("ours", "anew", "a call"))
        alone = (anew - call) / (ours - call)
        print(f"a pipeline for each against ours: {anew / ours:.1f} times, {alone:.1f} but for the call", flush=True)
        held = []
        for path in paths:
            switch(pipeline, path)
            held.append(memory_now())
        fifth = held[min(4, len(held) - 1)]
        print(f"memory after checkpoint 5 {fifth:,.0f} MiB, after {len(held)} {held[-1]:,.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
