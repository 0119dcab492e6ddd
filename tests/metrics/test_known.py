"""What the table of metrics says, and by which names it is found."""

import pytest

from metrics.known import find_metric, known_metrics


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("NIQE", "niqe"),
        ("IL-NIQE", "ilniqe"),
        ("ILNIQE", "ilniqe"),
        (" clip_score ", "clipscore"),
        ("CLIP Score", "clipscore"),
        ("clipscore_vitb32", "clipscore"),
        ("CLIP-T", "clipt"),
        ("clip_i_vitl14", "clipi"),
        ("clip-iqa", "clipiqa"),
        ("LPIPS (alex)", "lpips"),
        ("lpips-squeeze-v0.1", "lpips"),
        ("MS-SSIM", "msssim"),
        ("ssim", "ssim"),
        ("rougeL_F", "rouge"),
        ("bleu4", "bleu"),
        ("bleu_4", "bleu"),
        ("tifa_mplug-large", "tifa"),
        ("dsg_pali17b", "dsg"),
        ("FID 2048", "fid"),
        ("Inception score", "inceptionscore"),
        ("METEOR", "meteor"),
        ("Q-Align", "qalign"),
        ("Mean squared error", "mse"),
        ("human_preference_score_v2.1", "hps"),
    ],
)
def test_names_as_people_write_them(name, key):
    assert find_metric(name).key == key


@pytest.mark.parametrize(
    "name", ["", "  ", "---", "my_fid", "nofid", "my own metric", "quality", "clip", "fidelity", "画像"]
)
def test_a_name_that_is_not_known_is_not_guessed(name):
    assert find_metric(name) is None


@pytest.mark.parametrize(
    ("direction", "names"),
    [
        ("lower", ["niqe", "ilniqe", "brisque", "piqe", "lpips", "dists", "mse", "mae", "rmse", "fid", "kid", "cmmd"]),
        ("higher", ["psnr", "ssim", "clipscore", "musiq", "maniqa", "dbcnn", "similarity", "aesthetic", "sharpness"]),
    ],
)
def test_directions(direction, names):
    assert {find_metric(name).direction for name in names} == {direction}


def test_the_table_is_sound():
    metrics = known_metrics()
    assert len({metric.key for metric in metrics}) == len({metric.title for metric in metrics}) == len(metrics)
    for metric in metrics:
        assert find_metric(metric.key) is metric
        assert find_metric(metric.title.upper()) is metric
        if metric.low is not None and metric.high is not None:
            assert metric.low < metric.high
