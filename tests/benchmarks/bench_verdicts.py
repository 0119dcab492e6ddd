"""How often the tests of a metric's worth say what is not so: noise, one more evaluator, a constant.

    python -m tests.benchmarks.bench_verdicts [STUDIES]

Five evaluators rate 128 images of 32 prompts; quality ~ N(0, 1), a quarter of its variance the prompt's, answers
round(3 + b_e + q + N(0, s)). Noise is a metric that knows nothing (a quarter of its variance the prompt's as well);
the sixth evaluator is one more person, whose ratings are taken for scores.

Then the two answers of a verdict, by the report's rules, on studies of many shapes: how often noise gets a yes (of all
STUDIES), and how often metrics that are worth something do (of a fortieth of them). Metrics are the quality plus normal
noise of so many standard deviations; one more is one more person.
"""

from typing import Any, NamedTuple

import numpy as np

from calibration.comparison.sorting import sorting, sorting_entry
from calibration.core.buckets import BucketFitter
from calibration.core.crossvalidation import cross_validate, cross_validate_on_new_items, unseen_levels
from calibration.core.evaluator_weights import best_constant
from calibration.core.grades import sample_scores
from calibration.core.item_folds import item_folds
from calibration.core.ratings import ScoredTask
from calibration.metric.annotator_test import alternative_annotator_test, annotator_test_entry
from calibration.metric.baselines import RandomScores, baselines
from calibration.metric.bootstrap import metric_intervals
from calibration.metric.equivalence import median_evaluator
from calibration.metric.same_target import EvaluatorsAsMetrics
from calibration.people.agreement import correlations, interval_alpha, krippendorff_alpha
from calibration.people.strictness import without_strictness
from calibration.scale import LIKERT
from calibration.verdict.judge import judge
from tests.benchmarks.arguments import one_count
from tests.calibration.typed import rated, scored

IMAGES, PROMPTS = 128, np.repeat(np.arange(32), 4)


def by_prompt(rng: np.random.Generator) -> np.ndarray:
    """Normal values, a quarter of their variance shared by a prompt's images."""
    return np.sqrt(0.25) * rng.normal(size=32)[PROMPTS] + np.sqrt(0.75) * rng.normal(size=IMAGES)


