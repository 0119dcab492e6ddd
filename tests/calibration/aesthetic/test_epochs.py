"""What happens inside an epoch: a training written out in NumPy, step by step, and what only some heads have."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

import calibration.aesthetic.training as training_module
from calibration.aesthetic.training import Part, Recipe, train

LINE = Recipe(hidden=(), dropout=0, epochs=12, patience=12, batch_size=64, learning_rate=0.4, weight_decay=0.3)


def problem(seed=0, images=60, learnt_from=16, d=6):
    """Few images to learn from, so that the order on the others is best before the last epoch; and their weights."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(images, d)).astype(np.float32)
    y = 5 + x @ np.linspace(1, -1, d) + 1.5 * rng.normal(size=images)
    rows, weights = np.arange(images), rng.uniform(0.1, 3, learnt_from)
    return (
        Part(x, rows[:learnt_from], y[:learnt_from], weights=weights),
        Part(x, rows[learnt_from:], y[learnt_from:]),
    )


def written_out(training, validation, recipe):
    """AdamW with a rate that falls as a cosine, all images in one step; line and constant after each epoch."""
    x = training.embeddings[training.rows].astype(float)
    mean, scale = x.mean(axis=0), x.std(axis=0)
    x = np.column_stack([(x - mean) / scale, np.ones(len(x))])
    new = np.column_stack([(validation.embeddings[validation.rows] - mean) / scale, np.ones(len(validation.rows))])
    weights = np.ones(len(x)) if training.weights is None else training.weights
    line, moment, square = np.zeros((3, x.shape[1]))
    lines, orders, losses = [line], [0.0], [np.nan]
    for step in range(1, recipe.epochs + 1):
        rate = recipe.learning_rate * (1 + np.cos(np.pi * (step - 1) / recipe.epochs)) / 2
        left = x @ line - training.means
        losses.append((weights * left**2).mean())
        slope = 2 * (weights * left) @ x / len(x)
        moment, square = 0.9 * moment + 0.1 * slope, 0.999 * square + 0.001 * slope**2
        line = line * (1 - rate * recipe.weight_decay)
        line = line - rate * (moment / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
        lines.append(line)
        orders.append(spearmanr(new @ line, validation.means).statistic)
    return lines, orders, losses


@pytest.mark.parametrize("changes", [{}, {"weight_decay": 0.0}, {"epochs": 5}, {"learning_rate": 0.1}])
@pytest.mark.parametrize("weighted", [True, False])
def test_a_training_is_the_one_written_out(changes, weighted):
    training, validation = problem()
    training = training if weighted else replace(training, weights=None)
    recipe = replace(LINE, **changes)
    lines, orders, losses = written_out(training, validation, recipe)
    trained = train(training, validation, recipe)
    assert [row["validation_spearman"] for row in trained.history] == pytest.approx(orders, abs=1e-9)
    assert [row["train_loss"] for row in trained.history][1:] == pytest.approx(losses[1:], rel=1e-4)
    assert trained.epoch == int(np.argmax(orders))
    found = trained.network.linear
    np.testing.assert_allclose(found.weight.detach().numpy()[0], lines[trained.epoch][:-1], atol=2e-4)
    np.testing.assert_allclose(found.bias.detach().numpy()[0], lines[trained.epoch][-1], atol=2e-4)


def test_the_head_is_that_of_the_best_epoch_and_not_of_the_last():
    training, validation = problem()
    trained = train(training, validation, LINE)
    lines, orders, _ = written_out(training, validation, LINE)
    assert 0 < trained.epoch < LINE.epochs and orders[trained.epoch] > orders[-1] + 0.01
    assert np.abs(lines[trained.epoch] - lines[-1]).max() > 0.05


def first_epoch(**changes):
    """The mean loss of a first step, of hidden layers that add something."""
    training, _ = problem()
    recipe = replace(LINE, hidden=(16,), epochs=2, **changes)
    network = training_module._network(training, recipe, None)
    with torch.no_grad():
        network.last.weight.fill_(1.0)
        network.hidden[0].weight.fill_(0.1)
        network.hidden[0].bias.fill_(0.1)
    optimizer = torch.optim.AdamW(network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs)
    return training_module._epoch(network, optimizer, schedule, training, recipe, 1)


def test_units_are_left_out_in_training_alone():
    assert first_epoch(dropout=0.0) == first_epoch(dropout=0.0)
    assert first_epoch(dropout=0.5) != pytest.approx(first_epoch(dropout=0.0), rel=1e-3)
    training, validation = problem()
    network = train(training, validation, replace(LINE, hidden=(16,), dropout=0.5)).network
    assert not network.training


@pytest.mark.parametrize("by", ["weights", "sampling"])
def test_every_epoch_draws_an_order_of_its_own(monkeypatch, by):
    training, validation = problem()
    drawn, losses = [], training_module._losses

    def watched(outputs, part, chosen, loss):
        if part is training:
            drawn.append(tuple(chosen.tolist()))
        return losses(outputs, part, chosen, loss)

    monkeypatch.setattr(training_module, "_losses", watched)
    train(training, validation, replace(LINE, epochs=3, patience=3, batch_size=4, balance_by=by))
    epochs = [tuple(drawn[start : start + 4]) for start in range(0, 12, 4)]
    assert len(drawn) == 12 and len(set(epochs)) == 3
    for epoch in epochs:
        images = sorted(image for batch in epoch for image in batch)
        assert len(images) == 16 and (images == list(range(16))) == (by == "weights")


def test_the_loss_of_distributions_compares_what_has_been_given_up_to_each_level():
    """At the start the head answers the distribution of all votes."""
    x = np.eye(4, dtype=np.float32)
    shares = np.array([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]])
    part = Part(x, np.arange(4), shares @ [1.0, 5.5, 10.0], shares)
    prior = shares.mean(axis=0)
    expected = np.mean((prior.cumsum() - shares.cumsum(axis=1)) ** 2)
    found = train(part, part, replace(LINE, loss="emd", epochs=1)).history[0]["validation_loss"]
    assert found == pytest.approx(expected, rel=1e-5)
