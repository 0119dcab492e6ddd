"""LPIPS as vectors: the distance of two images is the squared distance of their features.

LPIPS (Zhang et al., 2018) is, over the layers l of a network, the sum of the means over the positions of
sum_c w_lc (x_lc - y_lc)^2, where x and y are activations of unit length over the channels c. With every activation
multiplied by (w_lc / positions)^(1/2) this is |x - y|^2 = |x|^2 + |y|^2 - 2 x.y, so that all pairs of n and m images
cost n + m forward passes and one matrix product. Networks and weights w are those of the lpips package.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from metrics.engine.device import Precision, exact_arithmetic
from metrics.engine.extraction import Forward
from metrics.engine.images import READING, TOO_SMALL, UnreadableImage, pixels
from metrics.engine.signature import signature, versions
from metrics.entry import MetricOptions, NeededWeights
from metrics.errors import InputError, parameter
from metrics.weights.locate import find_weights, weights_digest

Net = Literal["alex", "vgg", "squeeze"]
LPIPS_WEIGHTS = NeededWeights("lpips-", lambda o: f"lpips-{o.lpips_net}")
SCALE = 256.0  # keeps features inside float16's range; divided out again by `pairwise_distances`
SMALLEST = {"alex": 31, "squeeze": 17, "vgg": 16}  # below so many pixels a side a pooling has nothing to take
_CODE = 4  # numbers that tell the size
_BLOCK_BYTES = 256 * 2**20
_CHUNK = 2**13  # short sums in float32 lose little: distances are right to about 5e-7
_LONG = 2**20  # longer features are kept in float16, which moves distances by less than 1e-5


@dataclass(frozen=True)
class LpipsFeatures:
    """The features of an image under LPIPS, shape (d,), times `SCALE`: float32, or float16 where d is over a million.

    Attributes
    ----------
    net : {"alex", "vgg", "squeeze"}
        The network.
    weights : Path
        Its weights, as torchvision publishes them; the linear weights come with the lpips package.
    size : int or None
        The shorter side is brought to so many pixels (bicubic) and the middle square is taken; None takes pixels as
        they are, and then only images of one size can be compared: features begin with the size, in four numbers.
    precision : {"float32", "float16"}
        Of the network's arithmetic.
    """

    net: Net
    weights: Path
    size: int | None = 256
    precision: Precision = "float32"

    title = "LPIPS features"
    batch_size = 16

    @classmethod
    def find(cls, net: str = "alex", size: int | None = 256, precision: Precision = "float32") -> "LpipsFeatures":
        """The extractor with the weights that are installed; raises InputError where they are missing."""
        if net not in get_args(Net):
            raise InputError(f"LPIPS has no network '{net}'; it has {', '.join(get_args(Net))}.")
        return cls(net, find_weights(f"lpips-{net}"), size, precision)  # type: ignore[arg-type]

    @classmethod
    def chosen(cls, options: MetricOptions) -> "LpipsFeatures":
        """The extractor that the options name."""
        return cls.find(options.lpips_net, options.lpips_size, options.precision)

    @cached_property
    def signature(self) -> str:
        """Network, weights, size, precision and versions."""
        return signature(
            features="lpips",
            net=self.net,
            weights=weights_digest(self.weights)[:12],
            size=self.size or "native-sized",
            precision=self.precision,
            reading=READING,
            versions=versions("lpips", "torch", "Pillow"),
        )

    def prepare(self, opened: Image.Image) -> NDArray[np.uint8]:
        """The pixels, uint8 of shape (height, width, 3); raises `UnreadableImage` for too few."""
        if self.size is not None:
            return pixels(middle_square(opened, self.size))
        if min(opened.size) < SMALLEST[self.net]:
            raise UnreadableImage(
                f"{TOO_SMALL} LPIPS ({opened.width} x {opened.height} pixels; {self.net} needs "
                f"{SMALLEST[self.net]} a side)"
            )
        return pixels(opened)

    def load(self, device: str) -> Forward:
        """The network on a device."""
        import torch

        exact_arithmetic()
        model = load_lpips(self.net, self.weights).to(device)
        dtype = torch.float16 if self.precision == "float16" else torch.float32
        model.to(dtype)

        @torch.inference_mode()
        def forward(batch: list[Any]) -> list[NDArray]:
            found: list[Any] = [None] * len(batch)
            for shape in dict.fromkeys(image.shape for image in batch):
                rows = [row for row, image in enumerate(batch) if image.shape == shape]
                images = torch.from_numpy(np.stack([batch[row] for row in rows])).to(device)
                images = images.permute(0, 3, 1, 2).to(dtype) / 127.5 - 1.0
                for row, value in zip(rows, lpips_vectors(model, images), strict=True):
                    found[row] = value if self.size else np.concatenate([_size_code(shape).astype(value.dtype), value])
            return found

        return forward


def load_lpips(net: str, weights: Path) -> Any:
    """The lpips package's model with a trunk from a local file.

    Parameters
    ----------
    net : {"alex", "vgg", "squeeze"}
        The network.
    weights : Path
        torchvision's weights; the classifier may be missing, LPIPS does not use it.

    Returns
    -------
    lpips.LPIPS
        In evaluation mode, on the CPU.

    Raises
    ------
    InputError
        Where the file holds no such network.
    """
    import lpips
    import torch

    from metrics.weights.tensors import load_tensors

    with torch.device("meta"), warnings.catch_warnings():  # nothing random is made only to be replaced
        warnings.simplefilter("ignore")  # lpips asks torchvision for its network by a deprecated argument
        model = lpips.LPIPS(net=net, pnet_rand=True, pretrained=False, verbose=False)
    linear = load_tensors(Path(lpips.__file__).parent / "weights" / "v0.1" / f"{net}.pth")
    state: dict[str, Any] = dict(lpips.ScalingLayer().state_dict(prefix="scaling_layer."))
    state |= {f"{own}{name[4:]}": value for name, value in linear.items() for own in (name[:4], f"lins.{name[3]}")}
    trunk = load_tensors(weights)
    for name in model.net.state_dict(prefix="net."):  # net.slice2.3.weight is layer 3 of torchvision's features
        state[name] = trunk.get("features." + name.split(".", 2)[2])
    try:
        model.load_state_dict({name: value for name, value in state.items() if value is not None}, assign=True)
    except RuntimeError as error:
        raise InputError(
            f"{weights} is not torchvision's {net} network; put the right file in with "
            f"humangrade weights add lpips-{net} FILE."
        ) from error
    return model.eval().requires_grad_(False)


def middle_square(image: Image.Image, size: int) -> Image.Image:
    """Bring the shorter side to `size` pixels by bicubic interpolation, and cut the middle square out.

    Examples
    --------
    >>> middle_square(Image.new("RGB", (600, 300)), 64).size
    (64, 64)
    """
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    if (image.width, image.height) == (size, size):
        return image
    return image.resize((size, size), Image.Resampling.BICUBIC, (left, top, left + side, top + side))


def same_size(a: NDArray, b: NDArray) -> bool:
    """Whether two features from `LpipsFeatures` without a size are of images of one size."""
    return len(a) == len(b) and bool((a[:_CODE] == b[:_CODE]).all())


def native_distances(rows: Sequence[NDArray], columns: Sequence[NDArray]) -> NDArray[np.float64]:
    """As `pairwise_distances`, for features without a size; raises InputError where the images' sizes differ."""
    if any(not same_size(rows[0], value) for value in (*rows, *columns)):
        raise InputError(
            f"LPIPS at native size compares images of one size only; give {parameter('lpips_size')} a number."
        )
    return pairwise_distances(rows, columns)


