"""The graphs of an exported module: traced with torch, put together as one ONNX model, compared with torch."""

from __future__ import annotations

import json
import logging
import os
import re
import traceback
import warnings
from typing import Any, Callable, Dict, List, Mapping, Optional, Set, Tuple

import numpy as np
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from ._buffers import Buffers
from ._errors import ScriptError
from ._onnx_merge import Part, merge

LossFunction = Callable[[Any, Any], Any]
Tensors = Dict[str, torch.Tensor]

MAX_BATCH = 1 << 20
RANDOM = re.compile(r"aten\.(rand|bernoulli|.*dropout|normal|uniform|multinomial|exponential|geometric|cauchy|poisson)")


class Programs:
    """What a file holds: a program for each task, ``sum`` and ``validation``.

    Every program takes the fields, parameters and learning buffers by name; which of them it needs shows in its graph.
    """

    def __init__(
        self,
        model: nn.Module,
        losses: Mapping[str, LossFunction],
        metrics: Mapping[str, LossFunction],
        example: Tensors,
        eval_gradients: bool = False,
    ) -> None:
        self._model = model.cpu()
        self._losses = dict(losses)
        self._metrics = dict(metrics)
        self._example = example
        self._eval_gradients = eval_gradients
        self._parameters: Tensors = {
            name: parameter.detach().clone() for name, parameter in model.named_parameters() if parameter.requires_grad
        }
        if not self._parameters:
            raise ScriptError("the model has no parameter that requires a gradient, so there is nothing to train")
        for name, parameter in self._parameters.items():
            if parameter.dtype != torch.float32:
                raise ScriptError(f"parameter {name} is {parameter.dtype}; give float32, which is what travels")
        for name in self._losses:
            if name in ("sum", "validation") or "/" in name:
                raise ScriptError(f"a task cannot be called {name} in a file; call it otherwise")
        #: For each task the buffers that learn from its batches.
        self._learns: Dict[str, Set[str]] = {}
        self._buffers = self._learning_buffers()
        self._reached = {task: self._reach(task) for task in self._losses}
        self._warn_of_unreached()
        self._places: Dict[str, str] = {}

    # --- what there is ---------------------------------------------------------------------------

    def _learning_buffers(self) -> Tensors:
        """Buffers that a pass in training mode changes; the others are constants."""
        buffers = Buffers(torch, self._model)
        self._model.train()
        with torch.no_grad():
            for task, loss in self._losses.items():
                buffers.begin({})
                loss(self._model, self._example)
                self._learns[task] = buffers.learned()
        buffers.begin({})
        names = sorted(set().union(*self._learns.values()))
        return {name: buffers.initial(name) for name in sorted(names, key=self._learners)}

    def _learners(self, buffer: str) -> List[str]:
        return [task for task, learns in self._learns.items() if buffer in learns]

    def _reach(self, task: str) -> List[str]:
        values = {name: value.clone().requires_grad_(True) for name, value in self._parameters.items()}
        loss = self._loss(task, values, self._example)
        gradients = torch.autograd.grad(loss, list(values.values()), allow_unused=True)
        return [name for name, gradient in zip(values, gradients) if gradient is not None]

    def _warn_of_unreached(self) -> None:
        unreached = [name for name in self._parameters if not any(name in some for some in self._reached.values())]
        if unreached:
            warnings.warn(f"no loss reaches {', '.join(unreached)}: gradients there are always zero", stacklevel=4)

    def owner(self, parameter: str) -> Optional[str]:
        """The task that alone reaches a parameter; None for shared ones."""
        tasks = [task for task, reached in self._reached.items() if parameter in reached]
        return tasks[0] if len(tasks) == 1 else None

    def _loss(self, task: str, parameters: Tensors, batch: Tensors, buffers: Optional[Tensors] = None) -> torch.Tensor:
        loss = self._call(self._losses[task], parameters, batch, buffers)
        if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
            raise ScriptError(f"the loss of {task} is no scalar tensor; give one number, such as a mean")
        if not loss.requires_grad and torch.is_grad_enabled():
            raise ScriptError(f"the loss of {task} depends on no parameter")
        return loss.reshape(())

    def _call(self, function: LossFunction, parameters: Tensors, batch: Tensors, buffers: Optional[Tensors]) -> Any:
        own = {name: value.clone() for name, value in self._buffers.items()} if buffers is None else buffers
        swapped = {f"model.{name}": value for name, value in {**parameters, **own}.items()}
        # Counters and the like, which a pass changes in place, must not change the module itself.
        for name, buffer in self._model.named_buffers():
            swapped.setdefault(f"model.{name}", buffer.clone())
        answer = torch.func.functional_call(_Function(self._model, function), swapped, (batch,))
        # Buffers that the module has set anew, in place of changing them.
        own.update({name: swapped[f"model.{name}"] for name in own})
        return answer

    def _pass(self, task: str, values: Tensors, batch: Tensors, buffers: Tensors) -> Tuple[torch.Tensor, Tensors]:
        """A task's loss, and what its batch takes away from the buffers."""
        new = {name: value.clone() for name, value in buffers.items()}
        if not self._eval_gradients:
            self._model.train()
            loss = self._loss(task, values, batch, new)
        else:
            if self._learns[task]:
                self._model.train()
                with torch.no_grad():
                    self._call(self._losses[task], values, batch, new)
            self._model.eval()
            loss = self._loss(task, values, batch, {name: value.clone() for name, value in buffers.items()})
        return loss, {name: (buffers[name] - new[name]).detach() for name in buffers if name in self._learns[task]}

    # --- programs --------------------------------------------------------------------------------

    def _task(self, task: str) -> "Program":
        def compute(batch: Tensors, parameters: Tensors, buffers: Tensors, _: Tensors) -> Tensors:
            values = {name: value.detach().requires_grad_(True) for name, value in parameters.items()}
            loss, taken = self._pass(task, values, batch, buffers)
            names = self._reached[task]
            gradients = torch.autograd.grad(loss, [values[name] for name in names])
            outputs = {f"{task}/loss": loss.detach()}
            outputs.update({f"{task}/gradient/{name}": gradient for name, gradient in zip(names, gradients)})
            outputs.update({f"{task}/taken/{name}": value for name, value in taken.items()})
            return outputs

        return Program(task, compute)

    def _sum(self) -> "Program":
        def compute(batch: Tensors, parameters: Tensors, buffers: Tensors, weights: Tensors) -> Tensors:
            values = {name: value.detach().requires_grad_(True) for name, value in parameters.items()}
            passes = [self._pass(task, values, batch, buffers) for task in self._losses]
            each = torch.stack([loss for loss, _ in passes])
            names = [name for name in self._parameters if any(name in some for some in self._reached.values())]
            gradients = torch.autograd.grad((each * weights["weights"]).sum(), [values[name] for name in names])
            outputs = {"sum/losses": each.detach()}
            outputs.update({f"sum/gradient/{name}": gradient for name, gradient in zip(names, gradients)})
            for name in buffers:
                parts = [taken[name] for _, taken in passes if name in taken]
                outputs[f"sum/taken/{name}"] = torch.stack(parts).mean(0)
            return outputs

        return Program("sum", compute)

    def _validation(self) -> "Program":
        def compute(batch: Tensors, parameters: Tensors, buffers: Tensors, _: Tensors) -> Tensors:
            self._model.eval()
            with torch.no_grad():
                own = {name: value.clone() for name, value in buffers.items()}
                each = torch.stack([self._loss(task, parameters, batch, own) for task in self._losses])
                outputs = {"validation/losses": each}
                for name, metric in self._metrics.items():
                    value = self._call(metric, parameters, batch, own)
                    if not isinstance(value, torch.Tensor) or value.numel() != 1:
                        raise ScriptError(f"metric {name} is no scalar tensor; give one number as a tensor")
                    outputs[f"validation/metric/{name}"] = value.to(torch.float32).reshape(())
                return outputs

        return Program("validation", compute)

    def merged(self, revision: int) -> Any:
        """All programs as one ONNX model."""
        programs = [self._task(task) for task in self._losses] + [self._sum(), self._validation()]
        parts = [self._part(program) for program in programs]
        initial = {f"parameter/{name}": value.numpy() for name, value in self._parameters.items()}
        initial.update({f"buffer/{name}": value.numpy() for name, value in self._buffers.items()})
        described = {
            "format": 1,
            "torch": torch.__version__,
            "tasks": list(self._losses),
            "metrics": list(self._metrics),
            "parameters": [
                {"name": name, "shape": list(value.shape), "task": self.owner(name)}
                for name, value in self._parameters.items()
            ],
            "buffers": [
                {"name": name, "shape": list(value.shape), "tasks": self._learners(name)}
                for name, value in self._buffers.items()
            ],
        }
        if self._buffers or self._eval_gradients:
            described.update(format=revision, eval_gradients=self._eval_gradients)
        return merge(parts, initial, json.dumps(described))

    def _inputs(self) -> Tensors:
        inputs = {f"field/{name}": value for name, value in self._example.items()}
        inputs.update({f"parameter/{name}": value for name, value in self._parameters.items()})
        inputs.update({f"buffer/{name}": value for name, value in self._buffers.items()})
        inputs["weights"] = torch.linspace(1, 2, len(self._losses))
        return inputs

    def _part(self, program: "Program") -> Part:
        inputs = self._inputs()
        self._places = {}
        try:
            self._watch(program, inputs)
            outputs, exported = self._traced(program, inputs)
            logging.getLogger("torch.onnx").setLevel(logging.ERROR)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                converted = torch.onnx.export(exported, dynamo=True, verbose=False, optimize=True)
            if converted is None:
                raise ScriptError(f"{program.name}: torch gave no ONNX form and no reason")
            return Part(program.name, converted.model_proto, list(inputs), outputs)
        except ScriptError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever torch throws is about the module
            raise ScriptError(f"{program.name} cannot be exported: {self._reason(error)}") from None

    def _watch(self, program: "Program", inputs: Tensors) -> None:
        """Computes the example once to see which operators the module's lines call."""
        watch = _Watch()
        with watch:
            program.compute(self._example, self._parameters, self._buffers, {"weights": inputs["weights"]})
        self._places = watch.places
        for operator, place in self._places.items():
            if RANDOM.match(operator):
                raise ScriptError(
                    f"{program.name} draws random numbers ({operator}{place}), and a run must be repeatable;"
                    " take dropout and noise out, or make them a field of the data"
                )

    def _traced(self, program: "Program", inputs: Tensors) -> Tuple[List[str], Any]:
        from torch._subclasses.fake_tensor import FakeTensorMode
        from torch.fx.experimental.proxy_tensor import make_fx
        from torch.fx.experimental.symbolic_shapes import DimDynamic, ShapeEnv, StatelessSymbolicContext
        from torch.nn.attention import SDPBackend, sdpa_kernel

        from ._onnx_decompositions import decompositions

        names: List[str] = []

        def flat(*tensors: torch.Tensor) -> List[torch.Tensor]:
            kinds: Dict[str, Tensors] = {"field": {}, "parameter": {}, "buffer": {}, "weights": {}}
            for name, tensor in zip(inputs, tensors):
                kind, _, rest = name.partition("/")
                kinds[kind][rest or kind] = tensor
            outputs = program.compute(kinds["field"], kinds["parameter"], kinds["buffer"], kinds["weights"])
            names[:] = list(outputs)
            return list(outputs.values())

        # The number of samples alone is a symbol. Sizes of parameters that happen to be equal to it are not.
        mode = FakeTensorMode(shape_env=ShapeEnv(), allow_non_fake_inputs=True)
        fakes = []
        for name, tensor in inputs.items():
            sizes = [
                DimDynamic.DYNAMIC if name.startswith("field/") and dimension == 0 else DimDynamic.STATIC
                for dimension in range(tensor.dim())
            ]
            fakes.append(mode.from_tensor(tensor, symbolic_context=StatelessSymbolicContext(dynamic_sizes=sizes)))
        with mode, sdpa_kernel(SDPBackend.MATH):
            graph = make_fx(
                flat, decomposition_table=decompositions(), tracing_mode="real"
            )(*fakes)
        class Whole(nn.Module):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__()
                self.graph_module = graph

            def forward(self, *tensors: torch.Tensor) -> Any:
                return self.graph_module(*tensors)

        batch = torch.export.Dim("batch", min=2, max=MAX_BATCH)
        shapes = tuple({0: batch} if name.startswith("field/") else None for name in inputs)
        exported = torch.export.export(
            Whole(), tuple(inputs.values()), dynamic_shapes=(shapes,), strict=False
        )
        return names, exported

    def _reason(self, error: BaseException) -> str:
        """One line: the operator and the line of the module, as far as torch says them."""
        chain: List[BaseException] = []
        at: Optional[BaseException] = error
        while at is not None and at not in chain:
            chain.append(at)
            at = at.__cause__ or at.__context__
        text = " ".join(str(one) for one in chain)
        missing = re.search(r"No ONNX function found for <OpOverload\(op='((?:aten|prims)\.\w+)'", text)
        if missing:
            return f"operator {self._called(missing.group(1))}"
        for one in reversed(chain):
            for frame in reversed(traceback.extract_tb(one.__traceback__)):
                if not _is_library(frame.filename):
                    first = (str(one).strip().splitlines() or [type(one).__name__])[0]
                    if "data-dependent" in first:
                        first = "control flow or a shape depends on values"
                    return f"{first} (at {os.path.basename(frame.filename)}:{frame.lineno}: {frame.line})"
        return (str(error).strip().splitlines() or [type(error).__name__])[0]

    def _called(self, operator: str) -> str:
        """What the module called that led to an operator, and in which line: itself, or what it is a part of."""
        name = operator.split(".")[1].replace("_backward", "")
        for called, place in self._places.items():
            if called.split(".")[1].endswith(name):
                part = "" if called.startswith(operator) else f" ({operator})"
                return f"{called.rsplit('.', 1)[0]}{part} has no ONNX form{place}"
        return f"{operator} has no ONNX form"

    # --- against torch ---------------------------------------------------------------------------

    def compare(self, content: bytes, tolerance: float) -> None:
        """Requires that the file gives torch's losses and gradients on the example, and on one sample more."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        for fields in (self._example, {name: torch.cat([t, t[:1]]) for name, t in self._example.items()}):
            inputs = {**self._inputs(), **{f"field/{name}": value for name, value in fields.items()}}
            wanted = {one.name for one in session.get_inputs()}
            names = [one.name for one in session.get_outputs()]
            answers = session.run(names, {n: v.numpy() for n, v in inputs.items() if n in wanted})
            found = dict(zip(names, answers))
            for program in [self._task(task) for task in self._losses] + [self._sum(), self._validation()]:
                expected = program.compute(fields, self._parameters, self._buffers, {"weights": inputs["weights"]})
                _require_near(program.name, expected, found, tolerance)


class Program:
    """A part of the file.

    :param compute: (fields, parameters, buffers, weights) -> outputs by name
    """

    def __init__(
        self, name: str, compute: Callable[[Tensors, Tensors, Tensors, Tensors], Tensors]
    ) -> None:
        self.name = name
        self.compute = compute


class _Function(nn.Module):  # type: ignore[misc]
    """A function of a module as a module, so that parameters can be swapped while it runs."""

    def __init__(self, model: nn.Module, function: LossFunction) -> None:
        super().__init__()
        self.model = model
        self._function = function

    def forward(self, batch: Any) -> Any:
        return self._function(self.model, batch)


def _require_near(program: str, expected: Tensors, found: Mapping[str, Any], tolerance: float) -> None:
    gradients = [value for name, value in expected.items() if "/gradient/" in name]
    norm = float(torch.cat([value.flatten() for value in gradients]).norm()) if gradients else 1.0
    for name, value in expected.items():
        reference = value.detach().numpy()
        answer = np.asarray(found[name])
        scale = norm if "/gradient/" in name else max(1.0, float(np.abs(reference).max(initial=0)))
        if answer.shape != reference.shape or not np.all(np.abs(answer - reference) <= tolerance * max(scale, 1e-12)):
            distance = (
                "another shape" if answer.shape != reference.shape else f"{np.abs(answer - reference).max():.3g} away"
            )
            raise ScriptError(
                f"{name} differs from torch's ({distance}, at a norm of {scale:.3g}; tolerance={tolerance:g});"
                " an operator means something else in ONNX"
            )


class _Watch(TorchDispatchMode):  # type: ignore[misc]
    """Remembers the module's line that first called each operator."""

    def __init__(self) -> None:
        super().__init__()
        self.places: Dict[str, str] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.places.setdefault(str(func), _line())
        return func(*args, **(kwargs or {}))


def _line() -> str:
    for frame in reversed(traceback.extract_stack()):
        if not _is_library(frame.filename):
            return f", at {os.path.basename(frame.filename)}:{frame.lineno}: {frame.line}"
    return ""


def _is_library(file: str) -> bool:
    return os.sep + "torch" + os.sep in file or os.path.dirname(file) == os.path.dirname(__file__)
