"""Weights that travel to and from PyTorch, in safetensors files: names, layouts and the order of flattened inputs.

The package ``safetensors`` reads and writes them; it is an extra of this package.
"""

import importlib
import json
import math
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..core import tree
from ..ops.windows import Layout, check_layout
from .archive import CheckpointError, StrPath
from .files import write_whole

Tree = Any
Array = np.ndarray[Any, Any]
_NAMES = {"w": "weight", "b": "bias", "scale": "weight", "mean": "running_mean", "var": "running_var"}
_DTYPES = (
    "float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8", "bool",
    "complex64",
)  # fmt: skip
_COUNTER = "num_batches_tracked"  # of torch's batch normalisation, which works without; we have no such array


def save_safetensors(
    path: StrPath,
    params: Tree,
    *,
    names: Mapping[str, str] | None = None,
    flattened: Mapping[str, tuple[int, ...]] | None = None,
    keep: Collection[str] = (),
    layout: Layout = "channels_last",
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write parameters as PyTorch names and lays them out, whole or not at all.

    Parameters
    ----------
    path : path-like
        The file.
    params : tree of arrays
        Parameters, and statistics of `nn.batch_norm` if there are any. An array's name is its path joined by dots, with
        torch's word at the end: w becomes weight, b bias, scale weight, mean running_mean, var running_var; the others
        stay. So ``params["conv1"]["w"]`` is ``conv1.weight``.
    names : dict of str to str, optional
        What to put for the beginning of a name, up to a dot or to its end; the longest that fits counts, and "" drops
        it: ``{"conv1": "features.0"}`` makes ``features.0.weight``, and ``{"0": "", "1": ""}`` names the pair
        (params, state) without its positions.
    flattened : dict of str to tuple of int, optional
        For a dense layer behind a flattened image, the shape (*size, C) of that image in our layout, by the path of the
        layer: ``{"dense1": (5, 5, 16)}``. Torch flattens (C, *size), so the inputs are put in that order; left out, the
        weights would fit by their shape and be in the wrong places.
    keep : collection of str, optional
        Paths of layers whose w is to stay as it is, such as a table of `embedding` vectors.
    layout : {"channels_last", "channels_first"}
        The layout of our weights. A convolution's w (*kernel, in/groups, out) becomes (out, in/groups, *kernel), which
        is what it has in channels_first; a dense layer's w (in, out) becomes (out, in) either way.
    metadata : dict of str to str, optional
        Written to the file's header.

    Raises
    ------
    TypeError
        If a leaf is no array, of a dtype that the format does not have, or the metadata are not strings.
    ValueError
        If two arrays would have one name, or an option names a layer that is not there or does not fit.
    OSError
        If the file cannot be written; the old one stays.
    ModuleNotFoundError
        Without the package safetensors.
    """
    package = _package()
    tensors = {}
    for each in _plan("save_safetensors", params, names, flattened, keep, layout):
        if not isinstance(each.leaf, np.ndarray) or each.leaf.dtype.name not in _DTYPES:
            what = getattr(each.leaf, "dtype", type(each.leaf).__name__)
            raise TypeError(f"save_safetensors: {each.ours} is a {what}; expected an array of {', '.join(_DTYPES)}")
        native = each.leaf.dtype.newbyteorder("=")
        tensors[each.theirs] = np.array(each.to_torch(each.leaf), native, order="C")  # it is read by its address
    facts = None if metadata is None else dict(metadata)
    if facts and not all(isinstance(text, str) for pair in facts.items() for text in pair):
        raise TypeError(f"save_safetensors: metadata must be strings by strings, got {facts!r}")
    write_whole(path, package.save(tensors, facts))


def load_safetensors(
    path: StrPath,
    like: Tree = None,
    *,
    names: Mapping[str, str] | None = None,
    flattened: Mapping[str, tuple[int, ...]] | None = None,
    keep: Collection[str] = (),
    layout: Layout = "channels_last",
) -> Tree:
    """Read a safetensors file, such as PyTorch's ``safetensors.torch.save_file(model.state_dict(), path)`` writes.

    Parameters
    ----------
    path : path-like
        The file.
    like : tree of arrays, optional
        Parameters of the structure, shapes and dtypes wanted; their values do not matter. Without it, the arrays come
        in a dictionary by their names in the file, as they are there.
    names, flattened, keep, layout
        As for `save_safetensors`, which they undo.

    Returns
    -------
    tree of arrays
        Like `like`. Tensors called ``num_batches_tracked`` are passed over; all others must have a place in it.

    Raises
    ------
    CheckpointError
        If the file is damaged, or a tensor is missing, left over, or of another shape or dtype; names it.
    ValueError
        If two arrays would have one name, or an option names a layer that is not there or does not fit.
    OSError
        If it is not there or cannot be read.
    ModuleNotFoundError
        Without the package safetensors.
    """
    path = os.fspath(path)
    if like is None and (names or flattened or keep):
        raise ValueError("load_safetensors: names, flattened and keep need like=, the tree that they are about")
    found = _read(path)
    if like is None:
        return {name: array.copy() for name, array in found.items()}
    plan = _plan("load_safetensors", like, names, flattened, keep, layout)
    left = found.keys() - {each.theirs for each in plan}
    if odd := sorted(name for name in left if name.rpartition(".")[2] != _COUNTER):
        raise CheckpointError(path, f"has the unexpected tensor {odd[0]}")
    return tree.unflatten(tree.structure(like), [_fetched(path, found, each) for each in plan])


class _Entry(NamedTuple):
    """An array of ours, its name here and there, and what is between the two layouts."""

    ours: str
    theirs: str
    leaf: Any
    kind: str  # "dense", "conv" or "same"
    image: tuple[int, ...] | None

    def to_torch(self, array: Any) -> Any:
        if self.kind == "conv":
            return np.moveaxis(array, (-1, -2), (0, 1))
        if self.image is not None:
            array = np.moveaxis(array.reshape(*self.image, array.shape[1]), -2, 0).reshape(array.shape)
        return array.T if self.kind == "dense" else array

    def from_torch(self, array: Any) -> Any:
        if self.kind == "conv":
            return np.moveaxis(array, (0, 1), (-1, -2))
        array = array.T if self.kind == "dense" else array
        if self.image is None:
            return array
        *size, channels = self.image
        return np.moveaxis(array.reshape(channels, *size, array.shape[1]), 0, -2).reshape(array.shape)


def _fetched(path: str, found: dict[str, Array], each: _Entry) -> Array:
    if each.theirs not in found:
        raise CheckpointError(path, f"lacks tensor {each.theirs}, wanted for {each.ours}")
    array, expected = found[each.theirs], each.to_torch(each.leaf)
    if (array.shape, array.dtype) != (expected.shape, expected.dtype):
        got, wanted = f"{array.dtype} {array.shape}", f"{expected.dtype} {expected.shape}"
        raise CheckpointError(path, f"tensor {each.theirs} is {got}, expected {wanted} for {each.ours}")
    return np.array(each.from_torch(array), order="C")


def _plan(
    function: str, params: Tree, names: Any, flattened: Any, keep: Collection[str], layout: Layout
) -> list[_Entry]:
    first = check_layout(function, layout)
    if isinstance(keep, str):
        raise TypeError(f"{function}: keep={keep!r} must be a collection of paths, such as [{keep!r}]")
    names, images, kept, unkept = dict(names or {}), dict(flattened or {}), set(keep), set(keep)
    if first and images:
        raise ValueError(f"{function}: flattened= is for channels_last; in channels_first torch's order is ours")
    unused, plan = set(names), []
    for parts, leaf in _leaves(params, ()):
        *layers, last = parts or ("w",)
        layer, kind = ".".join(layers), "same"
        if last == "w" and layer not in kept:
            kind = {0: "same", 1: "same", 2: "dense"}.get(np.ndim(leaf), "same" if first else "conv")
        elif last == "w":
            unkept.discard(layer)
        image = images.pop(layer, None) if kind == "dense" else None
        if image is not None and (min(image, default=0) < 1 or math.prod(image) != leaf.shape[0]):
            raise ValueError(f"{function}: flattened={{{layer!r}: {image}}} does not fit the w of shape {leaf.shape}")
        name = ".".join([*layers, _NAMES.get(last, last)])
        fitting = [prefix for prefix in names if name == prefix or name.startswith(f"{prefix}.")]
        unused.difference_update(fitting)
        prefix = max(fitting, key=len, default="")
        theirs = (names[prefix] + name[len(prefix) :]).removeprefix(".") if fitting else name
        plan.append(_Entry(".".join(parts), theirs, leaf, kind, image))
    _check_plan(function, plan, {"names": unused, "flattened": set(images), "keep": unkept})
    return plan


def _check_plan(function: str, plan: list[_Entry], unused: dict[str, set[str]]) -> None:
    for option, left in unused.items():
        if left:
            raise ValueError(f"{function}: {option} names {min(left)!r}, which is no such layer or array here")
    seen: dict[str, str] = {}
    for each in plan:
        if each.theirs in seen:
            raise ValueError(
                f"{function}: {seen[each.theirs]} and {each.ours} would both be {each.theirs!r}; give names="
            )
        seen[each.theirs] = each.ours


def _leaves(node: Tree, parts: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    children = tree.children(node)
    if children is None:
        yield parts, node
    else:
        for name, child in children.items():
            yield from _leaves(child, (*parts, str(name)))


def _read(path: str) -> dict[str, Array]:
    package = _package()
    content = Path(path).read_bytes()
    try:
        length = int.from_bytes(content[:8], "little")
        json.loads(content[8 : 8 + length], object_pairs_hook=_unique)  # of equal names the package takes the last
        found: dict[str, Array] = package.load(content)
    except KeyError as error:
        raise CheckpointError(path, f"holds {error}, which NumPy does not have; save it as another dtype") from error
    except Exception as error:  # what the package, json and NumPy raise on foreign bytes
        raise CheckpointError(path, f"is damaged or no safetensors file ({error or type(error).__name__})") from error
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("two tensors have one name")
    return dict(pairs)


def _package() -> Any:
    try:
        return importlib.import_module("safetensors.numpy")
    except ModuleNotFoundError as error:
        message = 'this needs safetensors, which is not installed: pip install "tinygrad_np[safetensors]"'
        raise ModuleNotFoundError(message, name=error.name) from error
