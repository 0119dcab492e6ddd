"""Images that are there twice under two names: on both sides of a split they would be learnt and then tested.

Two images are one where their embeddings or their contents are the same, as `calibration.aesthetic.leakage` marks
them; a copy that was scaled or saved anew is another image here.
"""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from calibration.aesthetic.embeddings import Embeddings
from calibration.aesthetic.leakage import image_marks


def each_image_once(
    names: NDArray[np.str_], embeddings: Embeddings, rows: NDArray[np.intp], first: Collection[str] = ()
) -> tuple[NDArray[np.intp], list[str]]:
    """Which of the images to keep, so that none is there twice.

    Parameters
    ----------
    names : ndarray of str, shape (n,)
        What the images are called.
    embeddings : Embeddings
        Where theirs are.
    rows : ndarray of int, shape (n,)
        The embedding of each.
    first : collection of str, optional
        Images that stay rather than others: those of a test list.

    Returns
    -------
    kept : ndarray of int
        Places of the images, in their order.
    others : list of str
        A line for each that is left out: "NAME is FIRST".
    """
    wanted = np.isin(names, list(first))
    order = np.argsort(~wanted, kind="stable")
    known: dict[bytes, int] = {}
    kept, others = [], {}
    for place, marks in zip(order.tolist(), image_marks(embeddings, rows[order]), strict=True):
        told = [mark for mark in marks if mark]
        same = next((known[mark] for mark in told if mark in known), None)
        if same is None:
            kept.append(place)
        else:
            others[place] = f"{names[place]} is {names[same]}"
        known.update(dict.fromkeys((mark for mark in told if mark not in known), place if same is None else same))
    return np.sort(np.array(kept, dtype=np.intp)), [others[place] for place in sorted(others)]
