"""A prompt with its own settings on one line, as kohya's sample prompts have them: ``a cat --n blurry --d 42``."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from metrics.text import counted, is_plain, listed

LONGEST = 5_000  # characters of a prompt
MOST_SEED = 2**63 - 1
PLACEHOLDERS = ("subject", "token", "class")
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
_OPTION = re.compile(r"\s--(?=\S)")

SAMPLERS = {
    "ddim": "DDIMScheduler",
    "pndm": "PNDMScheduler",
    "lms": "LMSDiscreteScheduler",
    "euler": "EulerDiscreteScheduler",
    "euler_a": "EulerAncestralDiscreteScheduler",
    "heun": "HeunDiscreteScheduler",
    "dpm_2": "KDPM2DiscreteScheduler",
    "dpm_2_a": "KDPM2AncestralDiscreteScheduler",
    "dpmsolver": "DPMSolverMultistepScheduler",
    "dpmsolver++": "DPMSolverMultistepScheduler",
    "dpmsingle": "DPMSolverSinglestepScheduler",
    "ddpm": "DDPMScheduler",
    "unipc": "UniPCMultistepScheduler",
    "lcm": "LCMScheduler",
}
"""kohya's names of samplers, and the diffusers classes that do the same."""

SCHEDULERS = (*dict.fromkeys(SAMPLERS.values()), "DEISMultistepScheduler", "SASolverScheduler", "TCDScheduler")
"""The diffusers classes that a recipe may name, beside the model's own."""


@dataclass(frozen=True)
class PromptLine:
    """A prompt, and what it says of its own pictures; None where the recipe's settings hold.

    Attributes
    ----------
    text : str
        With its placeholders.
    negative : str, optional
    width, height : int, optional
        Pixels.
    seed, steps : int, optional
    guidance : float, optional
    scheduler : str, optional
        A diffusers class.
    group : str
        What the recipe calls it together with others.
    """

    text: str
    negative: str | None = None
    width: int | None = None
    height: int | None = None
    seed: int | None = None
    guidance: float | None = None
    steps: int | None = None
    scheduler: str | None = None
    group: str = ""

    def settings(self) -> dict[str, Any]:
        """What it sets, by name."""
        values = {
            field.name: getattr(self, field.name) for field in fields(self) if field.name not in ("text", "group")
        }
        return {name: value for name, value in values.items() if value is not None}


def _within(low: float, high: float, convert: Callable[[str], Any], multiple: int = 1) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        value = convert(text)
        if not low <= value <= high or (value % multiple and multiple > 1):
            raise ValueError
        return value

    return read


def scheduler_of(text: str) -> str:
    """The diffusers class of a sampler, by its own name or kohya's, however that is spelled.

    Raises
    ------
    ValueError
        For one that is not known.

    Examples
    --------
    >>> scheduler_of("euler_a"), scheduler_of("Euler ancestral"), scheduler_of("k_lms"), scheduler_of("DDIMScheduler")
    ('EulerAncestralDiscreteScheduler', 'EulerAncestralDiscreteScheduler', 'LMSDiscreteScheduler', 'DDIMScheduler')
    """
    short = re.sub(r"[\s-]+", "_", text.strip().lower()).removeprefix("k_")
    short = re.sub(r"_ancestral$", "_a", short)
    classes = {name.lower(): name for name in SCHEDULERS}
    found = SAMPLERS.get(short) or classes.get(short)
    if found is None:
        raise ValueError(f"'{text}' is not known; there are {listed(SAMPLERS)}, and the classes {listed(SCHEDULERS)}.")
    return found


LIMITS: dict[str, tuple[int, int]] = {"size": (64, 4096), "steps": (1, 1000), "guidance": (0, 100)}
_SIZE = f"a multiple of 8 from {LIMITS['size'][0]} to {LIMITS['size'][1]:,}"
_OPTIONS: Mapping[str, tuple[str, Callable[[str], Any], str]] = {
    "n": ("negative", str, "a text"),
    "w": ("width", _within(*LIMITS["size"], int, 8), _SIZE),
    "h": ("height", _within(*LIMITS["size"], int, 8), _SIZE),
    "d": ("seed", _within(0, MOST_SEED, int), "a whole number, 0 or more"),
    "l": ("guidance", _within(*LIMITS["guidance"], float), "a number from 0 to 100"),
    "s": ("steps", _within(*LIMITS["steps"], int), "a whole number from 1 to 1,000"),
    "ss": ("scheduler", scheduler_of, f"one of {listed(SAMPLERS, 'or')}"),
}


