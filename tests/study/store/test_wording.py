"""What was asked is part of the data: it stays with the ratings, and changes are refused or noted."""

from contextlib import closing

import pytest

from metrics.errors import InputError
from study.folder.config import load_config
from study.folder.exporting import table_files
from study.folder.importing import import_files
from study.folder.study import open_study
from study.server.app import create_app
from study.store.wording import UNRECORDED, fingerprint
from tests.study.layouts import make_database


@pytest.fixture
def study(make_study):
    return make_study(images=3, references=0, tasks=("aesthetic",), evaluators=("ann", "bob"))


def rate(study, name, rating, place=0):
    evaluator = next(one for one in study.store.evaluators() if one.name == name)
    one = study.store.assignments(evaluator.id)[place]
    study.store.rate(evaluator.id, one.public_id, rating, f"{name}-{place}-{rating}")


def edited(study, old, new):
    """The study opened again after an edit of study.yaml."""
    study.close()
    place = study.folder / "study.yaml"
    text = place.read_text()
    assert old in text
    place.write_text(text.replace(old, new))
    return open_study(study.folder)


def reversed_words(study):
    levels = study.config.tasks["aesthetic"].levels
    block = "".join(f"    - {word}\n" for word in levels)
    return edited(study, block, "".join(f"    - {word}\n" for word in reversed(levels)))


def test_a_new_study_records_what_it_asks(study):
    (row,) = study.asked().to_dict("records")
    assert (row["task"], row["question"]) == ("aesthetic", "How good does this image look?")
    assert [row[f"level_{n}"] for n in range(1, 6)] == ["Bad", "Poor", "Fair", "Good", "Excellent"]
    assert (row["ratings"], row["note"], row["show_references"], row["show_prompt"]) == (0, "", False, False)


def test_words_may_change_before_the_first_rating(study):
    study = edited(study, "How good does this image look?", "How good is it?")
    create_app(study)
    (row,) = study.asked().to_dict("records")
    assert row["question"] == "How good is it?"


def test_reversed_words_are_refused_and_nothing_changes(study):
    rate(study, "ann", 5)
    study = reversed_words(study)
    with pytest.raises(
        InputError,
        match=r"asks the task aesthetic in other words than its 1 rating was given for "
        r"\(1 was 'Bad' and is 'Excellent'\); put the old words back, ask the new ones as a task of "
        r"another name, or, where only the spelling was corrected, serve the study once with humangrade serve --reword",
    ):
        create_app(study)
    (row,) = study.asked().to_dict("records")
    assert (row["level_1"], row["ratings"]) == ("Bad", 1)
    assert "asks in other words now" in row["note"]


def test_another_question_is_refused_for_imports_as_well(study, tmp_path):
    rate(study, "ann", 5)
    study = edited(study, "How good does this image look?", "How bad does this image look?")
    (tmp_path / "r.csv").write_text(f"item,evaluator,task,rating\n{study.items['item'][0]},cleo,aesthetic,3\n")
    with pytest.raises(InputError, match="the question was 'How good does this image look\\?' and is 'How bad"):
        import_files(study, ratings=tmp_path / "r.csv")
    assert len(study.store.ratings_table()) == 1 and len(study.store.evaluators()) == 2


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("show_prompt: false", "show_prompt: true", "the prompt was not shown, now shown"),
        ("- Fair", "- Middling", "3 was 'Fair' and is 'Middling'"),
    ],
)
def test_what_is_refused_is_named(study, old, new, what):
    study.close()
    table = study.folder / "items.csv"
    head, *rows = table.read_text().splitlines()
    table.write_text("\n".join([f"{head},prompt", *(f"{row},a cat" for row in rows)]) + "\n")
    study = open_study(study.folder)
    rate(study, "ann", 5)
    with pytest.raises(InputError, match=what):
        create_app(edited(study, old, new))


def test_spaces_and_line_breaks_are_no_other_words(study):
    rate(study, "ann", 5)
    create_app(edited(study, "How good does this image look?", "How good does\n      this  image look?"))


def test_reword_goes_on_and_is_in_the_history(study):
    rate(study, "ann", 5)
    study = edited(study, "How good does this image look?", "How good does this picture look?")
    create_app(study, reword=True)
    rate(study, "ann", 4, place=1)
    rate(study, "bob", 2)
    rows = study.asked().to_dict("records")
    assert [(row["question"].split()[-2], row["ratings"]) for row in rows] == [("image", 1), ("picture", 2)]
    ((_, what),) = study.store.history()
    assert what == (
        "The words of the task aesthetic were changed after 1 rating: the question was 'How good does this image "
        "look?' and is 'How good does this picture look?'."
    )
    create_app(study)  # the new words are the ones that count now


def test_after_a_reword_that_nobody_answered_other_words_are_refused_all_the_same(study):
    rate(study, "ann", 5)
    study = edited(study, "How good does this image look?", "How good does this picture look?")
    create_app(study, reword=True)
    study = edited(study, "How good does this picture look?", "How UGLY is this picture?")
    with pytest.raises(InputError, match=r"1 rating was given for .the question was 'How good does this image look"):
        create_app(study)
    study = edited(study, "How UGLY is this picture?", "How good does this image look?")
    create_app(study)
    (row,) = study.asked().to_dict("records")
    assert (row["question"], row["ratings"]) == ("How good does this image look?", 1)
    assert study.store.history()[1][1].endswith("were put back before anybody answered the new ones.")


