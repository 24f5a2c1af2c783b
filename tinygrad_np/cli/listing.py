"""``tinygrad-np train --list``: the networks that there are."""

import shutil
import textwrap
import time
from collections.abc import Iterator

import numpy as np

from .. import random
from ..data import Split
from ..models import MODELS, Model, count_parameters, standardization
from ..training.update import Update
from .runs import make_loss, make_prepare, prepare_data
from .settings import counted

_SECONDS = 0.3  # of steps timed, a network
_WIDTH, _INDENT = 120, 6  # characters: of a line where there is no terminal, and before what continues one
_NOTE = "The time of an epoch is measured now, on a few steps. 'stated on': what the accuracies in the README are from."


def table() -> str:
    """Describe each network, in lines that fit the terminal; the time of an epoch is measured, on a few steps."""
    lines = [*(line for model in MODELS.values() for line in _lines(model)), _NOTE]
    width = max(40, shutil.get_terminal_size(fallback=(_WIDTH, 0)).columns)
    wrapper = textwrap.TextWrapper(width, subsequent_indent=" " * _INDENT, break_on_hyphens=False)
    return "\n".join(map(wrapper.fill, lines))


def milliseconds(model: Model, seconds: float) -> float:
    """Measure what a training step takes for one image: loss, gradients and update, the median of several.

    The images are random: what they show makes no difference to the time.
    """
    recipe, (params_key, images_key) = model.recipe, random.split(random.key(0))
    size = recipe.resize or model.image_shape[:2]
    shape = (recipe.batch_size, *size, model.image_shape[2])
    images = random.uniform(images_key, shape, recipe.dtype)
    batch = Split(images, np.arange(recipe.batch_size) % model.classes)
    optimizer, params = recipe.scheduled(recipe.learning_rate, recipe.batch_size), model.init(params_key)
    state = optimizer.init(params)
    loss_fn = make_loss(model, standardization(images, recipe.standardize))
    update = Update(loss_fn, optimizer, prepare=make_prepare(model), compiled=True)
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        update(params, state, batch, images_key)
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times)) / recipe.batch_size


def _lines(model: Model) -> Iterator[str]:
    recipe, params = model.recipe, model.init(random.key(0))
    images = " x ".join(str(n) for n in model.image_shape)
    modes = "; --as-published" if model.published else ""
    yield f"{model.name}: {model.about}{modes}"
    count = f"{count_parameters(params):,} parameters in {', '.join(params)}"
    yield f"    {count}; images {images}, {model.classes} classes"
    if recipe.data == "digits":
        shown = len(prepare_data(model, recipe.data).train.images)
        seconds = milliseconds(model, _SECONDS) * shown / 1e3
        epoch = f"{counted(recipe.epochs(shown), 'epoch')} of {shown:,} images, {seconds:.1f} s each"
    else:
        epoch = f"{milliseconds(model, _SECONDS):.2f} s for 1,000 images"
    yield f"    trained on {recipe.data}, {epoch}; stated on {' and '.join(recipe.full_data)}"
