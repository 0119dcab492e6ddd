"""Contact strips: every image in exactly one, in its place, and no more than a page of the grid needs."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from study.dashboard.strips import COLUMNS, LIVE_SIDE, plan_strips, render_strip
from study.dashboard.thumbnails import SIDE, missing_picture, thumbnail


def columns(rows):
    names = ("checkpoint", "prompt", "seed", "thumb")
    return {name: [row[at] for row in rows] for at, name in enumerate(names)}


rows = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 70), st.sampled_from(["", "1", "2"]), st.text("abc", min_size=1)),
    max_size=200,
)


@given(rows)
def test_every_image_stands_in_one_strip_of_its_checkpoint_seed_and_block(rows):
    strips = plan_strips(columns(rows))
    assert sorted(place for strip in strips for place in strip.places) == list(range(len(rows)))
    for strip in strips:
        members = [rows[place] for place in strip.places]
        assert {(row[0], row[2], row[1] // COLUMNS) for row in members} == {
            (strip.checkpoint, members[0][2], members[0][1] // COLUMNS)
        }
        assert [row[1] for row in members] == sorted(row[1] for row in members)
        assert 1 <= len(members) <= COLUMNS


def test_a_page_of_the_grid_takes_one_strip_a_checkpoint():
    drawn = [(c, p, s, f"{c} {p} {s}") for c in range(30) for p in range(64) for s in ("1", "2")]
    strips = plan_strips(columns(drawn))
    page = [strip for strip in strips if any(drawn[p][2] == "1" and 20 <= drawn[p][1] < 40 for p in strip.places)]
    assert len(page) == 30 and all(len(strip.places) == 20 for strip in page)
    assert [strip.checkpoint for strip in strips[:30]] == list(range(30))  # those of the first page come first


def test_the_key_follows_the_pictures_and_nothing_else():
    first = [(0, 0, "1", "a"), (0, 1, "1", "b")]
    (one,), (other,), (moved,) = (
        plan_strips(columns(rows)) for rows in (first, [*first[:1], (0, 1, "1", "c")], first[::-1])
    )
    assert one.key == moved.key != other.key
    assert (one.places, moved.places) == ((0, 1), (1, 0))


def test_each_picture_stands_in_the_middle_of_its_square():
    buffer = io.BytesIO()
    Image.new("RGB", (400, 200), "red").save(buffer, "PNG")
    small = thumbnail(buffer.getvalue())
    sheet = Image.open(io.BytesIO(render_strip([lambda: small, missing_picture, lambda: small], SIDE))).convert("RGBA")
    assert sheet.size == (3 * SIDE, SIDE)
    for column in (0, 2):
        corner = column * SIDE
        red = sheet.getpixel((corner + SIDE // 2, SIDE // 2))
        assert red[0] > 200 and red[1] < 60 and red[3] == 255
        assert sheet.getpixel((corner + SIDE // 2, 10))[3] == 0  # nothing above and below a wide picture
    assert sheet.getpixel((SIDE + SIDE // 2, 40))[3] == 255


@pytest.mark.parametrize("count", [1, COLUMNS])
def test_any_number_of_pictures(count):
    sheet = Image.open(io.BytesIO(render_strip([missing_picture] * count, LIVE_SIDE)))
    assert (sheet.format, sheet.size) == ("WEBP", (count * LIVE_SIDE, LIVE_SIDE))
