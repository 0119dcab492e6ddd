"""Runs to be written to trackers and read again, and what must be the same then."""

import io
import math
from collections import defaultdict

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from study.runs.trackers.pictures import picture_bytes
from study.runs.types import Scalar, TrackedImage, TrackedRun

CONFIG = {"lr": 1e-4, "rank": 4, "note": "naïve", "nested": {"betas": [0.9, 0.999], "fused": True}, "none": None}


def picture(seed: int, kind: str = "PNG", size: int = 16) -> bytes:
    """A picture's file, with a text in it where it is a PNG."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    file = io.BytesIO()
    texts = PngInfo()
    texts.add_text("recipe", f"of {seed}")
    Image.fromarray(pixels).save(file, kind, **({"pnginfo": texts} if kind == "PNG" else {}))
    return file.getvalue()


def example(name: str = "anna é/1") -> TrackedRun:
    """A run with all that makes a round trip hard."""
    scalars = [Scalar("loss", step, 1 / (3 + step)) for step in range(0, 1500, 300) for _ in range(2)]
    scalars += [Scalar("loss", 1200, value) for value in (math.nan, math.inf, -math.inf, 1e-300, 0.5)]
    scalars += [Scalar("val/CLIP (ViT-L) [mean]", 300, 0.25), Scalar("val/CLIP (ViT-L) (mean)", 300, 0.75)]
    scalars += [Scalar("val/acc", epoch, 0.1 * epoch, "epoch") for epoch in range(3)]
    scalars += [Scalar("step", 0, 1.0), Scalar("a.b", 0, 2.0), Scalar("../up", 0, -0.5), Scalar("big", 2**40, 2.0**60)]
    scalars += [Scalar(name, 0, 1.0) for name in ("_own", "__x", "a//b", "/a", "metrics", "x" * 300, " ", "loss:%+#")]
    images = [
        TrackedImage("p000 «sks»/a", step, index, picture(step + index), 42 + index, "sks on a beach")
        for step in (0, 300, 1200)
        for index in range(3)
    ]
    images += [
        TrackedImage("p001", 300, 0, picture(7, "JPEG"), None, ""),
        TrackedImage("p001", 600, 0, picture(8, "WEBP")),
    ]
    images += [
        TrackedImage(key, 0, 0, picture(9)) for key in ("_own", "__x", "../../up", "time", "a+step+3", "y" * 300)
    ]
    return TrackedRun(name, CONFIG, tuple(scalars), tuple(images))


def curves(run: TrackedRun) -> dict:
    """By name, axis and step the values in their order, as text: NaN is NaN."""
    found = defaultdict(list)
    for one in run.scalars:
        found[one.name, one.axis, one.step].append(repr(one.value))
    return dict(found)


def pictures(run: TrackedRun) -> dict:
    """By key, step and index the bytes, the seed and the caption."""
    return {(one.key, one.step, one.index): (picture_bytes(one.picture), one.seed, one.caption) for one in run.images}


def assert_same(found: TrackedRun, run: TrackedRun) -> None:
    """All of a run is there again, to the last bit."""
    assert found.name == run.name
    assert found.config == run.config
    assert curves(found) == curves(run)
    assert pictures(found) == pictures(run)
    assert not found.notes
