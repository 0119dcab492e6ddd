"""What an image is: the sha256 of all that decides its picture, and of nothing that does not."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from study.generation.types import ImageRecipe

SCHEMA = "humangrade.image/1"

_WORDS = {"lora": "the LoRA", "base": "the base model", "schema": "the layout of the recipe"}


def image_identity(
    image: ImageRecipe,
    base: Mapping[str, str],
    lora: Mapping[str, Any] | None,
    scheduler: Mapping[str, Any],
    dtype: str,
) -> dict[str, Any]:
    """All that decides an image's picture.

    Parameters
    ----------
    image : ImageRecipe
    base : mapping
        What identifies the model that draws it; see `study.generation.base_models.BaseModel`.
    lora : mapping or None
        See `lora_identity`.
    scheduler : mapping
        Its class and settings, the class as ``_class_name``.
    dtype : str

    Returns
    -------
    dict
        Plain JSON. Batch size, device, attention, versions and seconds are not in it: they are provenance.

    Examples
    --------
    >>> from study.generation.types import Checkpoint
    >>> image = ImageRecipe(Checkpoint("base", "0", "base"), 0, "a cat", "", 42, 30, 7.5, 512, 512)
    >>> found = image_identity(image, {"sha256": "ab"}, None, {"_class_name": "DDIMScheduler"}, "float32")
    >>> found["seed"], found["scheduler"], digest(found)[:12]
    (42, {'class': 'DDIMScheduler', 'config': {}}, 'c9b8a4014bf4')
    """
    return {
        "schema": SCHEMA,
        "base": dict(base),
        "lora": dict(lora) if lora is not None else None,
        "prompt": image.prompt,
        "negative": image.negative,
        "seed": image.seed,
        "steps": image.steps,
        "guidance": float(image.guidance),
        "width": image.width,
        "height": image.height,
        "scheduler": {
            "class": scheduler.get("_class_name", ""),
            # what begins with _ is whose file it was, and by which version it was written
            "config": {key: value for key, value in sorted(scheduler.items()) if not key.startswith("_")},
        },
        "dtype": dtype,
        "clip_skip": image.clip_skip,
    }


def lora_identity(sha256: str, form: str, scale: float, alpha: float | None) -> dict[str, Any]:
    """What identifies a LoRA as it is applied; `alpha` as the recipe states it."""
    return {"sha256": sha256, "form": form, "scale": float(scale), "alpha": None if alpha is None else float(alpha)}


def canonical(identity: Mapping[str, Any]) -> str:
    r"""The one text of an identity: sorted keys, no spaces, ASCII.

    Examples
    --------
    >>> canonical({"b": 1, "a": "é"})
    '{"a":"\\u00e9","b":1}'
    """
    return json.dumps(identity, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest(identity: Mapping[str, Any]) -> str:
    """The sha256 of an identity, 64 hexadecimal digits."""
    return hashlib.sha256(canonical(identity).encode()).hexdigest()


def differences(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """What tells two identities apart, in words.

    Examples
    --------
    >>> differences({"steps": 30, "lora": None}, {"steps": 20, "lora": {"sha256": "ab"}})
    ['steps (30 there, 20 wanted)', 'the LoRA']
    """
    found = []
    for key in dict.fromkeys((*there, *wanted)):
        old, new = there.get(key), wanted.get(key)
        if old == new:
            continue
        if isinstance(old, dict) or isinstance(new, dict):
            found.append(_inner(key, old, new))
        else:
            found.append(f"{_WORDS.get(key, key)} ({_short(old)} there, {_short(new)} wanted)")
    return found


def _inner(key: str, old: Any, new: Any) -> str:
    """One part of an identity that has parts itself."""
    word = _WORDS.get(key, key)
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return word
    parts = [name for name in dict.fromkeys((*old, *new)) if old.get(name) != new.get(name)]
    plain = [name for name in parts if name in ("scale", "alpha", "class")]
    if not plain or len(plain) < len(parts):
        return word
    told = [f"{name} {_short(old.get(name))} there, {_short(new.get(name))} wanted" for name in plain]
    return f"{word} ({', '.join(told)})"


def _short(value: Any) -> str:
    text = "none" if value is None else f"'{value}'" if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:56]}...'"
