"""Recipes to begin with: commented text, and whole studies to fill in."""

from pathlib import Path

from metrics.errors import InputError, parameter
from metrics.files import write_atomically
from metrics.text import listed
from study.generation.recipe import DEFAULT_BASE

_PERSON_PROMPTS = (
    # distance, setting, clothing and expression all change from one to the next
    "close-up portrait photo of {token} {class} in a studio, grey backdrop, white shirt, neutral expression",
    "close-up photo of {token} {class} laughing, outdoors in soft evening light, denim jacket",
    "close-up photo of {token} {class} in the rain at night, hood of a yellow raincoat, serious expression",
    "portrait photo of {token} {class} in a library, round glasses, dark green sweater, slight smile",
    "portrait photo of {token} {class} in profile at a window, morning light, linen shirt, thoughtful expression",
    "head and shoulders photo of {token} {class} in a suit and tie, office, confident smile",
    "head and shoulders photo of {token} {class} in a snowy forest, wool hat and scarf, red cheeks, smiling",
    "half-length photo of {token} {class} in a kitchen, striped apron, surprised expression",
    "half-length photo of {token} {class} at a cafe table, black turtleneck, looking down at a book",
    "half-length photo of {token} {class} on stage with a microphone, leather jacket, singing, coloured lights",
    "three-quarter photo of {token} {class} walking in a crowded street, long beige coat, looking at the camera",
    "three-quarter photo of {token} {class} in a garden, summer clothes and straw hat, laughing",
    "full-length photo of {token} {class} on a beach at sunset, barefoot, rolled-up trousers, relaxed",
    "full-length photo of {token} {class} hiking on a mountain ridge, backpack and boots, tired smile",
    "full-length photo of {token} {class} riding a bicycle in a city, sports clothes and helmet, concentrated",
    "wide photo of {token} {class} far away in an empty hall of a museum, formal clothes, standing still",
)
_TOKENS = {"sks": 5, "ohwx": 8, "zwx": 10, "xjy": 12, "qpr": 15, "vkb": 20, "tzn": 25, "wfd": 30}  # and photos
_PEOPLE, _STEPS, _CHECKPOINTS = len(_TOKENS), 300, 8

_HEAD = """\
# What humangrade generate draws: the same prompts and seeds for every checkpoint, and for the base model as step 0.
# Paths are relative to this file. All keys but prompts, seeds and checkpoints may be left out.

# The model that LoRAs are applied to: a repository of the Hugging Face hub, a diffusers folder, or one .safetensors
# file. A file needs 'config' too: a diffusers folder of the same kind of model.
base: {base}
revision: ""        # of the hub: a commit or branch; "" is its default
# config: models/sd15

"""

_WORDS = """\
# What {{subject}}, {{token}} and {{class}} stand for in prompts; a checkpoint's entry may say otherwise for itself.
subject: {subject}       # whom or what it shows, as the folder of reference photos is called
token: {token}          # the rare word that it was trained with
class: {noun}       # the word for its kind

"""

_SETTINGS = """\
negative: ""
steps: 30           # of sampling
guidance: 7.5
width: 512          # pixels, multiples of 8
height: 512
scheduler: ""       # ddim, euler, euler_a and so on, or a diffusers class; "" is the model's own
clip_skip: 0        # layers of the text encoder that are left out at its end
dtype: float32      # or float16, bfloat16, which take half the memory
batch_size: 1       # images at once
"""

_CHECKPOINT_COMMENT = """\
# LoRA files, LoRA folders, whole fine-tuned models, folders of a training run (kohya's sd-scripts, ai-toolkit,
# OneTrainer, SimpleTuner, diffusers), and globs of these. Steps, epochs and numbers of training images are read from
# names and headers. An entry may be a path alone, or say what files do not: model (the run's name), name, step, epoch,
# training_images, scale (a LoRA's strength), alpha, subject, token, class; and what to leave out: exclude, with globs.
"""


def recipe_text(preset: str | None = None) -> str:
    """A commented recipe; only the paths of its checkpoints are to be filled in.

    Parameters
    ----------
    preset : {"person-likeness"}, optional
        A whole study; None for a plain recipe of one run.

    Raises
    ------
    InputError
        For a preset that there is not.

    Examples
    --------
    >>> print(recipe_text().splitlines()[0])
    # What humangrade generate draws: the same prompts and seeds for every checkpoint, and for the base model as step 0.
    """
    if preset is None:
        return _plain()
    if preset not in PRESETS:
        raise InputError(f"{parameter('preset')} is {preset}; there is {listed(PRESETS)}.")
    return PRESETS[preset]()


