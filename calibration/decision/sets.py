"""What the gate and the best checkpoint ask of a metric of whole sets of images, such as FID."""

from collections.abc import Sequence
from typing import Protocol

import pandas as pd

from calibration.core.grades import Array
from calibration.decision.gate import Sets


class SetMetrics(Protocol):
    """Metrics that give a checkpoint one number, whose images they need: calibration has tables alone.

    They are asked only where one of them is named, because their features may have to be computed first.
    """

    @property
    def names(self) -> Sequence[str]:
        """What they are called; of all of them lower is better."""

    def difference(self, metric: str, pairs: pd.DataFrame, seed: int) -> Sets:
        """Two checkpoints' distances from one reference.

        Parameters
        ----------
        metric : str
        pairs : DataFrame
            candidate, baseline (items; "" where there is none) and prompt.
        seed : int
            Of the swaps.

        Raises
        ------
        InputError
            Where there are too few images, or no common reference.
        """

    def prompt_values(self, metric: str, images: pd.DataFrame) -> tuple[Array, Array]:
        """Several checkpoints' distances from one reference, as `metrics.sets.paired_sets.prompt_values` gives them.

        Parameters
        ----------
        metric : str
        images : DataFrame
            prompt, and a column of items for each checkpoint: a row of them has one prompt and seed.

        Raises
        ------
        InputError
            As for `difference`, and where more than 5 % of the images cannot be read.
        """
