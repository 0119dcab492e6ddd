"""Random weights of FID's Inception network under which activations keep their size, as trained ones do."""

import io
from contextlib import contextmanager

import torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3


@contextmanager
def _without_loading():
    """The class with a `load_state_dict` that does nothing, so that it neither downloads nor asks for weights."""
    load = FeatureExtractorInceptionV3.load_state_dict
    FeatureExtractorInceptionV3.load_state_dict = lambda self, state: None
    try:
        yield
    finally:
        FeatureExtractorInceptionV3.load_state_dict = load


def random_inception(seed: int = 0) -> dict[str, torch.Tensor]:
    """A state dict of the form that torch-fidelity and pytorch-fid publish."""
    empty = io.BytesIO()
    torch.save({}, empty)
    empty.seek(0)
    with _without_loading():
        network = FeatureExtractorInceptionV3("inception", ["2048"], feature_extractor_weights_path=empty)
    generator = torch.Generator().manual_seed(seed)
    state = network.state_dict()
    for name, value in state.items():
        if name.endswith("conv.weight"):
            value.normal_(0, (2 / value[0].numel()) ** 0.5, generator=generator)
        elif name.endswith("bn.running_var"):
            value.uniform_(0.5, 1.5, generator=generator)
        elif name.endswith(("bn.bias", "bn.running_mean")):
            value.normal_(0, 0.1, generator=generator)
    return state