def test_a_task_that_serve_refuses_leaves_no_trace(study):
    rate(study, "ann", 5)
    study = edited(study, "aesthetic:", "beauty:")
    with pytest.raises(InputError, match="lacks the task 'aesthetic'"):
        create_app(study)
    assert [wording.task for wording in study.store.wordings()] == ["aesthetic"]


def test_a_study_without_recorded_words_takes_todays_and_says_so(study):
    study.close()
    database = study.folder / "ratings.sqlite"
    database.unlink()
    make_database(database, 2)
    with closing(open_study(study.folder)) as opened:
        (row,) = opened.asked().to_dict("records")
        assert (row["question"], row["ratings"]) == ("How good does this image look?", 1)
        assert row["note"] == UNRECORDED
    with closing(open_study(study.folder)) as opened, pytest.raises(InputError, match="in other words"):
        opened.store.record_wordings(
            load_config(study.folder / "study.yaml").tasks
            | {"aesthetic": opened.config.tasks["aesthetic"].model_copy(update={"question": "Another?"})}
        )


def test_the_export_holds_what_was_asked(study):
    rate(study, "ann", 5)
    head, row = table_files(study)["wordings.csv"].splitlines()
    assert head.startswith(
        "task,question,level_1,level_2,level_3,level_4,level_5,show_references,show_prompt,asked_from"
    )
    assert row.startswith("aesthetic,How good does this image look?,Bad,Poor,Fair,Good,Excellent,False,False,")


class TestTheScale:
    def on_another(self, study):
        return edited(study, "    - Excellent\n", "    - Excellent\n    scale: 0-4\n")

    def only_sharpness(self, study):
        place = study.folder / "study.yaml"
        head = place.read_text().partition("  aesthetic:")[0]
        place.write_text(f"{head}  sharpness:\n    question: How sharp?\n    levels: [a, b, c]\n")

    def test_it_may_change_until_somebody_has_rated(self, study):
        study = self.on_another(study)
        assert study.store.wordings()[0].scale.numbers == (0, 1, 2, 3, 4)
        rate(study, "ann", 0)
        assert study.store.wordings()[0].ratings == 1
        create_app(study)
        assert study.store.history() == []

    @pytest.mark.parametrize("reword", [False, True])
    def test_afterwards_the_study_opens_no_more_whatever_is_said(self, study, reword):
        rate(study, "ann", 3)
        words = (
            "study.yaml asks on the scale 0 to 4, and 1 rating of the task aesthetic was given on 1 to 5; put the "
            r"scale back \('levels' and 'scale'\), or make a new study for the other one."
        )
        with pytest.raises(InputError, match=words):
            self.on_another(study)
        with pytest.raises(InputError, match=words):
            open_study(study.folder, watch=True)
        text = (study.folder / "study.yaml").read_text()
        with closing(edited(study, "    scale: 0-4\n", "")) as put_back:
            tasks = load_config(study.folder / "study.yaml").tasks
            other = tasks["aesthetic"].model_copy(update={"scale": "0-4"})
            with pytest.raises(InputError, match=words):
                put_back.store.record_wordings({"aesthetic": other}, reword)
            assert len(put_back.store.ratings_table()) == 1 and "scale" in text

    def test_fewer_words_are_another_scale(self, study):
        rate(study, "ann", 3)
        with pytest.raises(
            InputError, match="on the scale 1 to 4, and 1 rating of the task aesthetic was given on 1 to 5"
        ):
            edited(study, "    - Excellent\n", "")

    def test_a_task_that_was_left_out_counts_as_well(self, study):
        """Its ratings would be reported beside the other's, on the other's scale."""
        rate(study, "ann", 3)
        study.close()
        self.only_sharpness(study)
        words = "on the scale 1 to 3, and 1 rating of the task aesthetic was given on 1 to 5"
        with pytest.raises(InputError, match=words):
            open_study(study.folder)

    def test_a_task_that_was_left_out_unrated_is_not_asked_on_it(self, study):
        study.close()
        self.only_sharpness(study)
        with closing(open_study(study.folder)) as opened:
            create_app(opened)
            (row,) = opened.asked().to_dict("records")
            assert row["task"] == "sharpness" and [row[f"level_{n}"] for n in (1, 2, 3)] == ["a", "b", "c"]
            assert row["scale"] == "1,2,3" and "level_4" not in row

    def test_ratings_from_before_words_were_recorded_were_on_one_to_five(self, study):
        study.close()
        database = study.folder / "ratings.sqlite"
        database.unlink()
        make_database(database, 2)
        with pytest.raises(InputError, match="1 rating of the task aesthetic was given on 1 to 5"):
            self.on_another(study)

    def test_counted_from_one_it_is_no_other_wording(self, study):
        """Fingerprints of studies that say nothing of a scale stay what they were."""
        asked = study.config.tasks["aesthetic"]
        assert fingerprint(asked) == fingerprint(asked.model_copy(update={"scale": "1-5"})) == "0219b0071a91e8c6"
        assert fingerprint(asked) != fingerprint(asked.model_copy(update={"scale": "0-4"}))