def pairwise_distances(rows: Sequence[NDArray], columns: Sequence[NDArray]) -> NDArray[np.float64]:
    """LPIPS of all pairs.

    Parameters
    ----------
    rows, columns : sequence of ndarray, each of shape (d,)
        Features from `LpipsFeatures`; sequences that read on demand keep the memory bounded.

    Returns
    -------
    ndarray, shape (len(rows), len(columns))
        At least 0.

    Raises
    ------
    InputError
        Where features have different lengths, because the images have different sizes.

    Examples
    --------
    >>> pairwise_distances([np.zeros(4)], [np.full(4, SCALE), np.zeros(4)])
    array([[4., 0.]])
    """
    distances = np.zeros((len(rows), len(columns)))
    if not distances.size:
        return distances
    step = max(1, _BLOCK_BYTES // rows[0].nbytes)
    for top in range(0, len(rows), step):
        upper = rows[top : top + step]
        for left in range(0, len(columns), step):
            distances[top : top + step, left : left + step] = _block(upper, columns[left : left + step])
    return distances


def _block(a: Sequence[NDArray], b: Sequence[NDArray]) -> NDArray[np.float64]:
    """Squared distances, a chunk of dimensions at a time in float32, summed in float64."""
    if len({len(value) for value in (*a, *b)}) > 1:
        raise InputError(
            f"LPIPS at native size compares images of one size only; give {parameter('lpips_size')} a number."
        )
    total = np.zeros((len(a), len(b)))
    for start in range(0, len(a[0]), _CHUNK):
        x, y = (np.stack([value[start : start + _CHUNK] for value in group]).astype(np.float32) for group in (a, b))
        squares = np.einsum("nd,nd->n", x, x)[:, None] + np.einsum("md,md->m", y, y)[None, :]
        total += squares - 2.0 * (x @ y.T)
    return np.maximum(total, 0.0) / SCALE**2


def _size_code(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Height and width in numbers that half precision holds exactly."""
    return np.array([part for side in shape[:2] for part in divmod(side, 256)], dtype=np.float64)


def lpips_vectors(model: Any, images: Any) -> NDArray[np.floating]:
    """The features of images, a tensor of shape (n, 3, height, width) with values from -1 to 1; shape (n, d)."""
    import torch

    layers = model.net.forward(model.scaling_layer(images))
    parts = []
    for layer, linear in zip(layers, model.lins, strict=True):
        values = layer.float()
        unit = values / (values.square().sum(dim=1, keepdim=True).sqrt() + 1e-10)
        positions = layer.shape[2] * layer.shape[3]
        weight = linear.model[-1].weight.float().clamp(min=0) / positions
        parts.append((unit * weight.sqrt() * SCALE).flatten(1))
    features = torch.cat(parts, dim=1)
    return (features.half() if features.shape[1] > _LONG else features).cpu().numpy()
