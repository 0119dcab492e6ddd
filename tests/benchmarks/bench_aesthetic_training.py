"""Training aesthetic heads: against scikit-learn on the same data, and on as many embeddings as AVA has.

    python -m tests.benchmarks.bench_aesthetic_training [IMAGES]
    python -m tests.benchmarks.bench_aesthetic_training --votes AVA.txt

Embeddings are made (768 numbers, answerable at a Pearson correlation of .72; tests/calibration/aesthetic/made.py), with
mean votes as AVA's are spread. First 20,000 images: ridge with cross-validated penalty against scikit-learn's
GridSearchCV over Ridge, and the network against MLPRegressor with the same layers, batch and number of epochs. Then
IMAGES (250,000 unless told) in a memory map: time, images a second, and the most memory the process took.

With --votes, and embeddings made from these, what heads come to that are trained as `humangrade aesthetic train` does:
the spread of their answers, the mean error over five parts of the scale and over all images, and the order.
"""

import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.neural_network import MLPRegressor

from calibration.aesthetic.comparison import train_heads
from calibration.aesthetic.embeddings import Embeddings
from calibration.aesthetic.ridge import PENALTIES, fit_ridge
from calibration.aesthetic.split import seeded_split
from calibration.aesthetic.training import Part, Recipe, answers_of, train
from calibration.aesthetic.votes import read_votes
from tests.benchmarks.arguments import parser, run_again
from tests.calibration.aesthetic.made import made_embeddings

WIDTH = 768
EPOCHS = 5


