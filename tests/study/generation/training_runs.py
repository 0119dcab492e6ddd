"""Files as trainers write them, without weights: safetensors whose headers say what theirs do."""

import json
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

LORA_KEYS = (
    "lora_unet_mid_block_attentions_0_proj_in.lora_down.weight",
    "lora_unet_mid_block_attentions_0_proj_in.lora_up.weight",
)
MODEL_KEYS = ("model.diffusion_model.out.2.weight", "first_stage_model.decoder.conv_in.weight")


def write_tensors(
    path: Path, keys: Iterable[str] = LORA_KEYS, metadata: dict[str, str] | None = None, content: str | None = None
) -> Path:
    """A safetensors file with one number under each key, which follows from `content`, or else from the path."""
    header = {key: {"dtype": "F32", "shape": [1, 1], "data_offsets": [4 * n, 4 * n + 4]} for n, key in enumerate(keys)}
    text = json.dumps(header | ({"__metadata__": metadata} if metadata else {})).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    number = struct.pack("<f", zlib.crc32((str(path) if content is None else content).encode()) / 2**32)
    path.write_bytes(struct.pack("<Q", len(text)) + text + number * len(header))
    return path


def kohya_metadata(step: int, epoch: int = 1, images: int = 12, repeats: int = 10) -> dict[str, str]:
    """What sd-scripts writes of a run, of all that the part that is read."""
    folders = {f"{repeats}_sks person": {"n_repeats": repeats, "img_count": images}}
    return {
        "ss_steps": str(step),
        "ss_epoch": str(epoch),
        "ss_num_train_images": str(images * repeats),
        "ss_dataset_dirs": json.dumps(folders),
    }


def kohya_run(folder: Path, name: str, steps: Iterable[int], last: int | None = None, images: int = 12) -> Path:
    """A run of sd-scripts: a file every so many steps, and the last without a number."""
    for step in steps:
        write_tensors(
            folder / f"{name}-step{step:08d}.safetensors",
            metadata=kohya_metadata(step, images=images),
            content=f"{folder}{step}",
        )
    if last is not None:
        write_tensors(
            folder / f"{name}.safetensors", metadata=kohya_metadata(last, images=images), content=f"{folder}{last}"
        )
    return folder