def study(rng: np.random.Generator, people: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Quality, and ratings on the unit scale."""
    quality = by_prompt(rng)
    answers = 3 + rng.normal(0, 0.4, people) + quality[:, None] + noise * rng.normal(size=(IMAGES, people))
    return quality, LIKERT.to_unit(np.clip(np.rint(answers), 1, 5))


def always_best(ratings: np.ndarray) -> np.ndarray:
    """The best constant answer to every image."""
    return np.full(len(ratings), LIKERT.to_unit(best_constant(ratings)))


class Shape(NamedTuple):
    """A kind of study."""

    people: int
    images: int
    noise: float
    strictness: float
    share: float = 1.0
    levels: int = 5


SHAPES = (
    Shape(3, 20, 0.75, 0.4),
    Shape(3, 100, 0.75, 0.4),
    Shape(5, 60, 1.5, 0.4),
    Shape(5, 300, 0.75, 0.4),
    Shape(5, 300, 0.75, 1.2),
    Shape(5, 100, 0.75, 0.4, levels=2),
    Shape(10, 300, 0.75, 0.4, share=0.3),
    Shape(25, 146, 1.3, 0.4),
    Shape(10, 400, 1.3, 1.0),
)
CUTS = np.array([-1.2, -0.4, 0.4, 1.2])
DRAWS = 100


def ratings_by(rng: np.random.Generator, shape: Shape) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Quality, ratings on the unit scale, and one more person's."""
    people = shape.people + 1
    quality = rng.normal(size=shape.images)
    gain, own = np.exp(0.2 * rng.normal(size=people)), shape.noise * np.exp(0.25 * rng.normal(size=people))
    latent = gain * quality[:, None] + shape.strictness * rng.normal(size=people)
    answers = (
        np.digitize(latent + own * rng.normal(size=(shape.images, people)), CUTS if shape.levels == 5 else [0.4]) / 4
    )
    more, ratings = answers[:, -1].copy(), answers[:, :-1].copy()
    ratings[rng.random(ratings.shape) >= shape.share] = np.nan
    return quality, ratings, more


def answers_to(scores: np.ndarray, ratings: np.ndarray, people: dict[str, Any]) -> tuple[str, str]:
    """The two answers, by the report's rules; what cannot change them is not computed."""
    known = (~np.isnan(ratings)).any(axis=1)
    scores, ratings = scores[known], ratings[known]
    found = correlations(scores, sample_scores(ratings), "higher")
    entry: dict[str, Any] = {
        "title": "X", "direction": "higher", "n_items": len(scores), "n_scores": len(np.unique(scores)),
        "spearman": found.spearman, "spearman_p": found.spearman_p, "unseen": None, "sorting": None,
        "cross_validation": {"no_skill_because": None, "skill": None, "person_skill": None}, "constant": {"level": 3},
    }  # fmt: skip
    if not found.spearman_p < 0.05:
        verdict = judge(entry, people["alpha"], people)
        return verdict.sorts, verdict.predicts
    folds = item_folds(np.arange(len(scores)))
    result, new = cross_validate(scores, ratings), cross_validate_on_new_items(scores, ratings, folds)
    mapping = BucketFitter(scores, ratings).fit()
    levels = unseen_levels(scores, ratings, folds, 1.0, "higher")
    constant = best_constant(ratings)
    assert constant is not None
    task = scored(scores, ratings, draws=DRAWS)
    same = EvaluatorsAsMetrics(task.ratings).compare(task)
    intervals = metric_intervals(task)
    assert mapping is not None and intervals is not None
    kinds = {
        name: {key: list(limits) for key, limits in getattr(intervals, name).items()}
        for name in ("these", "people_like_these")
    }
    optimism = result.metric_skill - new.metric_skill
    for kind in kinds.values():
        if kind:
            kind["unseen_skill"] = [limit - optimism for limit in kind["skill"]]
    entry |= {
        "cross_validation": {
            "no_skill_because": None, "skill": result.metric_skill, "person_skill": result.person_skill,
        },
        "buckets": {"levels_used": len(np.unique(mapping.levels(scores)))},
        "unseen": {"unseen_skill": new.metric_skill, "seen_skill": result.metric_skill, "grouped_by": None},
        "intervals": kinds,
        "sorting": sorting_entry(sorting(scores, ratings)),
        "annotator_test": annotator_test_entry(LIKERT.to_unit(levels), float(LIKERT.to_unit(constant)), ratings),
        "same_target": same and {"wins": same.wins, "compared": same.compared, "person_skill": same.person_skill},
        "equivalence": same and median_evaluator(same, task.ratings),
    }  # fmt: skip
    verdict = judge(entry, people["alpha"], people)
    return verdict.sorts, verdict.predicts


def answers(studies: int) -> None:
    """Print how often each metric gets which answers."""
    print(
        "people x images, noise, strictness, share, levels | metric | judged | sorts yes/care/no | predicts yes/care/no"
    )
    for number, shape in enumerate(SHAPES):
        rng = np.random.default_rng([number, 1])
        given: dict[str, list[tuple[str, str]]] = {}
        for at in range(studies):
            quality, ratings, more = ratings_by(rng, shape)
            fair = without_strictness(ratings, item_folds(np.arange(len(ratings))))
            alpha = krippendorff_alpha(ratings, "ordinal")
            people = {"alpha": alpha, "alpha_without": interval_alpha(fair), "spread": None, "p": None}
            metrics = {"noise": rng.normal(size=shape.images)}
            if at < studies // 40:
                metrics |= {
                    f"quality + {sd}": quality + sd * rng.normal(size=shape.images) for sd in (0, 0.3, 0.6, 1.2, 3)
                }
                metrics["one more"] = more
            for name, scores in metrics.items():
                given.setdefault(name, []).append(answers_to(scores, ratings, people))
        for name, pairs in given.items():
            judged = [pair for pair in pairs if pair[0] != "unknown"]
            shares = [
                " / ".join(
                    f"{np.mean([pair[side] == word for pair in judged]):.3f}" for word in ("yes", "with care", "no")
                )
                for side in (0, 1)
            ]
            print(
                f"{' '.join(f'{each:g}' for each in shape)} | {name} | {len(judged)} | {shares[0]} | {shares[1]}",
                flush=True,
            )


def main() -> None:
    studies = one_count(__doc__, "STUDIES", 1000, "how many studies are simulated")
    rng = np.random.default_rng(0)
    folds = item_folds(PROMPTS)
    noise_p = {"dealt by prompt": [], "dealt one by one": []}
    said: dict[str, list[str]] = {"noise": [], "sixth evaluator": [], "the quality itself": []}
    said |= {"noise, people agree less": [], "sixth, people agree less": [], "a constant": []}
    passes: dict[str, list[bool]] = {
        "noise": [],
        "sixth evaluator": [],
        "constant": [],
        "constant, people agree less": [],
    }
    wins = []
    for number in range(studies):
        quality, ratings = study(rng, 6, 0.75)
        five, noise = ratings[:, :5], by_prompt(rng)
        result = cross_validate(noise, five)
        for name, groups in (("dealt by prompt", PROMPTS), ("dealt one by one", None)):
            by_chance = RandomScores(rated(five, seed=number, together=groups), permutations=199)
            noise_p[name].append(baselines(scored(noise, five), result, by_chance)["random_p"])
        of_prompts = {"clusters": PROMPTS, "together": PROMPTS, "draws": 200}
        people = rated(five, **of_prompts)
        _, apart = study(rng, 6, 1.5)
        less = rated(apart[:, :5], **of_prompts)
        for name, panel, scores in (
            ("noise", people, noise),
            ("sixth evaluator", people, ratings[:, 5]),
            ("the quality itself", people, quality),
            ("noise, people agree less", less, noise),
            ("sixth, people agree less", less, apart[:, 5]),
            ("a constant", less, np.ones(IMAGES)),
        ):
            same = panel.once(EvaluatorsAsMetrics).compare(ScoredTask.of(scores, panel))
            assert same is not None
            found = median_evaluator(same, panel)
            assert found is not None
            said[name].append(found["answer"])
            if name == "sixth evaluator":
                wins.append(same.wins / same.compared)
        levels = unseen_levels(noise, five, folds, 1.0, "higher")
        passes["noise"].append(bool(alternative_annotator_test(LIKERT.to_unit(levels), five).passes))
        passes["sixth evaluator"].append(bool(alternative_annotator_test(ratings[:, 5], five).passes))
        passes["constant"].append(bool(alternative_annotator_test(always_best(five), five).passes))
        _, apart = study(rng, 5, 1.6)
        passes["constant, people agree less"].append(bool(alternative_annotator_test(always_best(apart), apart).passes))
    print(f"{studies} simulated studies of five evaluators x {IMAGES} images")
    for name, values in noise_p.items():
        print(f"noise, {name}: p of the random baseline below .05 in {np.mean(np.array(values) <= 0.05):.3f}")
    print(f"a sixth evaluator beats {np.mean(wins):.3f} of the evaluators on new images, mapped alike")
    for name, given in said.items():
        shares = "   ".join(f"{word} {given.count(word) / studies:.3f}" for word in ("yes", "no", "cannot tell"))
        print(f"as good as the median evaluator? {name:25} {shares}")
    for name, values in passes.items():
        print(f"the alternative annotator test is passed by {name:30} {np.mean(values):.3f}")
    answers(studies)


if __name__ == "__main__":
    main()
