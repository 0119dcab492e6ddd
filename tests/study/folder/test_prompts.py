"""Prompts from tables, metadata, lines and captions."""

import pytest

from metrics.errors import InputError
from study.folder.prompts import read_prompts
from study.folder.score_items import folder_collection
from tests.study.conftest import save_image

IMAGES = ["train/0001.jpg", "train/0002.jpg"]


def prompts(tmp_path, name, text, images=IMAGES, items=None):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return read_prompts(tmp_path / name, items or images, images)


def test_hugging_faces_metadata(tmp_path):
    jsonl = '{"file_name": "0001.jpg", "text": "a man, smiling"}\n\n{"file_name": "0002.jpg", "text": "a woman"}\n'
    assert prompts(tmp_path, "metadata.jsonl", jsonl) == ["a man, smiling", "a woman"]
    csv = 'file_name,text\n0002.jpg,a woman\n0001.jpg,"a man, smiling"\n'
    assert prompts(tmp_path, "metadata.csv", csv) == ["a man, smiling", "a woman"]
    with pytest.raises(InputError, match="line 1: this is no JSON object"):
        prompts(tmp_path, "metadata.jsonl", "[1]")


@pytest.mark.parametrize(
    "name", ["train/0001.jpg", "train\\0001.jpg", ".\\train\\0001.jpg", "train/0001", "0001.jpg", "0001"]
)
def test_an_image_by_its_path_in_any_form(tmp_path, name):
    assert prompts(tmp_path, "p.csv", f"item,prompt\n{name},a cat\n") == ["a cat", ""]


def test_absolute_paths_of_another_machine(tmp_path):
    text = "item,prompt\nC:\\data\\other\\0001.jpg,a cat\n/home/x/0002.jpg,a dog\n"
    assert prompts(tmp_path, "p.csv", text) == ["a cat", "a dog"]


def test_items_by_their_name_or_their_images_path(tmp_path):
    for name in ("x1", "train/0001.jpg"):
        assert prompts(tmp_path, "p.csv", f"item,prompt\n{name},a cat\n", items=["x1", "x2"]) == ["a cat", ""]


def test_a_name_that_may_be_two_images_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"names '1.png', which may be 2 images, among them 'a/1.png'"):
        prompts(tmp_path, "p.csv", "item,prompt\n1.png,a cat\n", images=["a/1.png", "b/1.png"])
    with pytest.raises(InputError, match=r"two prompts for 'a/1.png'"):
        prompts(tmp_path, "p.csv", "item,prompt\na/1.png,a cat\na/1,a dog\n", images=["a/1.png", "b/1.png"])


def test_an_image_of_another_folder_is_not_taken_for_one_of_the_same_name(tmp_path):
    text = "item,prompt\nb/1.png,a dog\na/1.png,a cat\n"
    assert prompts(tmp_path, "p.csv", text, images=["a/1.png"]) == ["a cat"]
    with pytest.raises(InputError, match="names none of the images"):
        prompts(tmp_path, "p.csv", "item,prompt\nb/1.png,a dog\n", images=["a/1.png"])


def test_captions_beside_the_images_are_taken_where_told_to(tmp_path):
    save_image(tmp_path / "m" / "1.png", 1)
    save_image(tmp_path / "m" / "2.png", 2)
    (tmp_path / "m" / "1.txt").write_text("a man,\n smiling\n")
    assert [item.prompt for item in folder_collection(tmp_path).items] == ["", ""]
    assert [item.prompt for item in folder_collection(tmp_path, prompts=tmp_path).items] == ["a man, smiling", ""]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"holds no caption for any of the images, such as m/1.txt"):
        folder_collection(tmp_path, prompts=tmp_path / "empty")
