"""A home folder without any weights, so that no test finds what this machine happens to have."""

import dataclasses

from metrics.weights import known_weights as weights_catalog
from metrics.weights.known_weights import weights_file


def empty_home(tmp_path, monkeypatch):
    """The folder that stands for the user's home until the test ends."""
    for name in ("HUMANGRADE_WEIGHTS", "HUMANGRADE_CACHE", "TORCH_HOME", "XDG_CACHE_HOME", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "home" / "hub"))
    return tmp_path / "home"


def put(path, content=b""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def published(monkeypatch, name, **form):
    """Let a file be published elsewhere, or with another sha256, than it is."""
    known = weights_file(name)
    forms = (dataclasses.replace(known.forms[0], **form), *known.forms[1:])
    monkeypatch.setitem(weights_catalog._KNOWN, name, dataclasses.replace(known, forms=forms))
