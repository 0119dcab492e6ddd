"""Which face of a reference photo with several is the subject's: the one that the other references show too."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.errors import InputError

# between the cosines of one person's photos and of two people's: tests/metrics/image/test_similarity.py
FACENET_SAME = 0.65
_MARGIN = 0.1  # by which the face taken must be nearer to the other references than the next


def cosine_similarities(embeddings: ArrayLike, references: ArrayLike) -> NDArray[np.float64]:
    """The cosines of all pairs.

    Parameters
    ----------
    embeddings, references : array_like, shapes (n, d) and (m, d)
        Of any length but 0.

    Returns
    -------
    ndarray, shape (n, m)
        In [-1, 1].

    Raises
    ------
    InputError
        For embeddings of different lengths.

    Examples
    --------
    >>> cosine_similarities([[2.0, 0.0]], [[1.0, 0.0], [0.0, 3.0]])
    array([[1., 0.]])
    """
    a, b = (np.asarray(values, dtype=np.float64) for values in (embeddings, references))
    if a.shape[1:] != b.shape[1:]:
        raise InputError(
            f"The encoder answers {a.shape[-1]} numbers for one image and {b.shape[-1]} for another, which cannot be "
            "compared; they must be of one length."
        )
    a = a / np.linalg.norm(a, axis=1, keepdims=True)
    b = b / np.linalg.norm(b, axis=1, keepdims=True)
    return np.clip(a @ b.T, -1.0, 1.0)


def subject_faces(photos: Sequence[NDArray], same: float | None) -> list[int | None]:
    """Of each photo's faces the subject's; None where there is no face, or where it cannot be told.

    Parameters
    ----------
    photos : sequence of ndarray, shape (faces, d)
        The embeddings of each photo's faces.
    same : float or None
        The cosine that two photos of one person reach; None where the encoder's is not known.

    Returns
    -------
    list of int or None
        A photo's only face is the subject's. Of several it is the one nearest to the photos with one face (or, where
        there are none, to the nearest faces of the others), where it is nearer than the next by .1 and reaches `same`.

    Examples
    --------
    >>> subject, friend = [1.0, 0.0], [0.0, 1.0]
    >>> subject_faces([np.array([subject]), np.array([friend, subject]), np.empty((0, 2))], 0.65)
    [0, 1, None]
    >>> subject_faces([np.array([friend, subject])], 0.65)
    [None]
    """
    chosen: list[int | None] = []
    alone = [faces for faces in photos if len(faces) == 1]
    for number, faces in enumerate(photos):
        if len(faces) < 2:
            chosen.append(0 if len(faces) else None)
            continue
        others = alone or [other for place, other in enumerate(photos) if place != number and len(other)]
        chosen.append(_nearest(faces, others, same) if others else None)
    return chosen


def _nearest(faces: NDArray, others: Sequence[NDArray], same: float | None) -> int | None:
    agreement = np.mean([cosine_similarities(faces, other).max(axis=1) for other in others], axis=0)
    order = np.argsort(-agreement)
    best, second = agreement[order[0]], agreement[order[1]]
    if not best - second >= _MARGIN or (same is not None and best < same):  # "not" also for embeddings of zeros
        return None
    return int(order[0])
