"""What fine-tuning claims, against the truth of made studies.

    python -m tests.benchmarks.bench_finetune_claims [STUDIES]

Each row is a kind of study (tests/calibration/aesthetic/made_ratings.py), STUDIES of it (200 unless told): prompts x
images of each; in how many 'raises' is said; Spearman with the ratings left out before and after, as printed; Spearman
with the true taste on images of new prompts, of the start and of the head that is written; and in how many that head's
order on these is turned against the start's. Of pure noise 'raises' should be said in at most 5 %.
"""

import numpy as np
from scipy.stats import spearmanr

from calibration.aesthetic.finetune import fine_tune, left_out_together
from calibration.aesthetic.votes import Votes
from metrics.networks.aesthetic_head import Head, predict
from tests.benchmarks.arguments import parser
from tests.calibration.aesthetic.made_ratings import made_study

KINDS = {
    "noise": ((40, 1), (100, 1), (10, 6), (30, 10)),
    "liking of prompts": ((30, 10), (20, 20)),
    "own taste": ((40, 1), (100, 1), (60, 5)),
    "the head's taste": ((100, 1),),
}
TASTES = {
    "noise": {"noise": 1.5},
    "liking of prompts": {"like_head": 0.6, "like_prompt": 0.7},
    "own taste": {"like_head": 0.5, "own": 0.8},
    "the head's taste": {"like_head": 1.0},
}


def one(kind: str, prompts: int, each: int, seed: int) -> list[float]:
    study = made_study(prompts, each, seed, **TASTES[kind])
    names = np.arange(len(study.means)).astype(str)
    votes = Votes(names, study.means, None, study.prompts if each > 1 else None, "made", "", group_name="prompt")
    _, folds, groups = left_out_together(votes, seed)
    found = fine_tune(study.head, study.embeddings, study.means, folds, groups)
    new = Head("new", "", tuple(found.layers), found.activation, "M/p")
    old_answers, answers = predict(study.head, study.fresh), predict(new, study.fresh)
    pairs = (
        (found.before, study.means),
        (found.ordered, study.means),
        (old_answers, study.fresh_taste),
        (answers, study.fresh_taste),
        (answers, old_answers),
    )
    # of noise there is no true taste to order by
    figures = [0.0 if np.ptp(y) == 0 else spearmanr(x, y).statistic for x, y in pairs]
    return [found.raises, *figures[:4], figures[4] < 0]


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("STUDIES", nargs="?", type=int, default=200, help="of each row; 200 unless told")
    count = arguments.parse_args().STUDIES
    print("study | prompts x images | raises said | left out: before, after | new prompts: start, written | turned")
    for kind, sizes in KINDS.items():
        for prompts, each in sizes:
            rows = np.array([one(kind, prompts, each, seed) for seed in range(count)])
            said, before, after, start, written, turned = rows.mean(axis=0)
            print(
                f"{kind} | {prompts} x {each} | {said:.1%} | {before:.2f}, {after:.2f} | {start:.2f}, {written:.2f} | "
                f"{turned:.1%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
