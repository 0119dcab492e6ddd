"""One server for a study, until its process ends, however it ends."""

import pytest

from metrics.errors import InputError
from study.folder.serving_lock import only_server
from tests.study.command import free_port, run_command, serving


def test_the_second_is_told_where_the_first_is(tmp_path):
    with only_server(tmp_path) as lock:
        lock.say_where("http://127.0.0.1:7860")
        with (
            pytest.raises(
                InputError, match=r"is being served already at http://127.0.0.1:7860 .process \d+.; use that"
            ),
            only_server(tmp_path),
        ):
            pass
    with only_server(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cannot be written .*; copy the study"), only_server(tmp_path / "file" / "x"):
        pass


@pytest.mark.process
def test_a_second_server_and_a_killed_one(make_study):
    study = make_study(images=2, references=0, tasks=("aesthetic",), evaluators=("ann",))
    study.close()
    port = free_port()
    with serving("serve", study.folder, "--port", port, cwd=study.folder, until="Serving;") as (process, _):
        second = run_command("serve", study.folder, "--port", free_port(), cwd=study.folder)
        assert second.returncode == 2
        assert f"is being served already at http://127.0.0.1:{port} (process {process.pid})" in second.stderr
        process.kill()
        process.wait()
    with serving("serve", study.folder, "--port", free_port(), cwd=study.folder, until="Serving;"):
        pass
