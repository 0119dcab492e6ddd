"""Which files of weights there are, and who publishes them.

A sha256 stands here only where its source is named beside it; its leading digits are the publisher's own where they
stand in the file's name or address.
"""

import re
from dataclasses import dataclass
from typing import Literal

from metrics.errors import InputError

_TORCHVISION = "https://download.pytorch.org/models/"
_FACENET = "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/"
_PYTORCH_FID = "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
_TORCH_FIDELITY = "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
_LAION = "https://github.com/LAION-AI/aesthetic-predictor/raw/main/"
_IMPROVED = "https://github.com/christophschuhmann/improved-aesthetic-predictor/raw/main/"
_OPENAI = "https://openaipublic.azureedge.net/clip/models/"

_SAFETENSORS, _PICKLED = "open_clip_model.safetensors", "open_clip_pytorch_model.bin"
_CLIP_NAME = re.compile(r"clip/(\w[\w.-]*)/(\w[\w.-]*)", re.ASCII)


@dataclass(frozen=True)
class Published:
    """One form in which weights are published.

    Attributes
    ----------
    file : str
        The file's name, by which other tools keep it.
    sha256 : str
        Hexadecimal digits that its sha256 starts with, all 64 or fewer; "" where none are known.
    url : str
        Where it is; "" on the Hugging Face hub.
    """

    file: str
    sha256: str = ""
    url: str = ""


@dataclass(frozen=True)
class WeightsFile:
    """Weights that a metric needs.

    Attributes
    ----------
    name : str
        What humangrade calls them, for instance ``"lpips-alex"`` or ``"clip/ViT-L-14/openai"``.
    forms : tuple of Published
        The same weights as they are published; the first one is fetched.
    hub, revision : str
        Their repository on the Hugging Face hub and its commit or branch; "" where there is none.
    kept_by : {"torch", "clip", ""}
        Whose cache folders may hold them besides ours.
    """

    name: str
    forms: tuple[Published, ...]
    hub: str = ""
    revision: str = "main"
    kept_by: Literal["torch", "clip", ""] = ""

    @property
    def file(self) -> str:
        """The name of the file that is fetched."""
        return self.forms[0].file

    @property
    def used_by(self) -> tuple[str, ...]:
        """The metrics that may need them, by their entries."""
        from metrics.catalogue import weights_users  # which imports every metric, and these find their weights here

        return weights_users(self.name)

    @property
    def stem(self) -> str:
        """The name of the file in our own folder, without its suffix."""
        return self.name.replace("/", "--")


def _trunk(name: str, file: str, sha256: str) -> WeightsFile:
    return WeightsFile(name, (Published(file, sha256, _TORCHVISION + file),), kept_by="torch")


def _head(name: str, base: str, file: str, sha256: str = "") -> WeightsFile:
    return WeightsFile(name, (Published(file, sha256, base + file.replace("+", "%2B")),))


def _clip(name: str, hub: str, forms: tuple[Published, ...], revision: str = "main") -> WeightsFile:
    return WeightsFile(f"clip/{name}", forms, hub, revision, kept_by="clip")


def _openai(sha256: str, file: str) -> Published:
    return Published(file, sha256, f"{_OPENAI}{sha256}/{file}")


