"""Training: nearly the best possible order, resumed after a kill as if there had been none, the same for a seed."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from calibration.aesthetic.balance import balance_weights
from calibration.aesthetic.ridge import fit_ridge
from calibration.aesthetic.split import seeded_split, stratified_folds
from calibration.aesthetic.spread import spread_ratio
from calibration.aesthetic.training import Part, Recipe, answers_of, train
from calibration.aesthetic.votes import levels, read_votes
from metrics.errors import InputError
from metrics.networks.aesthetic_head import predict as predict_head
from metrics.networks.aesthetic_head import predict_distribution, read_head, write_head
from tests.calibration.aesthetic.made import made_embeddings, made_votes

QUICK = Recipe(hidden=(16,), epochs=4, patience=4, batch_size=64)


def parts(votes, embeddings, split, weights=None):
    def part(rows, own=None):
        return Part(embeddings, rows, votes.means[rows], votes.distributions[rows], own)

    return part(split.train, weights), part(split.validation), part(split.test)


@pytest.fixture(scope="module")
def small():
    votes = made_votes(800)
    embeddings, _ = made_embeddings(votes.means, dimensions=24)
    return votes, embeddings, seeded_split(votes)


def test_real_votes_are_answered_nearly_as_well_as_can_be(shared):
    votes = read_votes(shared / "data" / "ava_votes" / "AVA_excerpt.txt")
    embeddings, best = made_embeddings(votes.means, dimensions=768)
    split = seeded_split(votes)
    training, validation, test = parts(votes, embeddings, split)
    start = fit_ridge(embeddings, training.means, stratified_folds(votes.take(split.train), 5, 0), split.train)
    attainable = spearmanr(best[split.test], test.means).statistic
    found = []
    for loss in ("mse", "emd"):
        for seed in (0, 1):
            trained = train(training, validation, Recipe(loss=loss, seed=seed, epochs=10), start)
            found.append(spearmanr(answers_of(trained.network, embeddings, split.test), test.means).statistic)
    assert min(found) >= 0.99 * attainable and max(found) - min(found) < 0.01


def test_balancing_widens_the_answers_and_mends_the_extremes_at_a_price(shared):
    votes = read_votes(shared / "data" / "ava_votes" / "AVA_excerpt.txt")
    embeddings, _ = made_embeddings(votes.means, dimensions=128)
    split = seeded_split(votes)
    folds = stratified_folds(votes.take(split.train), 5, 0)
    found = {}
    for balance in ("none", "inverse"):
        weights = balance_weights(votes.means[split.train], balance)
        training, validation, test = parts(votes, embeddings, split, weights)
        start = fit_ridge(embeddings, training.means, folds, split.train, weights)
        trained = train(training, validation, Recipe(balance=balance, epochs=8), start)
        answers = answers_of(trained.network, embeddings, split.test)
        error, extreme = np.abs(answers - test.means), np.abs(test.means - 5.5) > 1.5
        found[balance] = spread_ratio(answers, test.means), error[extreme].mean(), error[~extreme].mean()
    assert found["inverse"][0] > found["none"][0] + 0.15
    assert found["inverse"][1] < found["none"][1] - 0.15
    assert found["inverse"][2] > found["none"][2]


def test_a_published_head_is_recovered_from_its_answers(shared):
    head = read_head(shared / "weights" / "improved_aesthetic_sac_logos_ava1_l14_linearMSE.pth")
    x = np.random.default_rng(0).normal(size=(8000, head.width)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y = predict_head(head, x)
    rows = np.arange(8000)
    training, validation = (Part(x, part, y[part]) for part in (rows[:6000], rows[6000:7000]))
    start = fit_ridge(x, training.means, training.rows % 5, training.rows)
    trained = train(training, validation, replace(QUICK, epochs=2), start)
    assert spearmanr(answers_of(trained.network, x, rows[7000:]), y[7000:]).statistic > 0.99


def test_the_network_learns_what_no_line_can():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 8)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y = 5 + 8 * np.abs(x[:, 0]) + 0.1 * rng.normal(size=4000)
    rows = np.arange(4000)
    training, validation = Part(x, rows[:3000], y[:3000]), Part(x, rows[3000:], y[3000:])
    start = fit_ridge(x, y[:3000], rows[:3000] % 5, rows[:3000])
    trained = train(training, validation, Recipe(hidden=(32,), dropout=0, batch_size=128, learning_rate=3e-3), start)
    assert trained.history[0]["validation_spearman"] < 0.2 and trained.spearman > 0.95


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "emd"])
@pytest.mark.parametrize("hidden", [(), (16,), (16, 8)])
def test_the_layers_answer_what_the_network_answers(small, tmp_path, loss, hidden):
    votes, embeddings, split = small
    training, validation, _ = parts(votes, embeddings, split)
    start = fit_ridge(embeddings, training.means, np.arange(len(split.train)) % 4, split.train)
    network = train(training, validation, replace(QUICK, loss=loss, hidden=hidden, learning_rate=1e-2), start).network
    details = {"levels": levels(10).tolist()} if loss == "emd" else {}
    layers = network.layers()
    path = write_head(tmp_path / "h", layers, "relu" if len(layers) > 1 else "none", "M/p", **details)
    expected = answers_of(network, embeddings, split.test)
    head = read_head(path)
    np.testing.assert_allclose(predict_head(head, embeddings[split.test]), expected, atol=2e-4)
    if loss == "emd":
        distributions = predict_distribution(head, embeddings[split.test])
        np.testing.assert_allclose(distributions.sum(axis=1), 1)
        np.testing.assert_allclose(distributions @ levels(10), expected, atol=2e-4)
    else:
        assert not head.levels


@pytest.mark.parametrize("by", ["weights", "sampling"])
def test_the_same_seed_gives_the_same_head_and_another_another(small, by):
    votes, embeddings, split = small
    training, validation, _ = parts(votes, embeddings, split, balance_weights(votes.means[split.train], "sqrt"))
    recipe = replace(QUICK, balance="sqrt", balance_by=by, learning_rate=1e-2)
    runs = [train(training, validation, replace(recipe, seed=seed)) for seed in (0, 0, 1)]
    weights = [run.network.state_dict()["linear.weight"] for run in runs]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


PROGRAM = """
import os, signal
from pathlib import Path
from dataclasses import replace
import numpy as np
from calibration.aesthetic.split import seeded_split
from calibration.aesthetic.training import train
from tests.calibration.aesthetic.made import made_embeddings, made_votes
from tests.calibration.aesthetic.test_training import QUICK, parts

