"""How often screening names the evaluator who should be looked at, and how often one who should not; how it grows.

    python -m tests.benchmarks.bench_screening [power | fair | order | growth] [STUDIES]

*power*: five evaluators; images have a quality q ~ N(0, 1), answers are round(3 + b_e + q + N(0, s_e)), clipped to
1..5, with b_e ~ N(0, .3) and s_e uniform from .6 to 1.1 (noisier: fair, from 1 to 1.5). One evaluator answers at
random, or the other way round, or copies 70 % of another's answers, or gives the same rating always.

*fair*: independent evaluators whose answer is the level in which g_e q + b_e + N(0, s_e) falls (cuts at -1.2, -.4, .4,
1.2), b_e ~ N(0, strictness), g_e and s_e / noise log-normal; each rates a share of the images. With prompts four
images share half of the variance of their quality, each evaluator likes each prompt by N(0, .3), and prompts are the
groups. Each in an order of their own.

*order*: one of five answers 3, 4, 3, 4, or in runs of about ten, in the second half of the images, or all evaluators
are honest, nine of ten answers are 5, or all rate the images in the order of their quality.
"""

import resource
import time

import numpy as np

from calibration.people.screening import screen
from tests.benchmarks.arguments import parser

NAMES = list("abcde")
CUTS = np.array([-1.2, -0.4, 0.4, 1.2])


def study(rng: np.random.Generator, images: int, kind: str) -> np.ndarray:
    """Ratings from 1 to 5; the first evaluator is of the kind."""
    low, high = (1.0, 1.5) if kind == "noisier" else (0.6, 1.1)
    quality = rng.normal(size=(images, 1))
    answers = 3 + rng.normal(0, 0.3, 5) + quality + rng.normal(size=(images, 5)) * rng.uniform(low, high, 5)
    ratings = np.clip(np.rint(answers), 1, 5)
    if kind == "random":
        ratings[:, 0] = rng.integers(1, 6, images)
    elif kind == "inverted":
        ratings[:, 0] = 6 - ratings[:, 0]
    elif kind == "copied":
        same = rng.random(images) < 0.7
        ratings[same, 0] = ratings[same, 1]
    elif kind == "constant":
        ratings[:, 0] = 3
    return ratings


