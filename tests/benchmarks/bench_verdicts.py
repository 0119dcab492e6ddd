"""How often the tests of a metric's worth say what is not so: noise, one more evaluator, a constant.

    python -m tests.benchmarks.bench_verdicts [STUDIES]

Five evaluators rate 128 images of 32 prompts; quality ~ N(0, 1), a quarter of its variance the prompt's, answers
round(3 + b_e + q + N(0, s)). Noise is a metric that knows nothing (a quarter of its variance the prompt's as well);
the sixth evaluator is one more person, whose ratings are taken for scores.
"""

import numpy as np

from calibration.annotator_test import alternative_annotator_test
from calibration.baselines import RandomScores, baselines
from calibration.crossvalidation import cross_validate, unseen_levels
from calibration.equivalence import median_evaluator
from calibration.grades import unit_scale
from calibration.item_folds import item_folds
from calibration.same_target import EvaluatorsAsMetrics
from tests.benchmarks.arguments import one_count

IMAGES, PROMPTS = 128, np.repeat(np.arange(32), 4)


def by_prompt(rng: np.random.Generator) -> np.ndarray:
    """Normal values, a quarter of their variance shared by a prompt's images."""
    return np.sqrt(0.25) * rng.normal(size=32)[PROMPTS] + np.sqrt(0.75) * rng.normal(size=IMAGES)


def study(rng: np.random.Generator, people: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Quality, and ratings on the unit scale."""
    quality = by_prompt(rng)
    answers = 3 + rng.normal(0, 0.4, people) + quality[:, None] + noise * rng.normal(size=(IMAGES, people))
    return quality, unit_scale(np.clip(np.rint(answers), 1, 5))


def main() -> None:
    studies = one_count(__doc__, "STUDIES", 1000, "how many studies are simulated")
    rng = np.random.default_rng(0)
    folds = item_folds(PROMPTS)
    noise_p = {"dealt by prompt": [], "dealt one by one": []}
    answers: dict[str, list[str]] = {"noise": [], "sixth evaluator": [], "the quality itself": []}
    answers |= {"noise, people agree less": [], "sixth, people agree less": [], "a constant": []}
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
            by_chance = RandomScores(five, permutations=199, seed=number, groups=groups)
            noise_p[name].append(baselines(noise, five, result, by_chance)["random_p"])
        people = EvaluatorsAsMetrics(five, folds)
        _, apart = study(rng, 6, 1.5)
        less = EvaluatorsAsMetrics(apart[:, :5], folds)
        for name, panel, scores in (
            ("noise", people, noise),
            ("sixth evaluator", people, ratings[:, 5]),
            ("the quality itself", people, quality),
            ("noise, people agree less", less, noise),
            ("sixth, people agree less", less, apart[:, 5]),
            ("a constant", less, np.ones(IMAGES)),
        ):
            same = panel.compare(scores)
            assert same is not None
            found = median_evaluator(same, PROMPTS, draws=200, seed=number)
            assert found is not None
            answers[name].append(found["answer"])
            if name == "sixth evaluator":
                wins.append(same.wins / same.compared)
        levels, constants = unseen_levels(noise, five, folds, 1.0, "higher")
        passes["noise"].append(bool(alternative_annotator_test(unit_scale(levels), five).passes))
        passes["sixth evaluator"].append(bool(alternative_annotator_test(ratings[:, 5], five).passes))
        passes["constant"].append(bool(alternative_annotator_test(unit_scale(constants), five).passes))
        _, apart = study(rng, 5, 1.6)
        middle = unseen_levels(noise, apart, folds, 1.0, "higher")[1]
        passes["constant, people agree less"].append(bool(alternative_annotator_test(unit_scale(middle), apart).passes))
    print(f"{studies} simulated studies of five evaluators x {IMAGES} images")
    for name, values in noise_p.items():
        print(f"noise, {name}: p of the random baseline below .05 in {np.mean(np.array(values) <= 0.05):.3f}")
    print(f"a sixth evaluator beats {np.mean(wins):.3f} of the evaluators on new images, mapped alike")
    for name, given in answers.items():
        shares = "   ".join(f"{word} {given.count(word) / studies:.3f}" for word in ("yes", "no", "cannot tell"))
        print(f"as good as the median evaluator? {name:25} {shares}")
    for name, values in passes.items():
        print(f"the alternative annotator test is passed by {name:30} {np.mean(values):.3f}")


if __name__ == "__main__":
    main()