def told(row):
    if row["epoch"] == 3:
        os.kill(os.getpid(), signal.SIGKILL)

votes = made_votes(800)
embeddings, _ = made_embeddings(votes.means, dimensions=24)
training, validation, _ = parts(votes, embeddings, seeded_split(votes))
train(training, validation, QUICK, checkpoint=Path(CHECKPOINT), told=told)
"""


@pytest.mark.process
def test_a_killed_training_goes_on_to_the_same_head(small, tmp_path):
    votes, embeddings, split = small
    training, validation, _ = parts(votes, embeddings, split)
    program = f"CHECKPOINT = {str(tmp_path / 'c.pt')!r}\n{PROGRAM}"
    done = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[3], timeout=300)
    assert done.returncode == -9 and (tmp_path / "c.pt").is_file()
    told = []
    resumed = train(training, validation, QUICK, checkpoint=tmp_path / "c.pt", told=told.append)
    whole = train(training, validation, QUICK)
    assert [row["epoch"] for row in told] == [0, 1, 2, 3, 4]
    assert resumed.epoch == whole.epoch
    for name, value in whole.network.state_dict().items():
        torch.testing.assert_close(resumed.network.state_dict()[name], value, rtol=0, atol=1e-6)


def test_a_checkpoint_of_other_data_or_options_is_refused(small, tmp_path):
    votes, embeddings, split = small
    training, validation, _ = parts(votes, embeddings, split)
    train(training, validation, QUICK, checkpoint=tmp_path / "c.pt")
    others = [
        (replace(training, means=training.means[::-1].copy()), QUICK),
        (training, replace(QUICK, learning_rate=1e-4)),
        (replace(training, embeddings=-embeddings), QUICK),
    ]
    for part, recipe in others:
        with pytest.raises(InputError, match="other data or options; remove it"):
            train(part, validation, recipe, checkpoint=tmp_path / "c.pt")
    (tmp_path / "c.pt").write_bytes(b"broken")
    with pytest.raises(InputError, match="cannot be read as a checkpoint"):
        train(training, validation, QUICK, checkpoint=tmp_path / "c.pt")


def test_options_that_make_no_sense_are_refused(small):
    votes, embeddings, split = small
    for wrong in (
        {"epochs": 0},
        {"hidden": (0,)},
        {"dropout": 1.0},
        {"learning_rate": 0.0},
        {"learning_rate": np.nan},
        {"loss": "l7"},
    ):
        with pytest.raises(InputError):
            replace(QUICK, **wrong)
    with pytest.raises(InputError, match="means only"):
        part = Part(embeddings, split.train, votes.means[split.train])
        train(part, part, replace(QUICK, loss="emd"))


def test_distributions_stop_by_what_they_minimise(small):
    votes, embeddings, split = small
    training, validation, _ = parts(votes, embeddings, split)
    differ = 0
    for seed in range(4):
        trained = train(training, validation, replace(QUICK, loss="emd", epochs=12, patience=12, seed=seed))
        losses = [row["validation_loss"] for row in trained.history]
        assert trained.epoch == int(np.argmin(losses)) and trained.loss == min(losses)
        differ += trained.epoch != int(np.argmax([row["validation_spearman"] for row in trained.history]))
    assert differ  # otherwise the order would have chosen the same