_KNOWN = {
    known.name: known
    for known in (
        # the sha256: recorded by several projects that pin the published file
        WeightsFile(
            "facenet-vggface2",
            (
                Published(
                    "20180402-114759-vggface2.pt",
                    "281cebca8662831adb987a874bdcb36e73f5b1c6dc5ee5878f305e985625d99b",
                    _FACENET + "20180402-114759-vggface2.pt",
                ),
            ),
            kept_by="torch",
        ),
        # the first eight digits: torchvision's file names; the others: recorded by several projects that pin the files
        _trunk(
            "lpips-alex",
            "alexnet-owt-7be5be79.pth",
            "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        ),
        _trunk(
            "lpips-vgg",
            "vgg16-397923af.pth",
            "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        ),
        _trunk(
            "lpips-squeeze",
            "squeezenet1_1-b8a52dc0.pth",
            "b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
        ),
        # the first eight digits: both file names; the others: recorded by several projects that pin the file
        WeightsFile(
            "inception-fid",
            tuple(
                Published(file, "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2", base + file)
                for base, file in (
                    (_PYTORCH_FID, "pt_inception-2015-12-05-6726825d.pth"),
                    (_TORCH_FIDELITY, "weights-inception-2015-12-05-6726825d.pth"),
                )
            ),
            kept_by="torch",
        ),
        # the hub's files: its own content addresses, recorded by projects that pin them; OpenAI's: their addresses
        _clip(
            "ViT-L-14/openai",
            "timm/vit_large_patch14_clip_224.openai",
            (
                Published(_SAFETENSORS, "9ce2e8a8ebfff3793d7d375ad6d3c35cb9aebf3de7ace0fc7308accab7cd207e"),
                Published(_PICKLED),
                _openai("b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836", "ViT-L-14.pt"),
            ),
            "18d0535469bb561bf468d76c1d73aa35156c922b",
        ),
        _clip(
            "ViT-B-32/openai",
            "timm/vit_base_patch32_clip_224.openai",
            (
                Published(_SAFETENSORS, "e6d1bd7789aa45192b3bf90570a789b478bae1b74ebcce7eddd908e83a2b7c31"),
                Published(_PICKLED),
                _openai("40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af", "ViT-B-32.pt"),
            ),
            "a6f597a30f7b82c51704746581f9a4e41421e878",
        ),
        _clip(
            "ViT-B-32/laion2b_s34b_b79k",
            "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
            (
                Published(_SAFETENSORS, "ac4f8c4b88af6d963118cbf40ad93176d092abbedfcb752601ae1866352656e6"),
                Published(_PICKLED),
            ),
            "1a25a446712ba5ee05982a381eed697ef9b435cf",
        ),
        # recorded by several projects that pin the published file
        _head(
            "aesthetic/laion-vit-l-14",
            _LAION,
            "sa_0_4_vit_l_14_linear.pth",
            "2cd4e60f4f24ae3bcd57b847b13c1f3ba27edc28cc1a7f9ce74ee9f421243cba",
        ),
        # the next two: hashed from copies of the published files, and recorded by several projects that pin them
        _head(
            "aesthetic/laion-vit-b-32",
            _LAION,
            "sa_0_4_vit_b_32_linear.pth",
            "c7b14cead230694acc7b9447974d3cad78003c72da032e402a303b6c2429e85f",
        ),
        _head(
            "aesthetic/improved-l14-mse",
            _IMPROVED,
            "sac+logos+ava1-l14-linearMSE.pth",
            "21dd590f3ccdc646f0d53120778b296013b096a035a2718c9cb0d511bff0f1e0",
        ),
        _head("aesthetic/improved-l14-relu", _IMPROVED, "ava+logos-l14-reluMSE.pth"),
    )
}


def known_weights() -> tuple[WeightsFile, ...]:
    """All weights that are known by name; of open_clip's many only the usual ones.

    Examples
    --------
    >>> [known.name for known in known_weights()][:2]
    ['facenet-vggface2', 'lpips-alex']
    """
    return tuple(_KNOWN.values())


def canonical_name(name: str) -> str:
    """The one way to write a name; raises InputError for a name that no weights can have.

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
    """Look weights up by name; a CLIP model that the table does not hold is asked of open_clip, which takes seconds.

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
    return _KNOWN.get(name) or _from_open_clip(*name.split("/")[1:])


def _from_open_clip(model: str, pretrained: str) -> WeightsFile:
    from open_clip.pretrained import get_pretrained_cfg, list_pretrained_tags_by_model

    published = get_pretrained_cfg(model, pretrained)
    if not published:
        tags = ", ".join(list_pretrained_tags_by_model(model))
        raise InputError(
            f"open_clip has no weights '{pretrained}' of {model}; it has {tags}."
            if tags
            else f"open_clip has no pretrained model '{model}'; open_clip.list_pretrained() says which it has."
        )
    hub, _, file = published["hf_hub"].rpartition("/")  # OWNER/REPOSITORY/ or OWNER/REPOSITORY/FILE
    file = file or _PICKLED
    safe = _SAFETENSORS if file == _PICKLED else f"{file.rpartition('.')[0]}.safetensors"
    forms = [Published(safe), Published(file)]
    if published["url"]:
        *_, folder, name = published["url"].split("/")
        forms.append(Published(name, folder if published["url"].startswith(_OPENAI) else "", published["url"]))
    return _clip(f"{model}/{pretrained}", hub, tuple(forms))
