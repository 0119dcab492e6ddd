"""The model card that is written beside a head: Markdown in the form of Hugging Face's hub."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import ArrayLike

from calibration.aesthetic.evaluation import Evaluation, comparison

OFFICIAL = 19_928
KNOWN = (("LAION's head", 0.665), ("NIMA", 0.713), ("TOPIQ", 0.791), ("Q-Align", 0.822))

LIMITS = (
    "It answers what the voters of its training data would on average give, for images like theirs, as far as the "
    "encoder shows it; it does not tell how well an image fits a prompt. Answers are meant for 1 to 10, but nothing "
    "keeps them there. {ends}; a head that minimises the squared error is condensed towards the middle: compare images "
    "by order rather than by the answer's size.\n"
)
SNIPPET = """import json
import numpy as np
from safetensors import safe_open

def score(path, x):  # x: CLIP embeddings of unit length, one a row
    with safe_open(path, framework="np") as file:
        about = json.loads(file.metadata()["humangrade"])
        for i in range(len(about["sizes"]) - 1):
            x = np.maximum(x, 0) if i and about["activation"] == "relu" else x
            x = x @ file.get_tensor(f"layers.{i}.weight").T + file.get_tensor(f"layers.{i}.bias")
    return (p := np.exp(x - x.max(1, keepdims=True))) @ about["levels"] / p.sum(1) if "levels" in about else x[:, 0]