def made(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    means = np.clip(np.random.default_rng(seed).normal(5.4, 0.73, count), 1, 10)
    rows, best = made_embeddings(means, dimensions=WIDTH, seed=seed)
    return rows, means, best


def against_scikit_learn() -> None:
    rows, means, best = made(20_000)
    inner, test = slice(0, 16_000), slice(18_000, 20_000)
    folds = np.arange(16_000) % 5
    attainable = spearmanr(best[test], means[test]).statistic
    print(f"16,000 images to train on; the best possible Spearman on 2,000 others is {attainable:.4f}")

    start = time.perf_counter()
    ours = fit_ridge(rows[inner], means[inner], folds)
    taken = time.perf_counter() - start
    start = time.perf_counter()
    scale = 16_000 * 0.8 * np.var(rows[inner], axis=0).mean()
    search = GridSearchCV(Ridge(), {"alpha": PENALTIES * scale}, cv=PredefinedSplit(folds), scoring="r2")
    search.fit(rows[inner].astype(float), means[inner])
    theirs = time.perf_counter() - start
    found = [
        spearmanr(answers, means[test]).statistic for answers in (ours.predict(rows[test]), search.predict(rows[test]))
    ]
    print(f"ridge, {len(PENALTIES)} penalties: {taken:.2f} s, Spearman {found[0]:.4f}")
    print(f"  scikit-learn GridSearchCV(Ridge): {theirs:.2f} s, Spearman {found[1]:.4f}; ratio {theirs / taken:.0f}")

    everyone = np.arange(20_000)
    training, validation = (Part(rows, everyone[part], means[part]) for part in (inner, slice(16_000, 18_000)))
    recipe = Recipe(epochs=EPOCHS, patience=EPOCHS)
    start = time.perf_counter()
    trained = train(training, validation, recipe, ours)
    taken = time.perf_counter() - start
    mlp = MLPRegressor(hidden_layer_sizes=recipe.hidden, batch_size=recipe.batch_size, max_iter=EPOCHS, random_state=0)
    start = time.perf_counter()
    centre, spread = rows[inner].mean(axis=0), rows[inner].std(axis=0)
    mlp.fit((rows[inner] - centre) / spread, means[inner])
    theirs = time.perf_counter() - start
    answers = answers_of(trained.network, rows, everyone[test]), mlp.predict((rows[test] - centre) / spread)
    found = [spearmanr(each, means[test]).statistic for each in answers]
    print(f"network {recipe.hidden}, {EPOCHS} epochs: {taken:.2f} s, Spearman {found[0]:.4f} (from the closed form on)")
    print(f"  scikit-learn MLPRegressor: {theirs:.2f} s, Spearman {found[1]:.4f}; ratio {theirs / taken:.1f}")


def as_large_as_ava(count: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = np.lib.format.open_memmap(folder / "rows.npy", mode="w+", dtype=np.float32, shape=(count, WIDTH))
        means = np.empty(count)
        for at in range(0, count, 10_000):
            size = min(10_000, count - at)
            means[at : at + size] = np.clip(np.random.default_rng(at).normal(5.4, 0.73, size), 1, 10)
            table[at : at + size] = made_embeddings(means[at : at + size], dimensions=WIDTH, seed=at)[0]
        table.flush()
        np.save(folder / "means.npy", means)
        run_again("--part", name)


def train_in(folder: Path) -> None:
    """In a process of its own, whose memory is then that of training alone."""
    rows, means = np.load(folder / "rows.npy", mmap_mode="r"), np.load(folder / "means.npy")
    count = len(rows)
    everyone = np.random.default_rng(0).permutation(count)
    inner, validation, test = np.split(everyone, [count * 8 // 10, count * 9 // 10])
    start = time.perf_counter()
    ridge = fit_ridge(rows, means[inner], np.arange(len(inner)) % 5, inner)
    taken = time.perf_counter() - start
    found = spearmanr(ridge.predict(rows[test]), means[test]).statistic
    print(f"{count:,} images: ridge {taken:.1f} s, Spearman {found:.4f}")
    start = time.perf_counter()
    recipe = Recipe(epochs=EPOCHS, patience=EPOCHS)
    trained = train(Part(rows, inner, means[inner]), Part(rows, validation, means[validation]), recipe, ridge)
    taken = time.perf_counter() - start
    found = spearmanr(answers_of(trained.network, rows, test), means[test]).statistic
    speed = EPOCHS * len(inner) / taken
    print(f"{count:,} images: network, {EPOCHS} epochs {taken:.1f} s ({speed:,.0f} images/s), Spearman {found:.4f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = (folder / "rows.npy").stat().st_size / 2**20
    print(f"most memory {peak:,.0f} MiB, of which the mapped file, that the system can take back, is {size:,.0f} MiB")


def balanced_and_matched(file: Path) -> None:
    votes = read_votes(file)
    rows, _ = made_embeddings(votes.means, dimensions=WIDTH)
    names = votes.images.tolist()
    embeddings = Embeddings(file.parent, rows, names, [""] * len(names), "made", "made", "")
    split = seeded_split(votes)
    print("head | spread ratio | balanced MAE | MAE | Spearman")
    for balance in ("lds", "sqrt", "inverse"):
        found = train_heads(votes, embeddings, np.arange(len(votes)), split, Recipe(balance=balance), seeds=3)
        for name, candidate in found.candidates.items():
            if name == "balanced" or balance == "lds":
                figures = candidate.evaluation
                four = (figures.spread_ratio, figures.balanced_mae, figures.mae, figures.spearman)
                kind = f"{name} ({balance})" if name == "balanced" else name
                print(kind, *(f"{figure.value:.3f}" for figure in four), sep=" | ", flush=True)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--votes", type=Path, metavar="FILE", help="what balancing and matching change, on these")
    arguments.add_argument("IMAGES", nargs="?", type=int, default=250_000, help="how many; 250,000 unless told")
    arguments.add_argument("--part", type=Path, metavar="FOLDER", help="the training alone, on what stands there")
    given = arguments.parse_args()
    if given.part:
        train_in(given.part)
    elif given.votes:
        balanced_and_matched(given.votes)
    else:
        against_scikit_learn()
        as_large_as_ava(given.IMAGES)


if __name__ == "__main__":
    main()
