"""One walker for init, score, embed and statistics: the same images, and what is passed over is said."""

import pytest
from PIL import Image

from metrics.engine.image_folders import folder_notes, images_below
from metrics.errors import InputError
from study.folder.create import create_study
from study.folder.images import check_images, find_images
from study.folder.score_items import folder_collection
from tests.study.conftest import save_image


def test_init_and_score_find_the_same_images(tmp_path):
    save_image(tmp_path / "elsewhere" / "1.png", 1)
    save_image(tmp_path / "images" / "m" / "2.png", 2)
    save_image(tmp_path / "images" / "m" / "3.JPG", 3)
    save_image(tmp_path / "images" / "@eaDir" / "SYNOPHOTO_THUMB.jpg", 4)
    (tmp_path / "images" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "images" / ".DS_Store").write_bytes(b"x")
    found = [path.name for path in find_images(tmp_path / "images")]
    assert found == ["1.png", "2.png", "3.JPG"]
    assert [path.name for path in images_below(tmp_path / "images")] == found
    collection = folder_collection(tmp_path / "images")
    assert [item.item for item in collection.items] == ["linked/1.png", "m/2.png", "m/3.JPG"]
    assert "were left out: .DS_Store, @eaDir." in collection.notes[0]


@pytest.mark.parametrize("kind", [".avif", ".heic", ".jxl", ".tif"])
def test_every_kind_is_read_or_named_by_both(tmp_path, kind):
    save_image(tmp_path / "1.png", 1)
    if kind == ".tif":
        Image.new("RGB", (8, 8)).save(tmp_path / f"2{kind}")
    else:
        (tmp_path / f"2{kind}").write_bytes(b"of that kind")
    with pytest.raises(InputError, match=f"2{kind}: not PNG, JPEG or WebP"):
        check_images(find_images(tmp_path), tmp_path)
    item = folder_collection(tmp_path).items[1]
    assert item.item == f"2{kind}"
    if kind == ".tif":
        assert item.image.open().size == (8, 8)
    else:
        with pytest.raises(ValueError, match="no image of a known kind"):
            item.image.open()


def test_images_deeper_than_model_and_checkpoint_are_said(tmp_path):
    for seed in "ab":
        save_image(tmp_path / "m" / "300" / seed / "1.png", ord(seed))
    collection = folder_collection(tmp_path)
    assert {item.group for item in collection.items} == {"m/300"}
    assert "2 of 2 images lie deeper than MODEL/CHECKPOINT/FILE" in collection.notes[0]
    assert folder_notes(tmp_path / "m", images_below(tmp_path / "m")) == []


def test_the_items_table_beside_the_images_counts_for_score_as_for_init(tmp_path):
    images = tmp_path / "images"
    for epoch in (1, 2):
        save_image(images / f"lora_e00000{epoch}_00_20240101.png", epoch)
    (images / "items.csv").write_text(
        "item,image,model,checkpoint,prompt\n"
        "x1,lora_e000001_00_20240101.png,lora,e1,a man\nx2,lora_e000002_00_20240101.png,lora,e2,a man\n"
    )
    collection = folder_collection(images)
    assert [(item.item, item.group, item.prompt) for item in collection.items] == [
        ("x1", "lora/e1", "a man"),
        ("x2", "lora/e2", "a man"),
    ]
    assert "items.csv says what belongs to the images" in collection.notes[0]
    study = create_study(tmp_path / "study", images, tasks=["aesthetic"], evaluators=1)
    try:
        assert list(study.items["item"]) == [item.item for item in collection.items]
        assert list(study.items["model"] + "/" + study.items["checkpoint"]) == [i.group for i in collection.items]
    finally:
        study.close()