"""


@dataclass(frozen=True)
class Card:
    """What a card tells.

    Attributes
    ----------
    file : str
        The head's file.
    about : mapping
        Its metadata: backbone, signature, training (a mapping of what was done), levels where it has them.
    written : str
        Which of the heads evaluated it is.
    evaluations : sequence of Evaluation
        Of all heads compared, on the test images.
    recommendation : str
        Which to take.
    people : mapping of str to float
        How well votes predict votes; empty where that is not known.
    notes : sequence of str
        Sentences on data and leakage.
    trained_on : array_like
        The mean votes of the images that it was trained on, from 1 to 10.
    picture : bool
        Whether pictures stand beside it.
    """

    file: str
    about: Mapping[str, Any]
    written: str
    evaluations: Sequence[Evaluation]
    recommendation: str
    people: Mapping[str, float]
    notes: Sequence[str]
    trained_on: ArrayLike
    picture: bool = True


def model_card(card: Card) -> str:
    """The card as Markdown.

    Parameters
    ----------
    card : Card
        What it tells.

    Returns
    -------
    str
    """
    own = next(found for found in card.evaluations if found.name == card.written)
    compared = [found for found in card.evaluations if found.name in ("plain", "before") and found is not own] + [own]
    training = card.about["training"]
    stem = PurePath(card.file).stem
    parts = [
        f"---\n{yaml.safe_dump(_front(card, own, training), sort_keys=False)}---\n",
        f"# {stem}: an aesthetic head on {card.about['backbone']}\n",
        "From a CLIP embedding of an image to a number on the scale of people's mean votes, from 1 (lowest) to 10. "
        f"Trained by humangrade on {training['votes']}.\n",
        "## What it is worth\n",
        f"Test images: {_split_words(training['split'], own.cluster_name)}. {own.extent.replace('below', 'beside')} "
        f"The file holds the head **{card.written}**. {card.recommendation}\n",
        _markdown(_readable(comparison(card.evaluations))),
        "`balanced_mae` is the mean of the errors below 4, from 4 to 5, 5 to 6, 6 to 7, and above 7; "
        "`spread_ratio` is the answers' standard deviation divided by the "
        f"votes'. For the intervals each {own.cluster_name} was left out in turn (a jackknife, with Student's t).\n",
        f"{own.constant}\n",
        *(f"**{sentence}**\n" for sentence in own.alarms),
    ]
    if card.picture:
        parts.append(f"![Answers and votes]({stem}-answers.png)\n")
    parts += [
        "By tenth of the scale; the bias is the mean of answer minus vote:\n",
        _markdown(_beside_plain([found.tenths[found.tenths["n"] > 0] for found in compared], compared)),
    ]
    if len(own.shots):
        parts += [
            "By how many training images share a test image's vote, within a tenth (few: below 20, many: above 100):\n",
            _markdown(_beside_plain([found.shots for found in compared], compared)),
        ]
    parts += [
        "## Limits\n",
        LIMITS.format(ends=_ends(card.trained_on)),
        "## Beside others\n",
        _beside(card, own, training),
        "## How it was made\n",
        _markdown(pd.DataFrame([(name, _words(value)) for name, value in training.items()], columns=["", " "])),
        f"Signature: `{card.about['signature']}`\n",
    ]
    if card.picture and training.get("seeds"):
        parts.append(f"![Training]({stem}-training.png)\n")
    parts += ["## Data\n", *(f"- {note}" for note in card.notes), "", "## Use\n", f"```python\n{SNIPPET}```\n"]
    parts.append(
        f"In humangrade: `humangrade score STUDY --metrics aesthetic --head {card.file}`. Embeddings must be of "
        f"{card.about['backbone']} and of length 1.\n"
    )
    return "\n".join(parts)


def _ends(means: ArrayLike) -> str:
    """How many training images lie at the ends of the scale.

    Examples
    --------
    >>> _ends([2.0, 5.0, 5.5, 9.0])
    'Of its 4 training images 25.0 % have a mean below 3, and 25.0 % one above 8'
    """
    values = np.asarray(means, dtype=np.float64)
    low, high = np.mean(values < 3), np.mean(values > 8)
    return f"Of its {len(values):,} training images {low:.1%} have a mean below 3, and {high:.1%} one above 8".replace(
        "%", " %"
    )


def _front(card: Card, own: Evaluation, training: Mapping[str, Any]) -> dict[str, Any]:
    figures = {"spearmanr": own.spearman, "pearsonr": own.pearson, "mae": own.mae}
    return {
        "library_name": "humangrade",
        "pipeline_tag": "image-classification",
        "tags": ["aesthetics", "image-quality-assessment", "clip", card.about["backbone"]],
        "metrics": list(figures),
        "model-index": [
            {
                "name": PurePath(card.file).stem,
                "results": [
                    {
                        "task": {"type": "image-classification", "name": "aesthetic score"},
                        "dataset": {"name": training["votes"], "type": "votes", "split": training["split"]},
                        "metrics": [{"type": name, "value": round(found.value, 4)} for name, found in figures.items()],
                    }
                ],
            }
        ],
    }


def _beside(card: Card, own: Evaluation, training: Mapping[str, Any]) -> str:
    lines = [
        f"On AVA's official test list ({OFFICIAL:,} images), by the harness of IQA-PyTorch, Spearman: "
        + ", ".join(f"{name} {value:.3f}" for name, value in KNOWN)
        + ". Figures on different splits of AVA are not comparable; those above are on "
        + _split_words(training["split"], own.cluster_name)
        + "."
    ]
    if card.people:
        lines.append(
            f"People on the same votes, Pearson: one vote with the mean of the others {card.people['one']:.3f}, five "
            f"{card.people['five']:.3f}, the mean of all with that of infinitely many {card.people['ceiling']:.3f}; "
            f"this head {own.pearson.value:.3f}."
        )
    return "\n\n".join(lines) + "\n"


def _beside_plain(tables: Sequence[pd.DataFrame], heads: Sequence[Evaluation]) -> pd.DataFrame:
    """Bias and error of several heads in one table, with the columns that they share before them."""
    errors = ["bias", "mae"]
    parts = [
        table[errors].set_axis([f"{head.name} {name}" for name in errors], axis=1)
        for table, head in zip(tables, heads, strict=True)
    ]
    return pd.concat([tables[-1].drop(columns=errors), *parts], axis=1).round(3)


def _split_words(split: str, cluster: str) -> str:
    kind, _, rest = split.partition("-")
    if kind == "list":
        return f"the list {rest.split(',')[0]}"
    if kind == "seed":
        whole = f", {cluster}s kept whole" if "grouped" in rest else ""
        return f"humangrade's own split, seed {rest.split(',')[0]}{whole}"
    return split


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    return table.loc[:, (table != "").any()]


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_words(each)}" for name, each in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_words, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def _markdown(table: pd.DataFrame) -> str:
    rows = [list(map(str, table.columns)), ["---"] * len(table.columns)]
    rows += [list(map(_cell, row)) for row in table.itertuples(index=False)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def _cell(value: Any) -> str:
    return "" if pd.isna(value) else str(value).replace("|", "\\|")
