"""Which files of weights there are, who publishes them, and what uses them.

A sha256 stands here only where a source for it is named beside it: the publisher's (all of it, or the leading digits
that stand in the file's name), or a copy of the file that was hashed.
"""

import re
from dataclasses import dataclass
from typing import Literal

from metrics.errors import InputError

_TORCHVISION = "https://download.pytorch.org/models/"
_FACENET = "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/"
_INCEPTION = "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
_LAION = "https://github.com/LAION-AI/aesthetic-predictor/raw/main/"
_IMPROVED = "https://github.com/christophschuhmann/improved-aesthetic-predictor/raw/main/"

_CLIP_NAME = re.compile(r"clip/([\w.-]+)/([\w.-]+)", re.ASCII)


@dataclass(frozen=True)
class WeightsFile:
    """One file of weights.

    Attributes
    ----------
    name : str
        What humangrade calls it, for instance ``"lpips-alex"`` or ``"clip/ViT-L-14/openai"``.
    files : tuple of str
        What the file is called where it is published, and where other tools keep it; the first one is fetched.
    used_by : tuple of str
        The metrics that need it.
    url : str
        Where it is published; "" for a file on the Hugging Face hub.
    hub : str
        Its repository on the Hugging Face hub; "" where there is none.
    sha256 : str
        Hexadecimal digits that the file's sha256 starts with, all 64 or fewer; "" where none is known.
    kept_by : {"torch", "hub", ""}
        Whose cache folder may hold it besides ours.
    """

    name: str
    files: tuple[str, ...]
    used_by: tuple[str, ...]
    url: str = ""
    hub: str = ""
    sha256: str = ""
    kept_by: Literal["torch", "hub", ""] = ""

    @property
    def stem(self) -> str:
        """The name of the file in our own folder, without its suffix."""
        return self.name.replace("/", "--")


def _trunk(name: str, file: str, sha256: str) -> WeightsFile:
    return WeightsFile(name, (file,), ("lpips", "diversity"), _TORCHVISION + file, sha256=sha256, kept_by="torch")


def _head(name: str, file: str, base: str, sha256: str = "") -> WeightsFile:
    return WeightsFile(name, (file,), ("aesthetic",), base + file.replace("+", "%2B"), sha256=sha256)


def _clip(model: str, pretrained: str, hub: str, files: tuple[str, ...] = (), sha256: str = "") -> WeightsFile:
    """CLIP's weights on the hub; open_clip's own file names unless told."""
    return WeightsFile(
        f"clip/{model}/{pretrained}",
        files or ("open_clip_model.safetensors", "open_clip_pytorch_model.bin"),
        ("aesthetic", "clip_score", "diversity"),
        hub=hub,
        sha256=sha256,
        kept_by="hub",
    )


_KNOWN = {
    known.name: known
    for known in (
        WeightsFile(
            "facenet-vggface2",
            ("20180402-114759-vggface2.pt",),
            ("similarity",),
            _FACENET + "20180402-114759-vggface2.pt",
            kept_by="torch",
        ),
        # the leading eight digits: torchvision's file names
        _trunk("lpips-alex", "alexnet-owt-7be5be79.pth", "7be5be79"),
        _trunk("lpips-vgg", "vgg16-397923af.pth", "397923af"),
        _trunk("lpips-squeeze", "squeezenet1_1-b8a52dc0.pth", "b8a52dc0"),
        # the leading eight digits: pytorch-fid's and torch-fidelity's file names
        WeightsFile(
            "inception-fid",
            ("pt_inception-2015-12-05-6726825d.pth", "weights-inception-2015-12-05-6726825d.pth"),
            ("fid", "kid"),
            _INCEPTION + "pt_inception-2015-12-05-6726825d.pth",
            sha256="6726825d",
            kept_by="torch",
        ),
        _clip("ViT-L-14", "openai", "timm/vit_large_patch14_clip_224.openai"),
        _clip("ViT-B-32", "openai", "timm/vit_base_patch32_clip_224.openai"),
        _clip("ViT-B-32", "laion2b_s34b_b79k", "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"),
        _head("aesthetic/laion-vit-l-14", "sa_0_4_vit_l_14_linear.pth", _LAION),
        _head(
            "aesthetic/laion-vit-b-32",
            "sa_0_4_vit_b_32_linear.pth",
            _LAION,
            # a copy of the published file, hashed
            "c7b14cead230694acc7b9447974d3cad78003c72da032e402a303b6c2429e85f",
        ),
        _head(
            "aesthetic/improved-l14-mse",
            "sac+logos+ava1-l14-linearMSE.pth",
            _IMPROVED,
            # a copy of the published file, hashed
            "21dd590f3ccdc646f0d53120778b296013b096a035a2718c9cb0d511bff0f1e0",
        ),
        _head("aesthetic/improved-l14-relu", "ava+logos-l14-reluMSE.pth", _IMPROVED),
    )
}


def known_weights() -> tuple[WeightsFile, ...]:
    """All files that are known by name; of open_clip's many only the usual ones.

    Examples
    --------
    >>> [known.name for known in known_weights()][:2]
    ['facenet-vggface2', 'lpips-alex']
    """
    return tuple(_KNOWN.values())


def canonical_name(name: str) -> str:
    """The name as the files are called by; raises InputError for a name that no weights have.

    Examples
    --------
    >>> canonical_name("clip/ViT-B-32/laion2B-s34B-b79K")
    'clip/ViT-B-32/laion2b_s34b_b79k'
    """
    if name in _KNOWN:
        return name
    parts = _CLIP_NAME.fullmatch(name)
    if parts is None:
        raise InputError(
            f"There are no weights called '{name}'; there are {', '.join(_KNOWN)}, "
            "and clip/MODEL/PRETRAINED for every pair that open_clip knows."
        )
    return f"clip/{parts[1]}/{parts[2].lower().replace('-', '_')}"


def weights_file(name: str) -> WeightsFile:
    """Look a file up by name; a CLIP model that the table does not hold is looked up in open_clip, which takes seconds.

    Parameters
    ----------
    name : str
        A name of the table, or ``clip/MODEL/PRETRAINED``.

    Returns
    -------
    WeightsFile

    Raises
    ------
    InputError
        For a name that no weights have.
    """
    name = canonical_name(name)
    return _KNOWN.get(name) or _from_open_clip(name)


def _from_open_clip(name: str) -> WeightsFile:
    from open_clip.pretrained import get_pretrained_cfg, list_pretrained_tags_by_model

    _, model, pretrained = name.split("/")
    published = get_pretrained_cfg(model, pretrained)
    if not published:
        tags = list_pretrained_tags_by_model(model)
        raise InputError(
            f"open_clip knows no weights '{pretrained}' of {model}; it has {', '.join(tags)}."
            if tags
            else f"open_clip has no pretrained model '{model}' ({name}); open_clip.list_pretrained() lists what it has."
        )
    hub, _, file = published["hf_hub"].rpartition("/")  # "owner/repository/" or "owner/repository/file"
    return _clip(model, pretrained, hub, (f"{file.rpartition('.')[0]}.safetensors", file) if file else ())
