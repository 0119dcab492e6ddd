"""From an image to the embedding of the face in it.

MTCNN (Zhang et al., 2016) finds the faces, each is cut out at 160 x 160 pixels, and InceptionResnetV1, trained
on VGGFace2, embeds it in 512 dimensions; both from facenet-pytorch. For a subject that is no person, give a detector
and an encoder of your own: each is a function, and its attribute `signature` says what it is (name, version, the
weights' sha256), so that its features can be kept. They are kept for as long as the text of its module stays the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from metrics.engine.device import exact_arithmetic
from metrics.engine.extraction import Forward
from metrics.engine.images import READING
from metrics.engine.signature import UNSTATED, signature, versions
from metrics.entry import NeededWeights
from metrics.errors import InputError, parameter
from metrics.networks.face_crops import FACENET, Face, Size, aligned_crop, facenet_crop, undistorted_crop
from metrics.networks.own_answers import answered, encoded_pictures, found_faces
from metrics.networks.reference_faces import FACENET_SAME
from metrics.plugins.own_functions import called, code_digest, identity, named_function
from metrics.weights.locate import find_weights, weights_digest

Detector = Callable[[Image.Image], Sequence[Face | Sequence[float]]]
Encoder = Callable[[Sequence[Image.Image]], ArrayLike]
FACE_WEIGHTS = NeededWeights("facenet-", lambda o: None if o.encoder else "facenet-vggface2")
_NO_FACES = np.empty((0, 1), dtype=np.float32)
_MOST = 32  # faces of one image that are embedded
_AT_ONCE = 64  # crops through the encoder, so that photos of crowds need no more memory than others
_DETECTED = 12_000_000  # pixels in which MTCNN looks: its memory grows with them, so larger photos are made smaller
_SMALLEST = 20  # MTCNN looks for faces of 20 pixels and more


@dataclass(frozen=True)
class FaceFeatures:
    """The faces that an image shows, the largest first: float32 of shape (faces, 1 + d), probability and embedding.

    Attributes
    ----------
    weights : Path or None
        InceptionResnetV1's weights (VGGFace2); None where an encoder is given.
    detector : callable, optional
        An RGB image to what is found in it: boxes (left, top, right, bottom) in pixels, with a probability behind them
        or without, or `metrics.networks.face_crops.Face`. MTCNN unless given; where the encoder takes whole images, the
        image.
    encoder : callable, optional
        Pictures to an array of shape (n, d). InceptionResnetV1 unless given. Its attribute `size` says what it gets:
        a number for squares of that side, "image" for the whole image, nothing for boxes as they are.
    align : bool
        Turn and scale faces by their landmarks.
    modules : tuple of str
        In which detector and encoder were named, where these may come from others.
    """

    weights: Path | None = None
    detector: Detector | None = None
    encoder: Encoder | None = None
    align: bool = False
    modules: tuple[str, ...] = ()

    title = "Faces"
    batch_size = 16

    @classmethod
    def find(cls, detector: str | None = None, encoder: str | None = None, align: bool = False) -> "FaceFeatures":
        """The extractor for functions named MODULE:FUNCTION, else with the weights that are installed."""
        found = cls(
            None if encoder else find_weights("facenet-vggface2"),
            named_function(detector, parameter("detector")) if detector else None,
            named_function(encoder, parameter("encoder")) if encoder else None,
            align,
            tuple(named.partition(":")[0] for named in (detector, encoder) if named),
        )
        for function in (found.detector, found.encoder):
            if function is not None:
                identity(function)
        found._size  # noqa: B018 - raises for a size that is none, before any image is read
        return found

    @cached_property
    def signature(self) -> str:
        """Detector, encoder, weights, crop and versions."""
        weights = f"facenet-vggface2-{weights_digest(self.weights)[:12]}" if self.weights else None
        return signature(
            features="faces",
            detector=identity(self.detector)
            if self.detector
            else "none"
            if self._size == "image"
            else "mtcnn in 12 MP",
            choice=f"largest {_MOST}",
            crop=f"{FACENET}" if self.encoder is None else f"undistorted {self._size or 'box'}",
            align="landmarks" if self.align else None,
            encoder=identity(self.encoder) if self.encoder else weights,
            reading=READING,
            versions=versions("facenet-pytorch", "torch", "Pillow"),
        )

    @cached_property
    def stored_as(self) -> str:
        """The signature and the text of the user's functions: what they say of themselves may be out of date."""
        own = [function for function in (self.detector, self.encoder) if function is not None]
        return f"{self.signature}|code:{code_digest(own, self.modules)}" if own else self.signature

    @property
    def _size(self) -> Size:
        """What the encoder gets."""
        if self.encoder is None:
            return FACENET
        size = getattr(self.encoder, "size", None)
        if size not in (None, "image") and not (isinstance(size, int) and size > 0):
            raise InputError(
                f"The attribute 'size' of the encoder {called(self.encoder)} is {size!r}; it is a number of pixels, or "
                "'image'."
            )
        if self.align and not isinstance(size, int):
            raise InputError(
                f"{parameter('align')} needs the side of the encoder's pictures; give the encoder an attribute 'size'."
            )
        return size

    def _picture(self, image: Image.Image, face: Face) -> Image.Image:
        if self.align:
            if face.landmarks is None:
                raise InputError(
                    f"{parameter('align')} needs landmarks, which the detector given does not find; let it answer "
                    f"metrics.networks.face_crops.Face with them, or leave {parameter('align')} out."
                )
            return aligned_crop(image, face.landmarks, cast(int, self._size))
        return facenet_crop(image, face) if self.encoder is None else undistorted_crop(image, face, self._size)

    @property
    def same(self) -> float | None:
        """The cosine that two photos of one person reach; None for an encoder that is not known."""
        return FACENET_SAME if self.encoder is None else None

    @property
    def unstated(self) -> tuple[str, ...]:
        """Which of detector and encoder do not say what they are."""
        own = {"detector": self.detector, "encoder": self.encoder}
        return tuple(name for name, f in own.items() if f and identity(f).startswith(UNSTATED))

    def prepare(self, opened: Image.Image) -> Image.Image:
        """The image as it is."""
        return opened

    def load(self, device: str) -> Forward:
        """Detector and encoder on a device."""
        exact_arithmetic()
        detect = self.detector or (_whole if self._size == "image" else load_mtcnn(device))
        most = 1 if self._size == "image" else _MOST
        encode = self.encoder
        if encode is None:
            if self.weights is None:
                raise InputError("The face encoder has no weights; give their file, or an encoder.")
            encode = load_facenet(self.weights, device)

        def forward(batch: list[Image.Image]) -> list[NDArray]:
            if self.detector is None:
                found = [answered(detect, image, "MTCNN") for image in batch]
            else:
                found = [found_faces(self.detector, image) for image in batch]
            both = list(zip(batch, found, strict=True))
            faces = [_largest([face for face in each if face.is_inside(image)], most) for image, each in both]
            pictures = [self._picture(image, face) for image, each in zip(batch, faces, strict=True) for face in each]
            if not pictures:
                return [_NO_FACES] * len(batch)
            starts = range(0, len(pictures), _AT_ONCE)
            parts = [encoded_pictures(encode, pictures[start : start + _AT_ONCE]) for start in starts]
            if len({part.shape[1] for part in parts}) > 1:
                widths = " and ".join(str(width) for width in sorted({part.shape[1] for part in parts}))
                raise InputError(
                    f"The encoder {called(encode)} answers rows of {widths} numbers; they must be of one length."
                )
            probabilities = np.array([[face.probability] for each in faces for face in each], dtype=np.float32)
            ends = np.cumsum([len(each) for each in faces])
            return np.split(np.hstack([probabilities, np.concatenate(parts)]), ends[:-1])

        return forward


