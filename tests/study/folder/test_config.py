"""study.yaml: what is read, and all that is wrong with it at once."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.errors import InputError
from study.folder.config import PRESETS, StudyConfig, TaskConfig, dump_config, load_config, preset
from tests.effort import effort

LEVELS = "levels: [Bad, Poor, Fair, Good, Excellent]"
GOOD = f"title: Portraits\ntasks:\n  look: {{question: How good, {LEVELS}}}\n"


@pytest.fixture
def errors(tmp_path):
    """A function that writes study.yaml and gives the errors: (line, text) each, or one text where it is no YAML."""

    def read(content: str | bytes) -> list[tuple[int, str]]:
        path = tmp_path / "study.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        with pytest.raises(InputError) as raised:
            load_config(path)
        head, _, rest = str(raised.value).partition("\n")
        assert str(path) in head
        found = [(int(line), text) for line, text in re.findall(r"^  line (\d+): (.+)$", rest, re.MULTILINE)]
        if found:
            assert head == f"{path} has {len(found)} error{'s' if len(found) > 1 else ''}:"
            assert found == sorted(found)
            return found
        line = re.match(r", line (\d+): ", head.removeprefix(str(path)))
        return [(int(line[1]) if line else 0, head)]

    return read


def load(tmp_path, content: str) -> StudyConfig:
    (tmp_path / "study.yaml").write_text(content, encoding="utf-8")
    return load_config(tmp_path / "study.yaml")


def test_what_is_not_said_has_defaults(tmp_path):
    config = load(tmp_path, GOOD)
    assert (config.title, config.seed, config.share_report) == ("Portraits", 0, False)
    task = config.tasks["look"]
    assert task.levels == ["Bad", "Poor", "Fair", "Good", "Excellent"]
    assert not task.show_references and not task.show_prompt


def test_all_errors_at_once_each_with_its_line(errors):
    found = errors(
        "titel: Portraits\n"
        "tasks:\n"
        "  look:\n"
        "    qestion: How good?\n"
        "    levels: [Bad, Good]\n"
        "    show_reference: true\n"
        "  likeness: yes please\n"
        "  mood:\n"
        "    question: '  '\n"
        f"    {LEVELS}\n"
        "seed: seven\n"
        "share_report: 1\n"
        "zebra: 1\n"
    )
    assert found == [
        (1, "'titel' is not known; did you mean 'title'?"),
        (1, "'title' is missing."),
        (3, "'tasks.look.question' is missing."),
        (4, "'tasks.look.qestion' is not known; did you mean 'question'?"),
        (5, "'tasks.look.levels' has 2 words, but a scale has 3 to 11 levels; write one word a level."),
        (6, "'tasks.look.show_reference' is not known; did you mean 'show_references'?"),
        (
            7,
            "'tasks.likeness' must hold keys with their values: question, levels, scale, show_references, show_prompt.",
        ),
        (9, "'tasks.mood.question' is empty."),
        (11, "'seed' is 'seven'; it must be a whole number."),
        (12, "'share_report' is 1; it must be true or false."),
        (13, "'zebra' is not known; the keys are title, seed, share_report, database, tasks."),
    ]


def test_levels_over_several_lines_have_lines_of_their_own(errors):
    found = errors(
        "title: x\ntasks:\n  look:\n    question: q\n    levels:\n"
        "    - Yes\n    - 2\n    - ''\n    - [Good]\n" + 8 * "    - Fine\n"
    )
    assert [line for line, _ in found] == [5]  # the number of words is told first
    found = errors(
        "title: x\ntasks:\n  look:\n    question: q\n    levels:\n"
        "    - Yes\n    - 2\n    - ''\n    - [Good]\n    - Fine\n"
    )
    assert found == [
        (6, "'tasks.look.levels.0' is not a text: YAML reads it as True; put it in quotes."),
        (7, "'tasks.look.levels.1' is not a text: YAML reads it as 2; put it in quotes."),
        (8, "'tasks.look.levels.2' is empty."),
        (9, "'tasks.look.levels.3' is ['Good']; it must be a text."),
    ]


@pytest.mark.parametrize(
    ("words", "scale", "levels"),
    [
        ("[a, b, c]", None, (1, 2, 3)),
        ("[a, b, c, d, e]", "0-4", (0, 1, 2, 3, 4)),
        ("[a, b, c, d, e, f, g]", "1-7", (1, 2, 3, 4, 5, 6, 7)),
        ("[a, b, c]", "0,0.5,1", (0, 0.5, 1)),
        ("[a, b, c, d, e, f, g, h, i, j, k]", "0-10", tuple(range(11))),
    ],
)
def test_a_scale_of_its_own(tmp_path, words, scale, levels):
    said = "" if scale is None else f", scale: '{scale}'"
    config = load(tmp_path, f"title: x\ntasks:\n  look: {{question: q, levels: {words}{said}}}\n")
    assert config.scale.numbers == config.tasks["look"].answers.numbers == levels
    (tmp_path / "study.yaml").write_text(dump_config(config))
    assert load_config(tmp_path / "study.yaml") == config
    assert f"levels are the words for {config.scale}." in (tmp_path / "study.yaml").read_text()


@pytest.mark.parametrize(
    ("scale", "words"),
    [
        ("0-3", "has 4 levels, but 'levels' has 5 words; write one word a level."),
        ("0-100/5", "is 0-100/5: The scale '0-100/5' is a range that is cut into parts, but who rates presses a key"),
        ("five", "is five: The scale 'five' is not understood; write 1-7"),
        ("1-50", "A scale has 3 to 11 levels, but 1-50 has 50"),
        ("5", "is not a text: YAML reads it as 5"),
    ],
)
def test_a_scale_that_cannot_be_has_its_line(errors, scale, words):
    ((line, text),) = errors(f"title: x\ntasks:\n  look:\n    question: q\n    {LEVELS}\n    scale: {scale}\n")
    assert line == 6 and text.startswith("'tasks.look.scale' ") and words in text


def test_where_the_words_are_wrong_the_scale_is_not_blamed_as_well(errors):
    ((line, _),) = errors("title: x\ntasks:\n  look:\n    question: q\n    levels: [a, b]\n    scale: 0-4\n")
    assert line == 5


def test_the_tasks_of_a_study_share_one_scale(errors, tmp_path):
    both = "title: x\ntasks:\n  look:\n    question: q\n    {0}\n  feel:\n    question: q\n    {1}\n"
    other = "levels: [a, b, c, d]"
    assert errors(both.format(LEVELS, other)) == [
        (
            8,
            "'tasks.feel' is answered on 1 to 4, and 'tasks.look' on 1 to 5; a study has one scale, on which its "
            "report compares the tasks: give them the same, or make two studies.",
        )
    ]
    assert errors(both.format(LEVELS, f"{LEVELS}\n    scale: 0-4"))[0][0] == 9
    assert load(tmp_path, both.format(f"{LEVELS}\n    scale: 1-5", LEVELS)).scale.numbers == (1, 2, 3, 4, 5)


def test_a_text_is_no_yes_or_no(errors):
    found = errors(f"title: x\ntasks:\n  look:\n    question: q\n    {LEVELS}\n    show_prompt: 'no'\n")
    assert found == [(6, "'tasks.look.show_prompt' is 'no'; it must be true or false.")]


def test_repeated_keys_are_refused_at_the_second(errors):
    found = errors(f"title: x\ntitle: y\ntasks:\n  a: {{question: q, {LEVELS}}}\n  a:\n    question: r\n    {LEVELS}\n")
    assert found == [(2, "'title' stands there twice."), (5, "'a' stands there twice.")]


@pytest.mark.parametrize("content", ["", "\n# only a comment\n", "- title: x\n", "Portraits", "42", "null", "[]"])
def test_a_file_that_is_no_mapping(errors, content):
    ((line, text),) = errors(content)
    assert line == 1
    assert text == "the file must hold keys with their values: title, seed, share_report, database, tasks."


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("title: x\ntasks:\n\tlook: 1\n", 3, "indent with spaces, never with tabs"),
        ("title: 'x\ntasks: {}\n", 3, "unexpected end of stream while scanning a quoted scalar from line 1"),
        (
            "title: x\ntasks: [a\n",
            3,
            "expected ',' or ']', but got '<stream end>' while parsing a flow sequence from line 2",
        ),
        ("title: x\n---\ntitle: y\n", 2, "another document"),
        ("title: x\nseed: *other\n", 2, "undefined alias"),
        ("title: x\nseed: !!python/object/apply:os.system [ls]\n", 2, "could not determine a constructor"),
        ("title: x\nseed: !!int five\n", 2, "invalid literal"),
        ("title: x\nseed: 0b_\n", 2, "invalid literal"),
        ("title: x\nseed: 1\x00\n", 2, "control character"),
        ("? [a, b]\n: c\n", 1, "unhashable"),
    ],
)
def test_what_is_not_yaml(errors, content, line, words):
    ((found, text),) = errors(content)
    assert found == line
    assert "not well-formed YAML" in text and words in text


def test_what_is_not_text(errors, tmp_path):
    assert "not UTF-8" in errors("title: é\n".encode("latin-1"))[0][1]
    assert "nested too deeply" in errors("[" * 5000)[0][1]
    with pytest.raises(InputError, match=r"cannot be read \(No such file"):
        load_config(tmp_path / "missing.yaml")
    with pytest.raises(InputError, match=r"cannot be read \(Is a directory"):
        load_config(tmp_path)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("title: x\n", (1, "'tasks' is missing.")),
        ("title: x\ntasks: {}\n", (2, "'tasks' is empty.")),
        ("title: x\ntasks:\n", (2, "'tasks' is empty.")),
        (GOOD.replace("Portraits", ""), (1, "'title' is empty.")),
        (GOOD.replace("Portraits", "1984"), (1, "'title' is not a text: YAML reads it as 1984; put it in quotes.")),
        (GOOD + "seed: 1.5\n", (4, "'seed' is 1.5; it must be a whole number.")),
        (GOOD + "seed: true\n", (4, "'seed' is True; it must be a whole number.")),
        (GOOD + "seed:\n", (4, "'seed' is empty.")),
    ],
)
def test_single_errors(errors, content, error):
    assert errors(content) == [error]


def test_tasks_that_are_a_list(errors):
    ((line, text),) = errors("title: x\ntasks: [look]\n")
    assert (line, "each a name with question" in text) == (2, True)


def test_yaml_does_not_reinterpret_names_and_dates(tmp_path):
    levels = "levels: ['1', '2', '3', '4', '5']"
    config = load(
        tmp_path, f"title: 2024-13-45\ntasks:\n  on: {{question: q, {levels}}}\n  7: {{question: q, {levels}}}\n"
    )
    assert config.title == "2024-13-45"
    assert list(config.tasks) == ["on", "7"]


def test_merge_keys_windows_lines_and_a_byte_order_mark(tmp_path):
    content = f"\ufefftitle: x\ntasks:\n  a: &a {{question: q, {LEVELS}}}\n  b:\n    <<: *a\n    question: r\n"
    config = load(tmp_path, content.replace("\n", "\r\n"))
    assert [task.question for task in config.tasks.values()] == ["q", "r"]


def doubling(pattern: str, steps: int = 30) -> str:
    """Lines of which each names the one before several times."""
    return "a0: &a0 {k0: 1}\n" + "".join(pattern.format(n=n, last=n - 1) for n in range(1, steps))


@pytest.mark.parametrize(
    "pattern", ["a{n}: &a{n} [*a{last}, *a{last}]\n", "a{n}: &a{n} {{<<: [*a{last}, *a{last}]}}\n"]
)
def test_aliases_that_stand_for_billions_are_refused(errors, pattern):
    def refuse():
        ((_, text),) = errors(doubling(pattern) + GOOD)
        assert "holds more than 100,000 keys and values, with what its aliases (*name) stand for" in text

    assert effort(refuse) < 30_000


@pytest.mark.parametrize("content", ["a: &a [*a]\n", "a: &a {<<: *a}\n", "tasks: &t {look: *t}\n"])
def test_an_alias_within_itself_is_refused(errors, content):
    assert "has an alias (*name) within itself" in errors(content)[0][1]


def test_levels_may_be_shared_by_an_alias(tmp_path):
    content = f"title: t\ntasks:\n  a: {{question: q, {LEVELS.replace(': [', ': &words [')}}}\n"
    config = load(tmp_path, content + "  b: {question: r, levels: *words}\n")
    assert config.tasks["a"].levels == config.tasks["b"].levels


@pytest.mark.parametrize("number", ["1" * 5000, "0x" + "f" * 5000, "1" + ":1" * 5000, "1" * 5000 + ".5"])
@pytest.mark.parametrize("key", ["seed", "title"])
def test_a_number_of_thousands_of_digits_has_its_line(errors, key, number):
    ((line, text),) = errors(f"{key}: {number}\n{GOOD}")
    assert line == 1 and "a number of more than 100 digits" in text


def test_of_thousands_of_errors_twenty_are_listed(tmp_path):
    (tmp_path / "study.yaml").write_text(GOOD + "".join(f"x{number}: 1\n" for number in range(3000)))
    with pytest.raises(InputError) as raised:
        load_config(tmp_path / "study.yaml")
    lines = str(raised.value).splitlines()
    assert lines[0].endswith("has 3,000 errors:") and lines[-1] == "  and 2,980 more." and len(lines) == 22


def test_what_is_too_large_or_no_file(tmp_path):
    with (tmp_path / "large").open("wb") as file:
        file.truncate(10**9)
    os.mkfifo(tmp_path / "pipe")
    for path, why in (
        (tmp_path / "large", "larger than 0.25 MB"),
        (tmp_path / "pipe", "a pipe"),
        ("/dev/zero", "a dev"),
    ):
        with pytest.raises(InputError, match=why):
            load_config(Path(path))


def test_presets():
    assert PRESETS["similarity"].show_references and PRESETS["alignment"].show_prompt
    assert preset("skin_tone").question == "How do you rate the skin tone of this image?"
    assert preset("aesthetic") is PRESETS["aesthetic"]


WORDS = (
    st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp", "Cn")), min_size=1).map(str.strip).filter(bool)
)
TASKS = st.builds(
    TaskConfig,
    question=WORDS,
    levels=st.lists(WORDS, min_size=5, max_size=5),
    scale=st.just(None),
    show_references=st.booleans(),
    show_prompt=st.booleans(),
)


@given(
    st.builds(
        StudyConfig,
        title=WORDS,
        seed=st.integers(),
        share_report=st.booleans(),
        tasks=st.dictionaries(WORDS, TASKS, min_size=1, max_size=3),
    )
)
def test_what_is_written_is_read_back(tmp_path_factory, config):
    path = tmp_path_factory.getbasetemp() / "round-trip.yaml"
    path.write_text(dump_config(config), encoding="utf-8")
    assert load_config(path) == config
    assert list(load_config(path).tasks) == list(config.tasks)


@pytest.mark.parametrize("value", ['"no"', '"true"', "1", "0"])
def test_yes_and_no_are_no_words_or_numbers(errors, value):
    """A word in quotation marks that stands for the other answer would be taken for yes."""
    ((_, text),) = errors(GOOD.replace("}\n", f", show_prompt: {value}}}\n"))
    assert "show_prompt" in text
