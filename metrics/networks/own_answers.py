"""What a user's detector and encoder answer, checked: a wrong answer is the function's fault and not an image's.

Everything here raises InputError for an answer of another kind than was asked for, and `UnreadableImage` where the
function itself fails, which may be because of the image.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from metrics.engine.extraction import is_out_of_memory
from metrics.engine.images import NOT_TAKEN, UnreadableImage
from metrics.errors import InputError
from metrics.networks.face_crops import Face, as_face
from metrics.plugins.own_functions import called

_BOXES = "it must answer a list of boxes in pixels (left, top, right, bottom, and perhaps a probability from 0 to 1)"


def answered(function: Callable[..., Any], argument: Any, who: str) -> Any:
    """What a function answers; where it fails, `UnreadableImage` says who could not take the image, and why."""
    try:
        return function(argument)
    except InputError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        reason = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise UnreadableImage(f"{NOT_TAKEN} {who} ({reason})") from error


def found_faces(detect: Callable[[Image.Image], Any], image: Image.Image) -> list[Face]:
    """What a user's detector finds in an image.

    Raises
    ------
    InputError
        For what is no list of boxes, and for boxes that are not in pixels or have no right side.
    UnreadableImage
        Where it fails.
    """
    answer = answered(detect, image, f"the detector {called(detect)}")
    who = f"The detector {called(detect)} answers"
    if answer is None or isinstance(answer, (str, bytes, Mapping)):
        raise InputError(f"{who} {_shown(answer)} for an image; {_BOXES}, empty where it finds nothing.")
    try:
        listed = list(_plain(answer))
    except TypeError:
        raise InputError(f"{who} {_shown(answer)} for an image; {_BOXES}, empty where it finds nothing.") from None
    faces = []
    for number, each in enumerate(listed, 1):
        try:
            faces.append(as_face(each))
        except (TypeError, ValueError) as error:
            raise InputError(f"{who} {_shown(each)} as box {number} for an image ({error}); {_BOXES}.") from error
    for face in faces:
        left, top, right, bottom = face.box
        if right < left or bottom < top:
            raise InputError(
                f"{who} the box {_box(face)}, whose {'right' if right < left else 'lower'} side comes before the "
                f"other; {_BOXES}, and not its width and height."
            )
        is_relative = 0 <= left < right <= 1 and 0 <= top < bottom <= 1
        if is_relative and min(image.size) > 2:
            raise InputError(
                f"{who} the box {_box(face)} for an image of {image.width} x {image.height} pixels, which lies within "
                "0..1 and seems to be relative to the image; multiply it by width and height: boxes are in pixels."
            )
    return faces


def encoded_pictures(encode: Callable[[Sequence[Image.Image]], Any], pictures: Sequence[Image.Image]) -> NDArray:
    """What an encoder answers for pictures, float32 of shape (n, d).

    Raises
    ------
    InputError
        For what is no row of numbers for each picture.
    UnreadableImage
        Where it fails.
    """
    answer = answered(encode, pictures, f"the encoder {called(encode)}")
    try:
        rows: NDArray[np.float32] = np.asarray(_plain(answer), dtype=np.float32)
    except (TypeError, ValueError):
        rows = np.empty(0, dtype=np.float32)
    if answer is None or rows.ndim != 2 or len(rows) != len(pictures) or not rows.shape[1]:
        raise InputError(
            f"The encoder {called(encode)} answers {_shown(answer)} for {len(pictures)} "
            f"picture{'s' if len(pictures) > 1 else ''}; it must answer an array of numbers with a row for each, all "
            "of one length."
        )
    return rows


def _plain(answer: Any) -> Any:
    """Tensors as arrays, wherever they lie and whatever is to be learnt from them; alone or in a list."""
    if isinstance(answer, (list, tuple)):
        return [_plain(each) for each in answer]
    if not hasattr(answer, "detach"):
        return answer
    return answer.detach().cpu().float().numpy()


def _box(face: Face) -> str:
    return f"({', '.join(f'{side:.4g}' for side in face.box)})"


def _shown(answer: Any) -> str:
    """An answer for a message, in few words.

    Examples
    --------
    >>> _shown(None), _shown("face"), _shown(np.ones((2, 3))), _shown([1, 2]), _shown(float("nan"))
    ('None', "the text 'face'", 'an array of shape (2, 3)', 'a list of 2', 'the number nan')
    """
    if answer is None:
        return "None"
    if isinstance(answer, str):
        return f"the text {answer[:30]!r}"
    shape = getattr(answer, "shape", None)
    if shape is not None and len(shape):
        kind = "an array" if isinstance(answer, np.ndarray) else f"a {type(answer).__name__}"
        return f"{kind} of shape {tuple(shape)}"
    if isinstance(answer, (list, tuple)):
        held = _shown(answer[0]) if answer else ""
        inner = f", the first {held}" if held and not held.startswith("the number") else ""
        return f"a {type(answer).__name__} of {len(answer)}{inner}"
    try:
        return f"the number {float(answer):g}"
    except (TypeError, ValueError):
        return f"an object of the type {type(answer).__name__}"