def load_mtcnn(device: str) -> Detector:
    """facenet-pytorch's MTCNN with its default settings, whose weights come with the package."""
    import torch
    from facenet_pytorch import MTCNN

    network = MTCNN(device=torch.device(device))

    def detect(image: Image.Image) -> list[Face]:
        if min(image.size) < _SMALLEST:
            return []
        scale = max(1.0, (image.width * image.height / _DETECTED) ** 0.5)
        seen = image if scale == 1 else image.resize((round(image.width / scale), round(image.height / scale)))
        boxes, probabilities, landmarks = network.detect(seen, landmarks=True)
        if boxes is None:
            return []
        found = zip((boxes * scale).tolist(), probabilities, (landmarks * scale).tolist(), strict=True)
        return [Face(tuple(box), float(probability), tuple(map(tuple, points))) for box, probability, points in found]

    return detect


def load_facenet(weights: Path, device: str) -> Encoder:
    """InceptionResnetV1 for crops of 160 x 160 pixels, embeddings of unit length.

    Parameters
    ----------
    weights : Path
        facenet-pytorch's VGGFace2 file, or the same tensors without the classifier, in single or half precision.
    device : str
        A torch device.

    Raises
    ------
    InputError
        Where the file holds another network.
    """
    import torch
    from facenet_pytorch import InceptionResnetV1
    from facenet_pytorch.models.mtcnn import fixed_image_standardization

    from metrics.weights.tensors import load_tensors

    network = InceptionResnetV1()
    tensors = {name: value for name, value in load_tensors(weights).items() if not name.startswith("logits.")}
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError(
            f"{weights} is not InceptionResnetV1; put the right file in with "
            "humangrade weights add facenet-vggface2 FILE."
        ) from error
    network.eval().requires_grad_(False).to(device)

    @torch.inference_mode()
    def encode(crops: Sequence[Image.Image]) -> NDArray[np.float32]:
        images = torch.from_numpy(np.stack([np.array(crop, dtype=np.float32) for crop in crops]))
        return network(fixed_image_standardization(images.permute(0, 3, 1, 2)).to(device)).cpu().numpy()

    return encode


def _whole(image: Image.Image) -> list[Face]:
    """The image as what is shown, for encoders of whole images."""
    return [Face((0.0, 0.0, float(image.width), float(image.height)))]


def _largest(faces: Sequence[Face], most: int) -> list[Face]:
    return sorted(faces, key=lambda face: face.area, reverse=True)[:most]
