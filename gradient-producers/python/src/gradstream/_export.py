"""Writes a module, its losses and their gradients into one ONNX file, which workers run without Python."""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Dict, Mapping, Optional

import numpy as np

from ._errors import ScriptError
from ._torch import is_module

LossFunction = Callable[[Any, Any], Any]

FORMAT = 2
"""The revision of how programs, names and metadata lie in the file; without buffers and evaluation mode it is 1."""


def export(
    path: "str | os.PathLike[str]",
    *,
    model: Any,
    losses: Mapping[str, LossFunction],
    example: Mapping[str, Any],
    metrics: Optional[Mapping[str, LossFunction]] = None,
    tolerance: float = 1e-5,
    eval_gradients: bool = False,
) -> None:
    """Writes a file for ``model: {type: onnx, file: ...}``.

    In it are a graph for each task (loss, gradients of the parameters that it reaches), one for the weighted sum of all
    losses, one for validation in evaluation mode, and the module's weights as those to begin with. Buffers that learn from
    batches, such as BatchNorm's running statistics, go in and out of the graphs. The number of samples in a batch stays free. Needs torch 2.15 or newer, onnx, onnxscript and onnxruntime.

    :param model: a ``torch.nn.Module`` with float32 parameters
    :param losses: for each task ``f(model, batch) -> scalar tensor``
    :param example: a batch: field names to tensors or arrays, float32 or int64, two samples or more
    :param metrics: what people want to see beside the losses, ``f(model, batch) -> number``
    :param tolerance: how far gradients may be from torch's, as a share of the whole gradient's norm
    :param eval_gradients: whether gradients are taken in evaluation mode, with the running statistics; these learn all the
        same. The run spec must say so, too (``model.eval-gradients``).
    :raises ScriptError: where something has no ONNX form, draws random numbers, or gives other gradients
    """
    from ._onnx_programs import Programs

    if not is_module(model):
        raise ScriptError(f"model= is a {type(model).__name__}; export takes a torch.nn.Module")
    if not losses:
        raise ScriptError("losses= is empty; give a function for each task")
    _require_packages()
    programs = Programs(model, losses, metrics or {}, _batch(example), eval_gradients)
    whole = programs.merged(FORMAT)
    content = whole.SerializeToString()
    programs.compare(content, tolerance)
    target = os.fspath(path)
    with open(target + ".part", "wb") as file:
        file.write(content)
    os.replace(target + ".part", target)


def _require_packages() -> None:
    missing = []
    for package in ("onnx", "onnxscript", "onnxruntime"):
        try:
            __import__(package)
        except ImportError:
            missing.append(package)
    if missing:
        raise ScriptError(f"export needs {' and '.join(missing)}: pip install {' '.join(missing)}")


def _batch(example: Mapping[str, Any]) -> Dict[str, Any]:
    import torch

    batch: Dict[str, Any] = {}
    for name, value in example.items():
        tensor = torch.from_numpy(value) if isinstance(value, np.ndarray) else value
        if not isinstance(tensor, torch.Tensor) or tensor.dtype not in (torch.float32, torch.int64):
            raise ScriptError(f"example: field {name} is no tensor of float32 or int64, which is what batches are made of")
        batch[name] = tensor.detach().cpu()
    sizes = {name: int(tensor.shape[0]) if tensor.dim() else 0 for name, tensor in batch.items()}
    if not sizes or len(set(sizes.values())) != 1 or min(sizes.values()) < 2:
        raise ScriptError(f"example: {sizes} samples; every field needs the same number, 2 or more, as its first dimension")
    return batch