def fair_study(
    rng: np.random.Generator,
    people: int,
    images: int,
    share: float,
    strictness: float,
    noise: float,
    prompts: bool,
    by_quality: bool = False,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Ratings of independent evaluators, and the groups."""
    quality, groups, taste = rng.normal(size=images), None, 0.0
    if prompts:
        groups = np.arange(images) // 4
        quality = (quality + rng.normal(size=images)[groups]) / np.sqrt(2)
        taste = rng.normal(0, 0.3, (images, people))[groups]
    if by_quality:
        quality = np.sort(quality)
    own = noise * np.exp(rng.normal(size=people) * 0.25)
    latent = np.exp(rng.normal(size=people) * 0.2) * quality[:, None] + rng.normal(size=people) * strictness + taste
    ratings = np.digitize(latent + rng.normal(size=latent.shape) * own, CUTS) + 1.0
    ratings[rng.random(ratings.shape) >= share] = np.nan
    return ratings, groups


def own_orders(rng: np.random.Generator, images: int, people: int) -> np.ndarray:
    """An order for each evaluator."""
    return np.argsort(rng.random((images, people)), axis=0).astype(float)


def is_found(ratings: np.ndarray, kind: str) -> bool:
    """Whether the one who should be is named; of a fair study, whether anybody is."""
    named = [flag.evaluators for flag in screen(ratings, NAMES)]
    return bool(named) if kind in ("fair", "noisier") else ((0, 1) if kind == "copied" else (0,)) in named


def power(studies: int) -> None:
    kinds = ("random", "inverted", "copied", "constant", "fair", "noisier")
    print(f"share of {studies} studies of five evaluators in which the one is named (fair: in which anybody is)")
    print(f"{'images':>8}" + "".join(f"{kind:>10}" for kind in kinds))
    rng = np.random.default_rng(0)
    for images in (32, 64, 128, 256, 512, 1024):
        shares = [np.mean([is_found(study(rng, images, kind), kind) for _ in range(studies)]) for kind in kinds]
        print(f"{images:>8}" + "".join(f"{share:10.3f}" for share in shares), flush=True)


def fair(studies: int) -> None:
    print("share of fair studies in which anybody is named (standard error); by strictness / noise")
    levels = [(0.0, 0.5), (1.0, 0.5), (0.0, 1.5), (1.0, 1.5)]
    print(f"{'':<34}{'studies':>8}" + "".join(f"{f'{a:g} / {b:g}':>14}" for a, b in levels))
    designs = [
        (5, 128, 1.0, False, 1.0),
        (5, 1024, 1.0, False, 1.0),
        (5, 300, 1 / 3, False, 1.0),
        (5, 1024, 0.1, False, 1.0),
        (10, 300, 1.0, False, 1.0),
        (10, 300, 1 / 3, False, 1.0),
        (20, 128, 1.0, False, 1.0),
        (20, 512, 1 / 3, False, 1.0),
        (40, 128, 1.0, False, 1.0),
        (40, 300, 1 / 3, False, 0.5),
        (40, 1024, 0.1, False, 0.5),
        (40, 1024, 1.0, False, 0.25),
        (5, 128, 1.0, True, 1.0),
        (5, 1024, 1.0, True, 0.5),
        (10, 300, 1 / 3, True, 0.5),
        (40, 128, 1.0, True, 0.5),
    ]
    rng = np.random.default_rng(1)
    for people, images, share, prompts, part in designs:
        names, number = [f"e{place}" for place in range(people)], max(int(studies * part), 20)
        shares = []
        for strictness, noise in levels:
            found = 0
            for _ in range(number):
                ratings, groups = fair_study(rng, people, images, share, strictness, noise, prompts)
                found += bool(screen(ratings, names, groups=groups, order=own_orders(rng, images, people)))
            shares.append(found / number)
        what = f"{people} x {images}, {'all' if share == 1 else f'1/{1 / share:.0f}'}{', prompts' if prompts else ''}"
        cells = "".join(f"{each:7.3f} ({np.sqrt(max(each * (1 - each), 0.01) / number):.3f})" for each in shares)
        print(f"{what:<34}{number:>8}{cells}", flush=True)


def order(studies: int) -> None:
    print(f"share of {studies} studies of five evaluators with 'runs' or 'pattern' found for anybody")
    kinds = ("cycles", "runs", "honest", "mostly 5", "sorted images")
    print(f"{'images':>8}" + "".join(f"{kind:>15}" for kind in kinds))
    rng = np.random.default_rng(2)
    for images in (64, 128, 512):
        shares = []
        for kind in kinds:
            found = 0
            for _ in range(studies):
                ratings, _ = fair_study(rng, 5, images, 1.0, 0.4, 0.75, False, kind == "sorted images")
                places = own_orders(rng, images, 5)
                late = np.flatnonzero(places[:, 0] >= images // 2)
                late = late[np.argsort(places[late, 0])]
                if kind == "cycles":
                    ratings[late, 0] = 3 + np.arange(len(late)) % 2
                elif kind == "runs":
                    ratings[late, 0] = np.repeat(rng.integers(2, 5, images), 10)[: len(late)]
                elif kind == "mostly 5":
                    ratings[:, 0] = np.where(ratings[:, 0] > np.quantile(ratings[:, 0], 0.1), 5, 4)
                elif kind == "sorted images":
                    places = np.arange(images)[:, None] * np.ones((1, 5))
                flags = screen(ratings, NAMES, order=places)
                found += any("in the order of rating" in flag.sentence for flag in flags)
            shares.append(found / studies)
        print(f"{images:>8}" + "".join(f"{share:15.3f}" for share in shares), flush=True)


def growth() -> None:
    print(f"{'evaluators':>10}{'images':>8}{'each rates':>12}{'seconds':>10}{'GiB at most, so far':>22}")
    rng = np.random.default_rng(3)
    for people, images, each in [
        (5, 300, 300),
        (10, 300, 300),
        (20, 300, 300),
        (40, 300, 300),
        (80, 300, 300),
        (160, 300, 300),
        (240, 1500, 106),
        (500, 500, 100),
        (1000, 500, 100),
        (1000, 2000, 100),
        (5, 100_000, 100_000),
    ]:
        ratings, _ = fair_study(rng, people, images, 1.0, 0.4, 0.75, False)
        ratings[np.argsort(np.argsort(rng.random(ratings.shape), axis=0), axis=0) >= each] = np.nan
        start = time.perf_counter()
        screen(ratings, [str(place) for place in range(people)], order=own_orders(rng, images, people))
        seconds = time.perf_counter() - start
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{people:>10}{images:>8}{each:>12}{seconds:>10.1f}{memory:>22.2f}", flush=True)


def main() -> None:
    parts = {"power": power, "fair": fair, "order": order, "growth": lambda _: growth()}
    arguments = parser(__doc__)
    arguments.add_argument("part", nargs="?", choices=parts, default="power", help="power unless told")
    arguments.add_argument("studies", nargs="?", type=int, default=200, help="how many are simulated; 200 unless told")
    asked = arguments.parse_args()
    parts[asked.part](asked.studies)


if __name__ == "__main__":
    main()
