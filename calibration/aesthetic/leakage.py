"""What heads, encoders and generators were trained on, and when that spoils a comparison.

Judged by images that it was trained on, a head looks better than it is; and a generator whose training images a head
has chosen is judged by the taste it was made to please. The second is why a head of one's own is trained on AVA: the
images that Stable Diffusion 1.2 to 1.5 were trained on were chosen by LAION's improved predictor (LAION-Aesthetics V2).
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.aesthetic.embeddings import Embeddings

_MARK = 6  # bytes; among 250,000 images two are alike by chance once in 9,000 heads
AVA = "AVA"
TRAINED_ON = {
    "aesthetic/laion-vit-l-14": ("SAC",),
    "aesthetic/laion-vit-b-32": ("SAC",),
    "aesthetic/improved-l14-mse": ("SAC", "LAION-Logos", AVA),
    "aesthetic/improved-l14-relu": ("LAION-Logos", AVA),  # published as ava+logos-l14-reluMSE.pth
}
CHOOSER = "aesthetic/improved-l14-mse"
CIRCULAR = (
    "Stable Diffusion 1.2 to 1.5 were trained on images that this head had chosen (LAION-Aesthetics V2, 5 and above); "
    "judging their images by the same head is circular."
)
ENCODER = (
    "What OpenAI trained CLIP on is not public and may hold photographs of AVA; the encoder saw no votes, but its "
    "embeddings of those photographs may be better than those of new ones."
)


def sources_of(head: str, stated: Sequence[str] = ()) -> tuple[str, ...]:
    """What a head was trained on: as its file states, or as is known of a published one.

    Examples
    --------
    >>> sources_of("aesthetic/improved-l14-mse")
    ('SAC', 'LAION-Logos', 'AVA')
    >>> sources_of("mine.safetensors", ["AVA.txt"])
    ('AVA.txt',)
    """
    return tuple(stated) or TRAINED_ON.get(head, ())


def is_ava(source: str) -> bool:
    """Whether a file of votes is AVA's, by its name.

    Examples
    --------
    >>> is_ava("AVA_excerpt.txt"), is_ava("koniq10k.csv"), is_ava("lava.txt")
    (True, False, False)
    >>> is_ava("train-ava.csv")
    True
    """
    return AVA in re.split(r"[^A-Z0-9]+", source.upper())


def leakage_warnings(
    head: str, sources: Sequence[str], votes: str, shared: int | None = None, total: int = 0
) -> list[str]:
    """Sentences about what spoils the evaluation of a head; none where nothing is known to.

    Parameters
    ----------
    head : str
        Its name.
    sources : sequence of str
        What it was trained on.
    votes : str
        The file of votes that it is evaluated on.
    shared : int or None
        How many of the images evaluated it was trained on; None where that is not known.
    total : int
        How many there are.

    Examples
    --------
    >>> leakage_warnings("mine", ["AVA.txt"], "AVA.txt", shared=3, total=10)
    ['mine was trained on 3 of these 10 images, or chosen by them, which flatters its figures.']
    """
    found = []
    if shared:
        found.append(
            f"{head} was trained on {shared:,} of these {total:,} images, or chosen by them, which flatters its "
            "figures."
        )
    elif (shared is None or head in TRAINED_ON) and is_ava(votes) and any(map(is_ava, sources)):
        found.append(f"{head} was trained on AVA, on images that are not known: its figures here may be too good.")
    if head == CHOOSER:
        found.append(f"{head}: {CIRCULAR}")
    return found


def image_marks(embeddings: Embeddings, rows: NDArray[np.intp]) -> list[tuple[bytes, bytes]]:
    """What tells each image again: a short hash of its embedding, and of its content where that is known."""
    return [
        (
            hashlib.sha256(np.ascontiguousarray(embeddings.rows[row], dtype="<f4").tobytes()).digest()[:_MARK],
            _content_mark(embeddings.sha256s[row]),
        )
        for row in rows
    ]


def seen_images(embeddings: Embeddings, rows: NDArray[np.intp], before: Mapping[str, Any] | None = None) -> str:
    """The marks of images that a head has seen, as its file keeps them.

    Parameters
    ----------
    embeddings : Embeddings
        Of the images.
    rows : ndarray of int
        Those that it was trained on, or that decided when to stop.
    before : mapping, optional
        The details of the head that it was moved from, whose images it has seen as well.
    """
    marks = {mark for both in image_marks(embeddings, rows) for mark in both if mark}
    return base64.b64encode(b"".join(sorted(marks | (_kept(before or {}) or set())))).decode()


def seen_before(details: Mapping[str, Any], embeddings: Embeddings, rows: NDArray[np.intp]) -> int | None:
    """How many of some images a head has seen, by the marks that its file keeps; None where it keeps none."""
    kept = _kept(details)
    if kept is None:
        return None
    return sum(bool(kept.intersection(both)) for both in image_marks(embeddings, rows))


def _content_mark(sha256: str) -> bytes:
    try:
        return bytes.fromhex(sha256)[:_MARK]
    except ValueError:
        return b""


def _kept(details: Mapping[str, Any]) -> set[bytes] | None:
    packed = details.get("seen_images")
    if not isinstance(packed, str):
        return None
    try:
        data = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        return None
    return {data[at : at + _MARK] for at in range(0, len(data) - _MARK + 1, _MARK)}
