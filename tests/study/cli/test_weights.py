import os
import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from metrics.errors import InputError
from study.cli.weights import app
from tests.metrics.homes import empty_home
from tests.study.command import environment, run_cli


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    return empty_home(tmp_path, monkeypatch)


def run(*arguments) -> str:
    """What the command prints; its error is raised."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def rows(listing: str) -> dict[str, tuple[str, str, str]]:
    """Name to presence, metrics and file, as listed."""
    pattern = r"^(\S+) +(yes|no) +(\S.*)\n  (\S.*)$"
    return {name: (here, metrics, file) for name, here, metrics, file in re.findall(pattern, listing, re.M)}


def test_the_list_names_files_metrics_and_places():
    listing = run()
    found = rows(listing)
    assert len(found) == 12
    assert found["lpips-alex"] == ("no", "lpips, diversity", "alexnet-owt-7be5be79.pth")
    assert found["aesthetic/improved-l14-relu"][2] == "ava+logos-l14-reluMSE.pth (its sha256 is not known)"
    for place in ("~/.cache/humangrade/weights;", "~/.cache/torch/hub/checkpoints", "~/.cache/clip", "~/hub"):
        assert place in listing


def test_a_published_file_is_added_and_listed(shared):
    added = run("add", "aesthetic/laion-vit-b-32", shared / "weights" / "laion_aesthetic_vit_b_32_linear.pth")
    assert "the published file (sha256 c7b14cead230)" in added
    here, _, file = rows(run())["aesthetic/laion-vit-b-32"]
    assert (here, file) == (
        "yes",
        "sa_0_4_vit_b_32_linear.pth: ~/.cache/humangrade/weights/aesthetic--laion-vit-b-32.pth",
    )


def test_a_converted_file_is_taken_and_that_is_said(shared):
    added = run("add", "lpips-squeeze", shared / "weights" / "squeezenet1_1_features.pth")
    assert "not the published file, but with the same tensors (sha256 d3656a56d367)" in added
    assert rows(run())["lpips-squeeze"][0] == "yes"


def test_another_file_is_refused(shared):
    with pytest.raises(InputError, match="does not hold the weights lpips-vgg"):
        run("add", "lpips-vgg", shared / "weights" / "squeezenet1_1_features.pth")
    assert rows(run())["lpips-vgg"][0] == "no"


def test_the_list_names_the_folder_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("HUMANGRADE_WEIGHTS", str(tmp_path / "elsewhere"))
    assert f"Looked for in {tmp_path / 'elsewhere'};" in run()


def test_what_is_here_is_not_fetched(shared):
    run("add", "lpips-squeeze", shared / "weights" / "squeezenet1_1_features.pth")
    assert run("fetch", "lpips-squeeze") == "lpips-squeeze: was here, ~/.cache/humangrade/weights/lpips-squeeze.pth\n"


class TestWithoutANetwork:
    """Nothing listens where the proxy is said to be, so that no test reaches a publisher."""

    @pytest.fixture(autouse=True)
    def no_network(self, monkeypatch):
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.delenv("no_proxy", raising=False)

    def test_one_file_is_one_sentence(self):
        with pytest.raises(InputError, match=r"^https://download.pytorch.org/.* could not be fetched .*weights add"):
            run("fetch", "lpips-alex")

    def test_several_go_on_and_the_failures_are_counted(self, shared):
        run("add", "lpips-squeeze", shared / "weights" / "squeezenet1_1_features.pth")
        result = CliRunner().invoke(app, ["fetch", "lpips-alex", "lpips-squeeze", "unknown"])
        assert str(result.exception) == "2 of 3 could not be fetched: lpips-alex, unknown; see above."
        assert "lpips-squeeze: was here" in result.output
        assert "unknown: There are no weights called 'unknown'" in result.output

    def test_all_means_all(self):
        result = CliRunner().invoke(app, ["fetch", "all"])
        assert str(result.exception).startswith("12 of 12 could not be fetched: facenet-vggface2, lpips-alex, ")


def test_listing_loads_no_torch(home):
    code = (
        "import sys, contextlib\n"
        "from study.cli.weights import app\n"
        "with contextlib.suppress(SystemExit): app([])\n"
        "assert not {'torch', 'open_clip', 'pandas'} & set(sys.modules)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment() | {"HOME": os.environ["HOME"]}, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert "lpips-alex" in result.stdout


def test_an_empty_safetensors_file_is_one_sentence(tmp_path, monkeypatch, capsys):
    (tmp_path / "z.safetensors").touch()
    code, _, err = run_cli(monkeypatch, capsys, "weights", "add", "lpips-squeeze", tmp_path / "z.safetensors")
    assert code == 2 and err.count("\n") == 1
