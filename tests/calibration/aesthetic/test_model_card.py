"""The card: what it tells, and a snippet that answers what humangrade answers."""

import numpy as np
import pytest
import yaml

from calibration.aesthetic.evaluation import evaluate
from calibration.aesthetic.figures import answers_and_votes, learning_curves
from calibration.aesthetic.model_card import SNIPPET, Card, model_card
from calibration.aesthetic.votes import levels
from metrics.networks.aesthetic_head import predict, read_head, write_head
from tests.calibration.aesthetic.made import made_votes


@pytest.mark.parametrize("kind", ["none", "relu", "levels"])
def test_the_snippet_answers_what_humangrade_answers(tmp_path, kind):
    rng = np.random.default_rng(0)
    sizes = [(1, 8)] if kind == "none" else [(6, 8), (4, 6), (10 if kind == "levels" else 1, 4)]
    layers = [(rng.normal(size=size), rng.normal(size=size[0])) for size in sizes]
    details = {"levels": levels(10).tolist()} if kind == "levels" else {}
    activation = "none" if kind == "none" else "relu"
    path = write_head(tmp_path / "h.safetensors", layers, activation, "M/p", signature="s", **details)
    x = rng.normal(size=(20, 8))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    names = {}
    exec(SNIPPET, names)  # the card's own lines
    assert len(SNIPPET.strip().splitlines()) <= 12
    np.testing.assert_allclose(names["score"](path, x), predict(read_head(path), x), rtol=1e-5)


def card(**changes):
    votes = made_votes(200)
    evaluations = [evaluate(name, votes.means * 0.9, votes) for name in ("plain", "balanced")]
    about = {
        "backbone": "ViT-L-14/openai",
        "signature": "head:aesthetic|seed:0",
        "training": {"votes": "AVA.txt", "images": 1000, "split": "list-test.jpgl-ab12,seed-0", "seeds": 2},
    }
    values = {
        "file": "head.safetensors",
        "about": about,
        "written": "balanced",
        "evaluations": evaluations,
        "recommendation": "Take plain.",
        "people": {"one": 0.45, "five": 0.74, "ceiling": 0.99},
        "notes": ["Votes: AVA.txt."],
        "trained_on": [2.0, 5.0, 6.0, 9.0, 9.5],
    }
    return model_card(Card(**values | changes))


def test_it_tells_what_was_done_and_what_it_is_worth():
    text = card()
    _, front, body = text.split("---\n", 2)
    about = yaml.safe_load(front)
    assert about["model-index"][0]["results"][0]["metrics"][0]["type"] == "spearmanr"
    assert "the list test.jpgl" in body and "**balanced**. Take plain." in body and "19,928 images" in body
    assert "one vote with the mean of the others 0.450" in body and "| votes | AVA.txt |" in body
    assert "`head:aesthetic|seed:0`" in body and body.count("![") == 2
    assert "emd" not in body
    assert "one vote" not in card(people={})


def test_it_says_how_many_training_images_lie_at_the_ends():
    said = "Of its 5 training images 20.0 % have a mean below 3, and 40.0 % one above 8; a head that"
    assert said in card() and "few training images" not in card()


def test_pictures_are_pngs_with_a_line_for_each_head():
    import pandas as pd

    votes = made_votes(200)
    answers = {name: votes.means * factor for name, factor in (("plain", 0.9), ("balanced", 1.0))}
    evaluations = {name: evaluate(name, values, votes) for name, values in answers.items()}
    picture = answers_and_votes(evaluations, answers, votes.means)
    rows = [
        {"network": network, "seed": seed, "epoch": epoch, "train_loss": 1 / (epoch + 1), "validation_loss": 0.5}
        | {"validation_spearman": 0.1 * epoch}
        for network in ("plain", "balanced")
        for seed in (0, 1)
        for epoch in range(4)
    ]
    curves = learning_curves(pd.DataFrame(rows))
    for png in (picture, curves):
        assert png.startswith(b"\x89PNG") and len(png) > 10_000
    assert answers_and_votes(evaluations, answers, votes.means) == picture


def test_the_snippet_takes_large_logits(tmp_path):
    layers = [(np.array([[900.0, 0.0], [0.0, 900.0]]), np.zeros(2))]
    path = write_head(tmp_path / "h.safetensors", layers, "none", "M/p", levels=[1.0, 10.0])
    names = {}
    exec(SNIPPET, names)
    np.testing.assert_allclose(names["score"](path, np.eye(2)), [1.0, 10.0])


def test_it_sets_the_written_head_beside_the_plain_one():
    assert "| low | high | n | trained_on | plain bias | plain mae | balanced bias | balanced mae |" in card()
    assert "| low | high | n | trained_on | plain bias | plain mae |\n" in card(written="plain")
    assert "few: below 20" not in card()  # nothing is known of the training images
    assert "## Limits" in card()
