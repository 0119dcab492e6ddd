"""TensorBoard's event files: every record is read, and what is written TensorBoard itself reads."""

import math
import struct

import numpy as np
import pytest

from metrics.errors import InputError
from study.runs.trackers import tensorboard
from study.runs.trackers.pictures import picture_bytes
from study.runs.types import Scalar, TrackedImage, TrackedRun
from tests.study.runs.trackers.examples import assert_same, example, picture


@pytest.fixture
def writer(tmp_path):
    """A function that gives torch's own writer of a run."""
    from torch.utils.tensorboard import SummaryWriter

    made = []

    def make(name="run", **how):
        made.append(SummaryWriter(str(tmp_path / name), **how))
        return made[-1]

    yield make
    for one in made:
        one.close()


def accumulator(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0, "tensors": 0})
    found.Reload()
    return found


def test_runs_are_the_same_after_a_round_trip(tmp_path):
    runs = [example(), example("../b"), example("b")]
    tensorboard.write(runs, tmp_path / "out")
    found = {run.name: run for run in tensorboard.read(tmp_path / "out")}
    for run in runs:
        assert_same(found[run.name], run)
    assert all(path.is_relative_to(tmp_path / "out") for path in tmp_path.rglob("*tfevents*"))


def test_the_real_event_files(shared):
    folder = shared / "data" / "runs" / "tensorboard_textual_inversion"
    (run,) = tensorboard.read(folder)
    assert run.name == "textual_inversion" and not run.notes and not run.images
    for name in ("loss", "lr"):
        steps = [one.step for one in run.scalars if one.name == name]
        assert len(steps) == 886 and len(set(steps)) == 444  # each step twice: gradient accumulation
    assert run.config["learning_rate"] == pytest.approx(1e-4) and run.config["gradient_accumulation_steps"] == 2
    theirs = accumulator(shared / "data" / "runs" / "tensorboard_textual_inversion" / "textual_inversion").Scalars(
        "loss"
    )
    ours = [(one.step, one.value) for one in run.scalars if one.name == "loss"]
    assert ours == [(one.step, one.value) for one in theirs]


def test_all_of_thirty_pictures_are_read(writer, tmp_path):
    log = writer()
    for step in range(30):
        log.add_image("samples/0", np.full((4, 4, 3), step, np.uint8), step, dataformats="HWC")
    log.close()
    (run,) = tensorboard.read(tmp_path / "run")
    assert [(one.key, one.step, one.index) for one in run.images] == [("samples/0", step, 0) for step in range(30)]
    theirs = accumulator(tmp_path / "run").Images("samples/0")
    assert [picture_bytes(one.picture) for one in run.images] == [one.encoded_image_string for one in theirs]


def test_tensorboard_reads_what_is_written(tmp_path):
    scalars = [Scalar("loss", step, 1 / (3 + step)) for step in range(3) for _ in range(2)]
    images = [TrackedImage("p000", step, 0, picture(step)) for step in range(12)]
    tensorboard.write([TrackedRun("a", {"lr": 0.1}, tuple(scalars), tuple(images))], tmp_path)
    found = accumulator(tmp_path / "a")
    from tensorboard.util.tensor_util import make_ndarray

    values = [make_ndarray(one.tensor_proto).item() for one in found.Tensors("loss")]
    assert values == [one.value for one in scalars]
    assert [one.encoded_image_string for one in found.Images("p000")] == [one.picture for one in images]
    assert found.SummaryMetadata("loss").plugin_data.plugin_name == "scalars"
    assert "_hparams_/session_start_info" in found.PluginTagToContent("hparams")


def test_written_again_a_run_is_replaced(tmp_path):
    tensorboard.write([TrackedRun("a", {}, (Scalar("loss", 0, 1.0),))], tmp_path)
    tensorboard.write([TrackedRun("a", {}, (Scalar("loss", 0, 2.0),))], tmp_path)
    (run,) = tensorboard.read(tmp_path)
    assert run.scalars == (Scalar("loss", 0, 2.0),)


def test_a_resumed_run_has_its_later_steps_once(writer, tmp_path):
    first = writer()
    for step in range(5):
        first.add_scalar("loss", float(step), step)
    first.close()
    second = writer(purge_step=3, filename_suffix=".later")
    second.add_scalar("loss", 30.0, 3)
    second.close()
    (run,) = tensorboard.read(tmp_path)
    assert [(one.step, one.value) for one in run.scalars] == [(0, 0.0), (1, 1.0), (2, 2.0), (3, 30.0)]


def test_settings_in_a_folder_of_their_own_are_the_runs(writer, tmp_path):
    log = writer()
    log.add_scalar("loss", math.nan, 0)
    log.add_scalar("loss", math.inf, 0)
    log.add_hparams({"rank": 4, "scheduler": "cosine", "fused": True}, {"hparam/best": 0.5})
    log.close()
    (run,) = tensorboard.read(tmp_path)
    assert run.name == "run" and run.config == {"rank": 4, "scheduler": "cosine", "fused": True}
    assert [repr(one.value) for one in run.scalars if one.name == "loss"] == ["nan", "inf"]


def event_file(tmp_path):
    tensorboard.write([TrackedRun("a", {}, tuple(Scalar("loss", step, float(step)) for step in range(100)))], tmp_path)
    (path,) = (tmp_path / "a").iterdir()
    return path


def test_a_file_that_is_cut_off_gives_what_stands_before_it(tmp_path):
    path = event_file(tmp_path)
    whole = path.read_bytes()
    for end in (len(whole) - 1, len(whole) - 20, len(whole) // 2):
        path.write_bytes(whole[:end])
        (run,) = tensorboard.read(tmp_path)
        assert [one.step for one in run.scalars] == list(range(len(run.scalars))) and len(run.scalars) < 100
        assert len(run.scalars) > 30
        (note,) = run.notes
        assert "cut off within its last record" in note and str(path) in note


def test_a_damaged_file_gives_what_stands_before_the_damage(tmp_path):
    path = event_file(tmp_path)
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    path.write_bytes(whole)
    (run,) = tensorboard.read(tmp_path)
    (note,) = run.notes
    assert "damaged" in note and 30 < len(run.scalars) < 100


def test_a_length_beyond_all_is_damage(tmp_path):
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    head = struct.pack("<Q", 2**62)
    (tmp_path / "events.out.tfevents.1").write_bytes(head + struct.pack("<I", masked_crc32c(head)) + b"x" * 100)
    (run,) = tensorboard.read(tmp_path)
    assert not run.scalars and "damaged at byte 0" in run.notes[0]


def test_what_is_none_of_tensorboards_is_said(tmp_path):
    with pytest.raises(InputError, match="holds no event files"):
        tensorboard.read(tmp_path)
    with pytest.raises(InputError, match="is not there"):
        tensorboard.read(tmp_path / "nothing")


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    event_file(tmp_path / "else")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a").symlink_to(tmp_path / "else" / "a")
    (tmp_path / "logs" / "events.out.tfevents.1").symlink_to(next((tmp_path / "else" / "a").iterdir()))
    with pytest.raises(InputError, match="holds no event files"):
        tensorboard.read(tmp_path / "logs")
