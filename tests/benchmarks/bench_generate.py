"""Images a second of humangrade generate, against plain diffusers loops with the same settings, in the same process.

Run with: python -m tests.benchmarks.bench_generate [--prompts 16] [--seeds 4] [--steps 4] [--size 64] [--batch 8]
[--checkpoints 2] [--model tiny|wide] [--rounds 3]. No weights are needed: tiny is the tests' pipeline, wide has a UNet
and a text encoder of the shape of Stable Diffusion 1.5 (860 and 123 million random parameters) and a small decoder.
The loops load the same LoRAs with load_lora_weights, draw the same images and save them as PNG files:
one by one, as most people's scripts do, and in batches with a generator for each image. Ours writes each image's
identity, items.csv and provenance as well, and syncs every file to the disk. The pipeline's loading is left out of all.
Then: the time to change a checkpoint, against loading a pipeline for each; and the memory after each of many changes.
"""

import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import study.generation.painter as painting
from study.generation.base_models import locate
from study.generation.draw import DrawSettings, draw
from study.generation.lora import read_lora
from study.generation.painter import Painter
from study.generation.pipelines import Machine, load_pipeline
from study.generation.types import Checkpoint, ImageRecipe, Plan
from tests.benchmarks.arguments import parser, peak_memory
from tests.study.generation.drawing import BASE, make_loras
from tests.study.generation.tiny import tiny_pipeline


def wide_pipeline() -> Any:
    """The tiny pipeline with the UNet and the text encoder of Stable Diffusion 1.5, random."""
    from diffusers import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    pipeline = tiny_pipeline()
    torch.manual_seed(0)
    unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=768).eval()
    config = CLIPTextConfig(
        vocab_size=49408,
        hidden_size=768,
        intermediate_size=3072,
        projection_dim=768,
        num_attention_heads=12,
        num_hidden_layers=12,
        bos_token_id=49406,
        eos_token_id=49407,
        pad_token_id=1,
    )
    pipeline.register_modules(unet=unet, text_encoder=CLIPTextModel(config).eval())
    return pipeline


