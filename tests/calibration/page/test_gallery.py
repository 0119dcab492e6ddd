import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from calibration.page.gallery import LEAST_GAP, Thumbnails, disagreements, thumbnail
from metrics.text import natural_order


def points(levels, means, counts=None, items=None):
    n = len(levels)
    return pd.DataFrame(
        {
            "item": items or [f"i{place}" for place in range(n)],
            "score": np.arange(n, dtype=float),
            "level": levels,
            "mean_rating": means,
            "n_ratings": counts or [5] * n,
        }
    )


def test_widest_gap_first_then_most_ratings_then_the_name():
    table = points([5, 5, 5, 5, 1], [2.0, 3.0, 3.0, 3.0, 1.5], [5, 4, 5, 5, 5], ["a", "b", "p10", "p2", "c"])
    too_high, too_low = disagreements(table, 3)
    assert [one.item for one in too_high] == ["a", "p2", "p10"]
    assert too_low == []
    assert (too_high[0].score, too_high[0].level, too_high[0].mean_rating, too_high[0].n_ratings) == (0.0, 5, 2.0, 5)


rows = st.tuples(st.integers(1, 5), st.sampled_from([1.0, 1.4, 2.0, 2.2, 3.0, 4.6, 5.0]), st.integers(1, 3))


@settings(max_examples=100)
@given(st.lists(rows, max_size=30), st.integers(1, 7))
def test_as_sorting_all_rows_would_say(drawn, shown):
    table = points(*(list(column) for column in zip(*drawn, strict=True))) if drawn else points([], [])
    for sign, found in zip((1, -1), disagreements(table, shown), strict=True):
        expected = sorted(
            (
                (-round(sign * (level - mean), 9), -count, natural_order(f"i{place}"), f"i{place}")
                for place, (level, mean, count) in enumerate(drawn)
                if round(sign * (level - mean), 9) >= LEAST_GAP
            ),
        )
        assert [one.item for one in found] == [row[-1] for row in expected[:shown]]


@pytest.fixture
def folder(tmp_path):
    Image.new("RGB", (400, 200), (200, 30, 30)).save(tmp_path / "wide.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    exif[0x010F] = "the camera"
    Image.new("RGB", (400, 200), (30, 200, 30)).save(tmp_path / "turned.jpg", exif=exif, comment=b"a secret")
    Image.new("RGB", (20, 10)).save(tmp_path / "small.png")
    (tmp_path / "broken.png").write_bytes((tmp_path / "wide.png").read_bytes()[:60])
    return tmp_path


def opened(data):
    return Image.open(io.BytesIO(data))


def test_thumbnails_are_small_upright_and_say_nothing_else(folder):
    assert opened(thumbnail(folder / "wide.png")).size == (160, 80)
    turned = thumbnail(folder / "turned.jpg")
    assert opened(turned).size == (80, 160)
    assert not opened(turned).getexif()
    assert b"secret" not in turned and b"camera" not in turned
    assert opened(thumbnail(folder / "small.png")).size == (20, 10)
    assert thumbnail(folder / "wide.png") == thumbnail(folder / "wide.png")
    for nothing in ("broken.png", "missing.png", "."):
        assert thumbnail(folder / nothing) is None


def test_each_picture_is_embedded_once_while_the_budget_lasts(folder):
    images = {name: folder / name for name in ("wide.png", "turned.jpg", "broken.png")}
    pictures = Thumbnails(images, 10_000)
    assert [pictures.add(name) for name in ("wide.png", "turned.jpg", "wide.png")] == [
        "picture0",
        "picture1",
        "picture0",
    ]
    assert pictures.add("broken.png") is None
    assert pictures.add("unknown") is None
    embedded = re.findall(r"base64,([^\"]+)", pictures.css)
    assert base64.b64decode(embedded[0]) == thumbnail(folder / "wide.png")
    assert len(embedded) == 2
    tight = Thumbnails(images, len(pictures.css) - 20)
    assert (tight.add("wide.png"), tight.add("turned.jpg"), tight.left_out) == ("picture0", None, 1)
    assert len(tight.css) < len(pictures.css)
