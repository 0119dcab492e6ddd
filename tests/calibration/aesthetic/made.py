"""Embeddings made from mean votes, so that it is known how well any head can answer."""

import numpy as np

from calibration.aesthetic.votes import Votes, levels


def made_embeddings(means, correlation=0.72, dimensions=64, seed=0, strength=3.0):
    """Embeddings of unit length and the best possible answers to the means.

    The answerable part is correlation * z + sqrt(1 - correlation^2) * noise, z being the standardised means; it lies
    along one direction with `strength` times the standard deviation of the first nuisance direction. The k-th nuisance
    direction has the standard deviation k^-0.5; a constant vector ten times as long as that of the first puts all
    embeddings into a narrow cone, as CLIP's are.
    """
    rng = np.random.default_rng([seed, 1])  # another stream than that of votes made by the same seed
    z = (means - np.mean(means)) / np.std(means)
    best = correlation * z + np.sqrt(1 - correlation**2) * rng.normal(size=len(z))
    rows = rng.normal(size=(len(z), dimensions)) * np.arange(1, dimensions + 1) ** -0.5
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(dimensions, dimensions)))[0]  # for every seed the same
    rows[:, -2], rows[:, -1] = strength * best, 10.0
    rows = rows @ basis.T
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), best


def made_votes(count, seed=0, groups=40, size=10, voters=200):
    """Votes as AVA's: mean votes with mean 5.4 and standard deviation .73, and about 200 voters an image."""
    rng = np.random.default_rng(seed)
    truth = np.clip(rng.normal(5.4, 0.73, count), 1.5, 9.5)
    values = levels(size)
    shares = np.exp(-((values - truth[:, None]) ** 2) / (2 * 1.4**2))
    counts = np.stack([rng.multinomial(voters, row / row.sum()) for row in shares]).astype(float)
    names = np.array([f"{number:05}" for number in range(count)])
    challenge = np.array([f"c{group}" for group in rng.integers(0, max(groups, 1), count)])
    return Votes(names, counts @ values / voters, counts, challenge if groups else None, "made.txt", "0" * 64)
