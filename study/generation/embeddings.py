"""Prompts as a pipeline's text encoders see them, each encoded once for a state of the encoders."""

from collections.abc import Sequence
from typing import Any

_FAMILIES = {
    "StableDiffusionPipeline": ("prompt_embeds", "negative_prompt_embeds"),
    "StableDiffusionXLPipeline": (
        *("prompt_embeds", "negative_prompt_embeds"),
        *("pooled_prompt_embeds", "negative_pooled_prompt_embeds"),
    ),
}
_MOST = 4096  # prompts kept; 77 x 768 numbers are 237 kB of each


class PromptCache:
    """Embeddings of one pipeline's prompts.

    Every prompt is encoded alone, so that its numbers do not depend on what else is in a batch. Pipelines other than
    Stable Diffusion 1, 2 and XL get the words themselves, and encode them with each batch.
    """

    def __init__(self) -> None:
        self._state: object = None
        self._known: dict[tuple[str, str, int, bool], tuple[Any, ...]] = {}
        self.encoded = 0

    def arguments(
        self,
        pipeline: Any,
        state: object,
        prompts: Sequence[str],
        negatives: Sequence[str],
        clip_skip: int,
        guided: bool,
    ) -> dict[str, Any]:
        """What a pipeline is called with for these prompts.

        Parameters
        ----------
        pipeline : diffusers pipeline
        state : object
            What its text encoders are at the moment; another one makes all embeddings anew.
        prompts, negatives : sequence of str
            A prompt for each image.
        clip_skip : int
        guided : bool
            Whether negative prompts count.
        """
        names = _FAMILIES.get(type(pipeline).__name__)
        if names is None:
            return _words(pipeline, prompts, negatives)
        if state != self._state or len(self._known) > _MOST:
            self._known.clear()
            self._state = state
        import torch

        rows = [self._encoded(pipeline, *pair, clip_skip, guided) for pair in zip(prompts, negatives, strict=True)]
        joined = [None if parts[0] is None else torch.cat(parts) for parts in zip(*rows, strict=True)]
        return dict(zip(names, joined, strict=True))

    def clear(self) -> None:
        """Forget all, for another pipeline."""
        self._known.clear()
        self._state = None

    def _encoded(self, pipeline: Any, prompt: str, negative: str, clip_skip: int, guided: bool) -> tuple[Any, ...]:
        import torch

        key = prompt, negative, clip_skip, guided
        if key not in self._known:
            given: dict[str, Any] = {"prompt": prompt, "clip_skip": clip_skip or None}
            with torch.no_grad():
                if clip_skip and not hasattr(pipeline, "text_encoder_2"):
                    given = {"prompt": None, "prompt_embeds": _skipping(pipeline, prompt, clip_skip)}
                self._known[key] = pipeline.encode_prompt(
                    **given,
                    device=pipeline._execution_device,
                    num_images_per_prompt=1,
                    do_classifier_free_guidance=guided,
                    negative_prompt=negative or None,
                )
            self.encoded += 1
        return self._known[key]


def longest_prompt(pipeline: Any, prompts: Sequence[str]) -> tuple[int, int] | None:
    """Tokens of the longest prompt and the most that CLIP reads, where something is cut off."""
    tokenizer = getattr(pipeline, "tokenizer", None)
    if type(pipeline).__name__ not in _FAMILIES or tokenizer is None:
        return None
    most = tokenizer.model_max_length
    longest = max(len(tokenizer(prompt, truncation=False, verbose=False).input_ids) for prompt in prompts)
    return (longest, most) if longest > most else None


def _skipping(pipeline: Any, prompt: str, clip_skip: int) -> Any:
    """A prompt as the text encoder's earlier layer has it: what diffusers 0.42 cannot do with transformers 5.

    It asks for ``text_encoder.text_model``, which is the text encoder itself since.
    """
    tokenizer, encoder = pipeline.tokenizer, pipeline.text_encoder
    words = pipeline.maybe_convert_prompt(prompt, tokenizer)
    most = tokenizer.model_max_length
    tokens = tokenizer(words, padding="max_length", max_length=most, truncation=True, return_tensors="pt")
    asks_mask = getattr(encoder.config, "use_attention_mask", False)
    device = pipeline._execution_device
    mask = tokens.attention_mask.to(device) if asks_mask else None
    states = encoder(tokens.input_ids.to(device), attention_mask=mask, output_hidden_states=True).hidden_states
    return getattr(encoder, "text_model", encoder).final_layer_norm(states[-(clip_skip + 1)])


def _words(pipeline: Any, prompts: Sequence[str], negatives: Sequence[str]) -> dict[str, Any]:
    words: dict[str, Any] = {"prompt": list(prompts)}
    if any(negatives):
        words["negative_prompt"] = list(negatives)
    return words
