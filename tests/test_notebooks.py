import re

import pytest

from notebooks.make import FOLDER, NAMES, ROOT, executed, read

# What each notebook has to say, whatever its figures are.
SAID = {
    "calibrate_a_metric": ["it can stand in for one evaluator", "do not use it", "report.html", "study.yaml"],
    "validate_a_metric": [
        "it can stand in for one evaluator",
        "do not use it",
        "report.html",
        "p_holm",
        "you need about",
    ],
    "retrain_aesthetic_head": ["to decide when to stop", "best possible Spearman 0.6", "Take ", "Fine-tuning raises"],
    "from_lora_to_study": [
        "36 images: 9 of the base model",
        "drawn: 36",
        "it was trained on another model",
        "evaluation.html",
        "9 images added, 4 of them for rating, as round 2; 5 that were rated before are asked again",
    ],
    "checkpoint_selection": [
        "the highest mean is",
        "with care",
        "prompts would tell checkpoints apart that differ by 0.15 of a rating step",
        "worse - anna/3000 against anna/2100",
        "cannot tell",
        "standard deviations",
    ],
}
NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:e[-+]?\d+)?")


def test_every_notebook_is_run():
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(NAMES) == set(SAID)


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_small_whole_and_of_no_machine(name):
    notebook = read(name)
    path = FOLDER / f"{name}.ipynb"
    assert path.stat().st_size < 300_000
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert [cell.id for cell in notebook.cells] == [f"cell-{number}" for number in range(1, len(notebook.cells) + 1)]
    said = "\n".join(text for cell in notebook.cells for text in texts(cell))
    assert all(words in said for words in SAID[name]), said
    foreign = re.search(r"(?<![\w.])/(?:home|root|tmp|usr|work|Users|var)/\S*|\x1b|\w*Warning|Traceback", said)
    assert foreign is None and str(ROOT) not in said, foreign
    assert not any("execution" in cell.metadata for cell in notebook.cells)
    assert any(kind == "image/png" for cell in notebook.cells for kind in kinds(cell))


@pytest.mark.process
@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_what_the_cells_give_today(name):
    """Where this fails, look at the difference that `python -m notebooks.make` makes, and commit it."""
    for written, now in zip(read(name).cells, executed(name).cells, strict=True):
        if written.cell_type == "code":
            assert kinds(written) == kinds(now), written.source
            for old, new in zip(texts(written), texts(now), strict=True):
                assert are_alike(old, new), f"{written.source}\n\nwas\n{old}\n\nis\n{new}"


@pytest.mark.parametrize(
    ("old", "new", "alike"),
    [
        ("skill 0.40 of 1,000", "skill  0.40\nof 1,000", True),
        ("skill 0.400", "skill 0.404", True),
        ("skill 0.40", "skill 0.44", False),
        ("skill -0.2", "skill 0.2", False),
        ("1,000 images", "1,100 images", False),
        ("take balanced", "take plain", False),
        ("1 of 2", "1 of 2 or 3", False),
    ],
)
def test_texts_are_alike_up_to_roundings(old, new, alike):
    assert are_alike(old, new) is alike


def are_alike(old: str, new: str) -> bool:
    """Whether words agree, and numbers up to what another processor may turn: networks are trained in float32."""
    numbers = [[float(found.replace(",", "")) for found in NUMBER.findall(text)] for text in (old, new)]
    words = [NUMBER.sub("#", text).split() for text in (old, new)]
    return words[0] == words[1] and numbers[0] == pytest.approx(numbers[1], rel=0.02, abs=0.02)


def kinds(cell):
    return [kind for output in cell.get("outputs", []) for kind in sorted(output.get("data", [output.get("name")]))]


def texts(cell):
    for output in cell.get("outputs", []):
        yield output.get("text", "")
        yield from (text for kind, text in sorted(output.get("data", {}).items()) if kind.startswith("text/"))
