"""What belongs together, and what is held out together."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from calibration.core.item_folds import clusters_of, few_groups, groupings_of, item_folds


def test_what_images_are_drawn_by():
    items = pd.DataFrame({"item": [f"i{n}" for n in range(24)], "prompt": [f"p{n // 2}" for n in range(24)]})
    assert clusters_of(groupings_of(items)) == "prompt"
    assert groupings_of(items)["prompt"]["i3"] == "p1"
    assert groupings_of(items.assign(prompt="")) == {}
    few = groupings_of(items.head(10))
    assert clusters_of(few) is None and clusters_of(few, 5) == "prompt" and "5 prompts only" in few_groups(few)[0]
    assert few_groups(groupings_of(items)) == [] == few_groups({})
    with_models = items.assign(subject=items["item"], model=["a", "b"] * 12)
    assert list(groupings_of(with_models)) == ["prompt", "subject", "model"]
    assert clusters_of(groupings_of(with_models.drop(columns="prompt"))) == "subject"


@given(st.lists(st.integers(0, 12), min_size=1, max_size=60), st.integers(1, 6), st.integers(-3, 10**6))
def test_no_group_is_split_and_folds_are_about_equal(groups, count, seed):
    folds = item_folds(groups, count, seed)
    assert (folds == item_folds(groups, count, seed)).all()
    for group in set(groups):
        assert len(set(folds[np.array(groups) == group])) == 1
    sizes = np.bincount(folds)
    assert len(sizes) == min(count, len(set(groups))) and sizes.min() > 0
    largest = max(groups.count(group) for group in groups)
    assert sizes.max() - sizes.min() <= largest


def test_another_seed_deals_otherwise():
    groups = [f"p{number}" for number in range(50)]
    assert (item_folds(groups, seed=0) != item_folds(groups, seed=1)).any()