def parse_prompt(line: str, group: str = "") -> PromptLine:
    """Read a prompt with its options.

    Parameters
    ----------
    line : str
        The prompt, then any of ``--n`` (negative prompt), ``--w``, ``--h`` (pixels), ``--d`` (seed), ``--l``
        (guidance), ``--s`` (steps), ``--ss`` (sampler).
    group : str
        The prompt's group.

    Raises
    ------
    ValueError
        With what is wrong in one sentence.

    Examples
    --------
    >>> parse_prompt("a photo of {token} --n blurry, dark --d 7 --w 640").settings()
    {'negative': 'blurry, dark', 'width': 640, 'seed': 7}
    >>> parse_prompt("a cat --w 100")
    Traceback (most recent call last):
    ValueError: '--w 100': it needs a multiple of 8 from 64 to 4,096.
    """
    text, *options = _OPTION.split(f" {line.strip()}")
    text = text.strip()
    if not text:
        raise ValueError("the prompt is empty.")
    if not is_plain(text) or not all(map(is_plain, (option.strip() for option in options))):
        raise ValueError("the prompt has a control character or a line break; write it on one line.")
    if len(line) > LONGEST:
        raise ValueError(f"the prompt has {counted(len(line), 'character')}; {LONGEST:,} are the most.")
    unknown = unknown_placeholders(text)
    found: dict[str, Any] = {}
    for option in options:
        name, _, value = option.strip().partition(" ")
        if name.lower() not in _OPTIONS:
            known = listed([f"--{each}" for each in _OPTIONS])
            raise ValueError(f"'--{name}' is not known; a prompt's options are {known}.")
        field, read, needs = _OPTIONS[name.lower()]
        if field in found:
            raise ValueError(f"'--{name}' stands there twice.")
        try:
            found[field] = read(value.strip())
        except (ValueError, OverflowError):
            raise ValueError(f"'--{option.strip()}': it needs {needs}.") from None
    unknown += unknown_placeholders(found.get("negative", ""))
    if unknown:
        known = listed([f"{{{each}}}" for each in PLACEHOLDERS])
        raise ValueError(f"'{{{unknown[0]}}}' is no placeholder; there are {known} ('{{{{' is a brace as such).")
    return PromptLine(text, group=group, **found)


def parse_prompts(text: str, group: str = "") -> tuple[list[PromptLine], list[tuple[int, str]]]:
    r"""Read a file of prompts, one a line; empty lines, and those that begin with ``#``, are passed over.

    Returns
    -------
    prompts : list of PromptLine
    problems : list of (int, str)
        Lines (from 1) that cannot be read, each with what is wrong.

    Examples
    --------
    >>> prompts, problems = parse_prompts("# mine\n\na cat\na dog --x 3")
    >>> [prompt.text for prompt in prompts], [line for line, _ in problems]
    (['a cat'], [4])
    """
    prompts, problems = [], []
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff")), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            prompts.append(parse_prompt(line, group))
        except ValueError as error:
            problems.append((number, str(error)))
    return prompts, problems


def placeholders(text: str) -> list[str]:
    """The names that stand in braces in a text, in order.

    Examples
    --------
    >>> placeholders("{token} {class}, {{plain}}")
    ['token', 'class']
    """
    return [found[1] for found in _PLACEHOLDER.finditer(text) if found[1] is not None]


def unknown_placeholders(text: str) -> list[str]:
    """Those of `placeholders` that a recipe cannot fill."""
    return [name for name in placeholders(text) if name not in PLACEHOLDERS]


def fill(text: str, values: Mapping[str, str]) -> str:
    """A prompt with its placeholders filled.

    Examples
    --------
    >>> fill("{token} {class}, {{as it is}}", {"token": "sks", "class": "person"})
    'sks person, {as it is}'
    """

    def filled(found: re.Match[str]) -> str:
        return found[0][0] if found[1] is None else values[found[1]]

    return _PLACEHOLDER.sub(filled, text)


def could_be(text: str, filled: str) -> bool:
    """Whether a prompt may have come of a text by filling its placeholders.

    Examples
    --------
    >>> could_be("{token} {class} by the sea", "sks person by the sea"), could_be("a {class}", "the cat")
    (True, False)
    """
    pattern, end = "", 0
    for found in _PLACEHOLDER.finditer(text):
        plain = re.escape(text[end : found.start()])
        pattern += plain + (re.escape(found[0][0]) if found[1] is None else "(?:.*?)")
        end = found.end()
    return re.fullmatch(pattern + re.escape(text[end:]), filled) is not None
