"""The tiny pipeline, for all tests of LoRA files."""

import numpy as np
import pytest

from tests.study.generation.lora.samples import ATTENTION, matrices
from tests.study.generation.tiny import tiny_pipeline


@pytest.fixture(scope="session")
def pipeline():
    """One for all tests: each must leave it as it was, which `untouched` checks."""
    return tiny_pipeline(seed=0)


@pytest.fixture
def untouched(pipeline):
    """Fail where a test leaves a network with another weight, module or setting than it had."""
    before = {name: _state(getattr(pipeline, name)) for name in ("unet", "text_encoder")}
    yield pipeline
    for name, (weights, modules, flags) in before.items():
        after = _state(getattr(pipeline, name))
        assert after[0].keys() == weights.keys()
        assert all(np.array_equal(after[0][key], weights[key]) for key in weights)
        assert after[1:] == (modules, flags)
        assert not hasattr(getattr(pipeline, name), "peft_config")


def _state(network):
    weights = {key: value.numpy().copy() for key, value in network.state_dict().items()}
    modules = {name: id(module) for name, module in network.named_modules()}
    flags = {name: (parameter.requires_grad, id(parameter)) for name, parameter in network.named_parameters()}
    return weights, modules, flags


@pytest.fixture(scope="session")
def attention(pipeline):
    """Matrices of rank 4 for the UNet's 32 attention layers."""
    return matrices(pipeline.unet, ATTENTION)
