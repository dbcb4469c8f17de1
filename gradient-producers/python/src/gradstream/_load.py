"""Weights that a run left behind, as a torch module."""

from __future__ import annotations

import json
import os
import warnings
from typing import TYPE_CHECKING

from ._errors import ScriptError

if TYPE_CHECKING:
    import torch

_MAX_HEADER = 100_000_000


def load(path: str | os.PathLike[str], model: torch.nn.Module | None = None) -> torch.nn.Module:
    """Reads a safetensors file that ``gradstream export`` or ``train`` wrote.

    Args:
        path: the file.
        model: the module that the run trained, to be given the file's weights. Left out for model type ``mae``, which
            Gradstream has itself: it is built from what the file says of it.

    Returns:
        ``model``, or a ``torch.nn.Module`` that answers as the run's workers do. Its parameters have the run's names.

    Raises:
        ScriptError: where the file cannot be read, is none, has no such model, or other tensors than ``model``.

    A run trains no frozen parameters and no constants, and its files have none: ``model`` keeps its own, and a warning
    names them. Of tied parameters the file has one.
    """
    metadata, tensors = _read(path)
    if model is None:
        kind = metadata.get("model_type", "")
        if kind != "mae":
            raise ScriptError(
                f"{path} holds the weights of a model of type {kind or 'unknown'}, whose network is yours: "
                f"gradstream.load({os.fspath(path)!r}, model=Net())"
            )
        from ._mae import MaskedAutoencoder

        model = MaskedAutoencoder(json.loads(metadata["model"]))
    try:
        odd = model.load_state_dict(tensors, strict=False)
    except RuntimeError as e:
        raise ScriptError(f"{path} does not fit the model: {e}") from None
    missing, own = _split(model, odd.missing_keys, tensors)
    if missing or odd.unexpected_keys:
        raise ScriptError(
            f"{path} does not fit the model: it has not {missing or 'nothing'}, the model has not {odd.unexpected_keys or 'nothing'}"
        )
    if own:
        warnings.warn(
            f"{path} holds what was trained; frozen parameters and constants are the module's own: {', '.join(own)}",
            stacklevel=2,
        )
    return model


def _split(model: torch.nn.Module, names: list[str], tensors: dict[str, torch.Tensor]) -> tuple[list[str], list[str]]:
    """Of names that a file lacks, those that it should have, and those that were never trained; tied ones are neither."""
    parameters = {
        f"{prefix}.{name}" if prefix else name: parameter
        for prefix, module in model.named_modules(remove_duplicate=False)
        for name, parameter in module.named_parameters(recurse=False)
    }
    filled = {id(parameter) for name, parameter in parameters.items() if name in tensors}
    lacking = [name for name in names if name not in parameters or id(parameters[name]) not in filled]
    own = [name for name in lacking if name not in parameters or not parameters[name].requires_grad]
    return [name for name in lacking if name not in own], own


def _read(path: str | os.PathLike[str]) -> tuple[dict[str, str], dict[str, torch.Tensor]]:
    import torch

    types = {"F32": torch.float32, "BF16": torch.bfloat16}
    try:
        file = open(path, "rb")  # noqa: SIM115 - closed below
    except OSError as e:
        raise ScriptError(f"{path}: {e.strerror}") from None
    with file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(_MAX_HEADER, size - 8):
            raise ScriptError(f"{path} is no safetensors file")
        try:
            header = json.loads(file.read(length))
            metadata = header.pop("__metadata__", {})
        except (ValueError, AttributeError):
            raise ScriptError(f"{path} is no safetensors file") from None
        data = bytearray(file.read())
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] not in types:
            raise ScriptError(f"{path}: {name} has type {entry['dtype']}; runs have F32 and BF16")
        begin, end = entry["data_offsets"]
        values = torch.frombuffer(data[begin:end], dtype=types[entry["dtype"]]) if end > begin else torch.empty(0)
        tensors[name] = values.reshape(entry["shape"]).to(torch.float32)
    return metadata, tensors