def plain_loop(pipeline: Any, plan: Plan, folder: Path, batch: int) -> None:
    """What a script does with diffusers alone."""
    for checkpoint in plan.checkpoints:
        images = [image for image in plan.images if image.checkpoint == checkpoint]
        if checkpoint.path is not None:
            pipeline.load_lora_weights(checkpoint.path, adapter_name="now")
        for start in range(0, len(images), batch):
            part = images[start : start + batch]
            drawn = pipeline(
                prompt=[image.prompt for image in part],
                negative_prompt=[image.negative for image in part],
                generator=[torch.Generator("cpu").manual_seed(image.seed) for image in part],
                num_inference_steps=part[0].steps,
                guidance_scale=part[0].guidance,
                height=part[0].height,
                width=part[0].width,
            ).images
            for image, picture in zip(part, drawn, strict=True):
                (folder / image.file).parent.mkdir(parents=True, exist_ok=True)
                picture.save(folder / image.file)
        if checkpoint.path is not None:
            pipeline.unload_lora_weights()


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Of a call: those that pass, and those of processors, which others on the machine hardly change."""
    passed, worked = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - passed, time.process_time() - worked


def speed(plan: Plan, place: Path, rounds: int) -> None:
    """Print images a second of ours and of the loops, in turn, and the ratios of their medians."""
    model = locate(plan.base)
    pipeline = load_pipeline(model, "float32", Machine())
    own = pipeline.scheduler

    def loaded(*given: Any) -> Any:
        pipeline.scheduler = own
        return pipeline

    painting.load_pipeline = loaded
    batch = plan.batch_size
    works: dict[str, Callable[[Path], object]] = {
        f"humangrade, batches of {batch}": lambda folder: draw(plan, folder, DrawSettings(device="cpu")),
        "humangrade, one by one": lambda folder: draw(plan, folder, DrawSettings(device="cpu", batch_size=1)),
        f"diffusers, batches of {batch}": lambda folder: plain_loop(pipeline, plan, folder, batch),
        "diffusers, one by one": lambda folder: plain_loop(pipeline, plan, folder, 1),
    }
    warm = replace(plan, images=plan.images[:batch])
    draw(warm, place / "warm", DrawSettings(device="cpu"))
    plain_loop(loaded(), warm, place / "warm-plain", batch)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for number in range(rounds):
        for name, work in works.items():
            loaded()
            folder = place / f"{number}-{name}"
            found[name].append(seconds(lambda work=work, folder=folder: work(folder)))  # type: ignore[misc]
    for kind, title in ((0, "seconds"), (1, "seconds of processors")):
        print(f"  by {title}:")
        for name, times in found.items():
            each = [time[kind] for time in times]
            rate = len(plan.images) / statistics.median(each)
            print(f"    {name:28} {rate:7.2f} images a second  ({', '.join(f'{one:.2f}' for one in each)})")
        for how in (f"batches of {batch}", "one by one"):
            pairs = zip(found[f"humangrade, {how}"], found[f"diffusers, {how}"], strict=True)
            ratios = [theirs[kind] / ours[kind] for ours, theirs in pairs]
            told = ", ".join(f"{ratio:.2f}" for ratio in ratios)
            print(f"    ratio, {how}: {statistics.median(ratios):.2f} (of each round {told})", flush=True)


def switching(base: Path, loras: list[Checkpoint], first: ImageRecipe) -> None:
    """Print the time of a change of checkpoint, against loading a pipeline for each, and the memory."""
    model = locate(str(base))
    expected = {each: read_lora(each.path).sha256 for each in loras if each.path is not None}
    anew = [seconds(lambda: load_pipeline(model, "float32", Machine()))[1] for _ in range(3)]
    peaks = []
    with Painter(model, expected, "float32", Machine()) as painter:
        painter._take(BASE)
        changes = []
        for number in range(12):
            take = loras[number % len(loras)]
            changes.append(seconds(lambda take=take: painter._take(take))[1])  # type: ignore[misc]
            painter.draw([replace(first, checkpoint=take)])
            peaks.append(peak_memory())
    ours, theirs = statistics.median(changes), statistics.median(anew)
    print(f"  a change of checkpoint {ours:.3f} s of processors, a pipeline {theirs:.3f}, ratio {theirs / ours:.1f}")
    print(f"  peak memory after 1, 6 and 12 changes: {peaks[0]:,.0f}, {peaks[5]:,.0f}, {peaks[11]:,.0f} MiB")


def main() -> None:
    """Print the figures."""
    arguments = parser(__doc__)
    for name, default, said in (
        ("prompts", 16, "how many"),
        ("seeds", 4, "of each prompt"),
        ("steps", 4, "of the sampler"),
        ("size", 64, "pixels of a side"),
        ("batch", 8, "images at once"),
        ("checkpoints", 2, "LoRAs beside the base"),
        ("rounds", 3, "of each loop, in turn"),
    ):
        arguments.add_argument(f"--{name}", type=int, default=default, help=f"{said}; {default} unless told")
    arguments.add_argument("--model", choices=("tiny", "wide"), default="tiny")
    given = arguments.parse_args()
    logging.getLogger("diffusers").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        pipeline = tiny_pipeline() if given.model == "tiny" else wide_pipeline()
        pipeline.save_pretrained(place / "model")
        loras = make_loras(place / "loras", max(2, given.checkpoints), pipeline=pipeline)
        del pipeline
        first = ImageRecipe(BASE, 0, "", "", 0, given.steps, 7.5, given.size, given.size)
        images = tuple(
            replace(first, checkpoint=checkpoint, prompt_number=number, seed=seed, prompt=f"a person, number {number}")
            for checkpoint in (BASE, *loras[: given.checkpoints])
            for number in range(given.prompts)
            for seed in range(given.seeds)
        )
        print(
            f"{given.model} pipeline, {len(images)} images of {given.size} x {given.size} in {given.steps} steps, "
            f"{given.checkpoints} LoRAs and the base, {torch.get_num_threads()} threads"
        )
        speed(Plan(str(place / "model"), images, batch_size=given.batch), place, given.rounds)
        painting.load_pipeline = load_pipeline
        switching(place / "model", loras, first)


if __name__ == "__main__":
    main()
