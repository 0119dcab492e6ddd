"""The names of drawn images: written and read back by one rule."""

import pytest

from study.generation.file_names import prompt_and_seed
from study.generation.types import Checkpoint, ImageRecipe


@pytest.mark.parametrize(("number", "seed"), [(0, 0), (3, 42), (1200, 2**32 - 1)])
def test_a_drawn_images_name_tells_its_prompt_and_seed(number, seed):
    drawn = ImageRecipe(Checkpoint("base", "0", "base", step=0), number, "a cat", "", seed, 30, 7.5, 512, 512)
    assert prompt_and_seed(drawn.file.name) == prompt_and_seed(drawn.file.as_posix()) == (number, seed)


@pytest.mark.parametrize("name", ["cat.png", "p3.png", "xp003_s42.png", "p003_s42_2.png", "p003_s-1.png"])
def test_other_names_tell_nothing(name):
    assert prompt_and_seed(name) is None
