"""What spoils a comparison is said."""

from calibration.aesthetic.leakage import TRAINED_ON, leakage_warnings, sources_of
from metrics.aesthetic_head import PUBLISHED


def test_every_published_head_is_known():
    assert set(TRAINED_ON) == set(PUBLISHED)


def test_a_head_trained_on_ava_is_not_judged_by_ava_in_silence():
    name = "aesthetic/improved-l14-relu"
    (found,) = leakage_warnings(name, sources_of(name), "AVA.txt")
    assert "trained on AVA" in found
    assert leakage_warnings(name, sources_of(name), "koniq.csv") == []
    assert leakage_warnings("aesthetic/laion-vit-b-32", sources_of("aesthetic/laion-vit-b-32"), "AVA.txt") == []


def test_the_head_that_chose_a_generators_images_is_named():
    name = "aesthetic/improved-l14-mse"
    assert any("circular" in sentence for sentence in leakage_warnings(name, sources_of(name), "koniq.csv"))


def test_a_head_trained_on_another_file_of_ava_is_warned_of_unless_its_images_are_known():
    (found,) = leakage_warnings("mine", ["AVA.txt"], "AVA_excerpt.txt")
    assert "trained on AVA" in found
    assert leakage_warnings("mine", ["AVA.txt"], "AVA_excerpt.txt", 0, 10) == []
    assert leakage_warnings("mine", ["ratings.csv"], "AVA.txt") == []


def test_the_relu_head_was_not_trained_on_sac():
    assert TRAINED_ON["aesthetic/improved-l14-relu"] == ("LAION-Logos", "AVA")
