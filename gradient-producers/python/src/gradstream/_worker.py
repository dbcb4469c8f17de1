"""What a script hands over."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import Any, Callable, List, Mapping, Optional, Union

from . import _standard_streams
from ._batches import Batches, Collate
from ._errors import ScriptError
from ._functions import FunctionModel, GradientFunction
from ._torch import TorchModel, is_module

Model = Union[TorchModel, FunctionModel]

#: Set by whoever starts the script: where to compute, such as cpu or cuda:0.
DEVICE_VARIABLE = "GRADSTREAM_DEVICE"


@dataclass(frozen=True)
class Script:
    """Everything that :func:`worker` was given."""

    model: Model
    losses: List[str]
    batches: Batches
    metrics: Mapping[str, Callable[[Any, Any], Any]]
    owners: Mapping[str, str]


def worker(
    *,
    model: Any = None,
    losses: Optional[Mapping[str, Callable[[Any, Any], Any]]] = None,
    data: Any = None,
    held_out: Any = None,
    collate: Optional[Collate] = None,
    batch: Optional[Callable[[int], Any]] = None,
    metrics: Optional[Mapping[str, Callable[[Any, Any], Any]]] = None,
    parameters: Optional[Mapping[str, Any]] = None,
    gradient: Optional[GradientFunction] = None,
    owners: Optional[Mapping[str, str]] = None,
    framework: Optional[str] = None,
) -> None:
    """Hands a model over and works until whoever started the script ends it. The last statement of a script.

    Losses, gradients and metrics must follow from model and batch alone. Random numbers may be drawn from the generators
    of torch, numpy and Python, which are seeded anew for each micro-batch.

    :param model: a ``torch.nn.Module`` in float32. Its initial weights are those it has now.
    :param losses: for each task a function ``f(model, batch)`` that returns a scalar tensor, the mean over the batch
    :param data: map-style training data (``len``, ``[index]``); the run's own permutation chooses the samples. Leave it out
        where the run spec has ``data:``; batches are then mappings of named tensors.
    :param held_out: the same for validation
    :param collate: makes a batch of a list of samples; default: torch's ``default_collate``, or ``numpy.stack``
    :param batch: ``f(index)`` makes micro-batch number ``index``, in place of ``data``; the same for the same index,
        wherever it runs
    :param metrics: for people: ``f(model, batch)`` that returns a number, the mean over the batch, for held-out data
    :param parameters: in place of ``model``, for any other framework: names and float32 arrays
    :param gradient: with ``parameters``: ``f(task, parameters, batch)`` that returns the loss and a mapping of gradients; a
        parameter that it leaves out is not reached by the task's loss. ``losses``, then ``f(parameters, batch)``, are
        asked for validation alone and may be left out.
    :param owners: for names of parameters, or beginnings of names, the task whose own they are, or ``shared``; default: a
        parameter that one task's loss alone reaches is that task's own
    :param framework: with ``parameters``: what computes, such as ``f"jax {jax.__version__}"``
    :raises ScriptError: if something is missing or of the wrong kind
    """
    streams = _standard_streams.taken()
    given = None
    if streams is None:
        from . import _standalone

        if _standalone.is_asked_for(sys.argv[1:]):
            given = _standalone.options(sys.argv[1:])
            os.environ[DEVICE_VARIABLE] = given.device or "cpu"
    try:
        script = Script(
            _model(model, losses, parameters, gradient, framework),
            list(losses or {}),
            Batches(data, held_out, collate, batch),
            dict(metrics or {}),
            dict(owners or {}),
        )
    except ScriptError as mistake:
        if streams is None:
            raise
        streams[1].write(json.dumps({"error": str(mistake)}).encode() + b"\n")
        streams[1].flush()
        sys.exit(1)
    if given is not None:
        try:
            _standalone.main(script, given)
        except ScriptError as mistake:
            print(f"gradstream: {mistake}", file=sys.stderr)
            sys.exit(2)
        return
    if streams is None:
        name = os.path.basename(sys.argv[0]) or "SCRIPT"
        print(
            f"{name} brings a model to Gradstream. Try it out with: gradstream check {name}\n"
            f"Train it with: gradstream train SPEC, where the spec has model: {{type: process, command: [python3, {name}]}}",
            file=sys.stderr,
        )
        return
    from ._child import Child

    Child(script, *streams).serve()


def _model(
    model: Any,
    losses: Optional[Mapping[str, Callable[[Any, Any], Any]]],
    parameters: Optional[Mapping[str, Any]],
    gradient: Optional[GradientFunction],
    framework: Optional[str],
) -> Model:
    if (model is None) == (parameters is None):
        raise ScriptError("give model=, a torch.nn.Module, or parameters= and gradient= for any other framework")
    if parameters is not None:
        if gradient is None:
            raise ScriptError("parameters= needs gradient=, the function that returns loss and gradients")
        if not parameters:
            raise ScriptError("parameters= is empty, so there is nothing to train")
        return FunctionModel(parameters, gradient, dict(losses or {}), framework)
    if not is_module(model):
        raise ScriptError(
            f"model= is a {type(model).__name__}, not a torch.nn.Module;"
            " give parameters= and gradient= for any other framework"
        )
    if not losses:
        raise ScriptError("losses= is empty; give a function for each task of the run")
    return TorchModel(model, dict(losses), os.environ.get(DEVICE_VARIABLE, "cpu"))
