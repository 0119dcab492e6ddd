"""Made studies for fine-tuning whose truth is known: images of prompts, a head, and people who rate."""

from dataclasses import dataclass

import numpy as np

from metrics.networks.aesthetic_head import Head

WIDTH = 48


@dataclass(frozen=True)
class MadeStudy:
    """Embeddings of rated images, their mean ratings on 1 to 10, their prompts, the start, and new images' truth."""

    embeddings: np.ndarray
    means: np.ndarray
    prompts: np.ndarray
    head: Head
    fresh: np.ndarray
    fresh_taste: np.ndarray


def made_study(prompts, each, seed, like_head=0.0, like_prompt=0.0, own=0.0, noise=0.5, people=3, width=WIDTH):
    """Images of a prompt have three quarters of their variance in common; a quarter is the image's own.

    Taste is like_head times the head's answer, own times another direction of the embedding, and like_prompt times a
    liking of the prompt that no embedding tells, all standardised, rounded to 1 to 5 by people with noise and
    strictness. Fresh images are of prompts that nobody rated.
    """
    rng = np.random.default_rng([seed, 5])
    fixed = np.random.default_rng(3)
    scale = np.arange(1, width + 1) ** -0.4
    first, second = fixed.normal(size=(2, width)) * scale**0.5

    def images(count, per):
        prompt = np.repeat(np.arange(count), per)
        parts = rng.normal(size=(count, width))[prompt] * np.sqrt(0.75) + rng.normal(size=(count * per, width)) * 0.5
        rows = parts * scale
        rows[:, -1] = 4.0
        return rows / np.linalg.norm(rows, axis=1, keepdims=True), prompt

    many = np.random.default_rng(11).normal(size=(4000, width)) * scale
    many[:, -1] = 4.0
    many /= np.linalg.norm(many, axis=1, keepdims=True)
    (mid, sd), (mid_own, sd_own) = (((many @ w).mean(), (many @ w).std()) for w in (first, second))
    head = Head("start", "", ((first[None] / sd * 0.6, np.array([5.4 - 0.6 * mid / sd])),), "none", "M/p")

    def taste(rows, prompt):
        liking = rng.normal(size=prompt.max() + 1)[prompt]
        return like_head * (rows @ first - mid) / sd + own * (rows @ second - mid_own) / sd_own + like_prompt * liking

    rows, prompt = images(prompts, each)
    liked = taste(rows, prompt)
    given = [
        np.clip(np.round(3 + 0.9 * liked + 0.4 * rng.normal() + noise * rng.normal(size=len(liked))), 1, 5)
        for _ in range(people)
    ]
    fresh, fresh_prompt = images(200, 2)
    return MadeStudy(
        rows, 1 + (np.mean(given, axis=0) - 1) * 9 / 4, prompt.astype(str), head, fresh, taste(fresh, fresh_prompt)
    )