def write_recipe(path: Path, preset: str | None = None) -> None:
    """Write a commented recipe.

    Raises
    ------
    InputError
        Where the file is there already, for it may hold work, and for a preset that there is not.
    """
    text = recipe_text(preset)
    if path.exists() or path.is_symlink():
        raise InputError(f"{path} is there already; name another file, or remove it first.")
    write_atomically(path, text)


def _plain() -> str:
    return (
        _HEAD.format(base=DEFAULT_BASE)
        + _WORDS.format(subject="anna", token="sks", noun="person")
        + """\
# Each a line as kohya's sample prompts have it, with --n negative, --w width, --h height, --d seed, --l guidance,
# --s steps, --ss sampler where it differs; 'text' with a 'group'; or 'file', a text file with one prompt a line.
# One that begins with a placeholder, or has ': ' in it, stands in quotes.
prompts:
  - portrait photo of {token} {class} in a library, slight smile
  - full-length photo of {token} {class} on a beach at sunset --w 512 --h 768
  - text: photo of {token} {class} in a suit and tie, office
    group: formal
  # - file: prompts.txt

# One image of each prompt for each seed: a list, a range such as 1-4, or {count: 4, first: 1}. A prompt with --d has
# its own seed only.
seeds: 1-4

"""
        + _SETTINGS
        + """
# Which images people are to rate: all, none, or a number of each checkpoint. They are dealt over prompts and groups
# by the seed, and are the same prompts and seeds of every checkpoint. Metrics score all.
rate: 8 per checkpoint
rate_seed: 0

"""
        + _CHECKPOINT_COMMENT
        + """\
checkpoints:
  - path: runs/anna
  # - path: runs/anna-*.safetensors
  #   model: anna
  #   scale: 0.8
  #   exclude: ["*-broken*"]
"""
    )


def _person_likeness() -> str:
    each = len(_PERSON_PROMPTS)
    of_model = each * _CHECKPOINTS
    prompts = "".join(f"  - {prompt}\n" for prompt in _PERSON_PROMPTS)
    people = "".join(
        f"  - path: runs/person-{number}\n"
        f"    model: person-{number}\n"
        f"    subject: person-{number}\n"
        f"    token: {token}\n"
        "    class: person\n"
        f"    # training_images: {images}\n"
        for number, (token, images) in enumerate(_TOKENS.items(), 1)
    )
    last = _STEPS * _CHECKPOINTS
    return (
        f"# How alike do fine-tuned models draw a person, and how well? {_PEOPLE} people, one fine-tuned model each,\n"
        f"# trained on different numbers of photos, with a checkpoint every {_STEPS} steps. With {_CHECKPOINTS} "
        f"checkpoints each, {_STEPS} to {last:,},\n"
        f"# that is {of_model} images of each model ({each} prompts at {_CHECKPOINTS} checkpoints), "
        f"{of_model * _PEOPLE:,} in all, and {each * _PEOPLE} of the base model.\n"
        "# Half of each model's images are rated for similarity and half for aesthetics where the study is made so:\n"
        "#   humangrade init STUDY --images FOLDER --references PHOTOS --split\n"
        "# PHOTOS has a folder of reference photos for each subject below, which are none of the training images.\n\n"
        + _HEAD.format(base=DEFAULT_BASE)
        + "# The same prompts for all, varied in setting, clothing, distance and expression. Each checkpoint's entry\n"
        "# says what {token} and {class} stand for.\nprompts:\n"
        + prompts
        + "\n# One image of each prompt; more seeds make more images of every checkpoint.\nseeds: [1]\n\n"
        + _SETTINGS
        + "\n# All are rated; with more seeds, '16 per checkpoint' keeps the raters' work as it is.\nrate: all\n"
        "rate_seed: 0\n\n"
        + _CHECKPOINT_COMMENT
        + "# Fill in paths and tokens. People differ in their number of training images: kohya's files say it,\n"
        "# for others write training_images.\ncheckpoints:\n" + people
    )


PRESETS = {"person-likeness": _person_likeness}
"""Whole studies, by name."""
