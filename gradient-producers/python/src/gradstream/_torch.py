"""A torch.nn.Module whose weights and gradients lie in the worker's memory."""

from __future__ import annotations

import os
import sys
from typing import Any, Callable, Dict, List, Mapping, Sequence, Set, Tuple

import numpy as np
import numpy.typing as npt

from ._buffers import Buffers
from ._errors import ScriptError

Array = npt.NDArray[np.float32]
LossFunction = Callable[[Any, Any], Any]


def is_module(model: Any) -> bool:
    """Whether this is a torch module; without importing torch where the script did not."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


class TorchModel:
    """``model=`` of :func:`gradstream.worker`.

    On the CPU the parameters' ``data`` and ``grad`` are views of the worker's memory: weights that arrive are the
    module's at once, and a backward pass adds up where the gradient is read. On another device there is one flat vector
    of each, and one copy each way.
    """

    def __init__(self, module: Any, losses: Mapping[str, LossFunction], device: str) -> None:
        import torch

        self._torch = torch
        self._losses = losses
        self._device = torch.device(device)
        if self._device.type != "cpu" and not _is_there(torch, self._device):
            seen = torch.cuda.device_count() if torch.cuda.is_available() else 0
            raise ScriptError(
                f"device {device}: torch {torch.__version__} sees {seen} CUDA devices here; cpu always works"
            )
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
        self._module = module.to(self._device)
        self._parameters: Dict[str, Any] = {
            name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad
        }
        if not self._parameters:
            raise ScriptError("the model has no parameter that requires a gradient, so there is nothing to train")
        for name, parameter in self._parameters.items():
            if parameter.dtype != torch.float32:
                raise ScriptError(f"parameter {name} is {parameter.dtype}; give float32, which is what travels")
        self._initial = {
            name: parameter.detach().cpu().numpy().copy() for name, parameter in self._parameters.items()
        }
        self._buffers = Buffers(torch, self._module)
        #: For each task the buffers that learn from its batches.
        self._learns: Dict[str, Set[str]] = {}
        self._eval_gradients = False
        self._weights: Dict[str, Array] = {}
        self._gradients: Dict[str, Array] = {}
        self._data: Dict[str, Any] = {}
        self._grad: Dict[str, Any] = {}

    def framework(self) -> str:
        """Name and version of what computes."""
        return f"torch {self._torch.__version__}"

    def device(self) -> str:
        return str(self._device)

    def set_threads(self, threads: int) -> None:
        """How many threads one operation may use: the bits of sums depend on it."""
        self._torch.set_num_threads(threads)

    def use_eval_gradients(self) -> None:
        """Has gradients taken in evaluation mode; buffers learn all the same, by a pass of their own."""
        self._eval_gradients = True

    def buffers(self) -> List[Tuple[str, Tuple[int, ...]]]:
        """Names and shapes of those that learn from batches, as far as :meth:`reached` has seen them."""
        names = sorted(set().union(*self._learns.values())) if self._learns else []
        return [(name, self._buffers.shape(name)) for name in names]

    def parameters(self) -> List[Tuple[str, Tuple[int, ...]]]:
        """Names and shapes; tied parameters are named once."""
        return [(name, tuple(parameter.shape)) for name, parameter in self._parameters.items()]

    def bind(self, weights: Mapping[str, Array], gradients: Mapping[str, Array]) -> None:
        """Moves the model onto memory: weights are read from there, and gradients go there."""
        torch = self._torch
        self._weights = dict(weights)
        self._gradients = dict(gradients)
        for name, parameter in self._parameters.items():
            data, grad = torch.from_numpy(weights[name]), torch.from_numpy(gradients[name])
            if self._device.type != "cpu":
                data, grad = torch.empty_like(data, device=self._device), torch.zeros_like(grad, device=self._device)
            self._data[name], self._grad[name] = data, grad
            parameter.data = data
            parameter.grad = grad

    def initialize(self) -> None:
        """Fills the bound weights with those that the script made the module with."""
        for name, value in self._initial.items():
            self._weights[name][...] = value
        for name, _ in self.buffers():
            self._weights[name][...] = self._buffers.initial(name).cpu().numpy()

    def batch(self, batch: Any) -> Any:
        """A batch as the loss functions get it: arrays as tensors, on the device."""
        torch = self._torch
        if isinstance(batch, np.ndarray):
            return torch.from_numpy(batch).to(self._device)
        if isinstance(batch, torch.Tensor):
            return batch.to(self._device)
        if isinstance(batch, Mapping):
            return {key: self.batch(value) for key, value in batch.items()}
        if isinstance(batch, (list, tuple)):
            return type(batch)(*map(self.batch, batch)) if hasattr(batch, "_fields") else type(batch)(map(self.batch, batch))
        return batch

    def reached(self, task: str, batch: Any) -> Tuple[Set[str], Set[str]]:
        """The parameters that a task's loss depends on, the ones that the graph of its loss holds; and the buffers that
        learn from its batches."""
        self._buffers.begin({})
        self._module.train()
        with self._torch.set_grad_enabled(not self._eval_gradients):
            loss = self._loss(task, batch)
        self._learns[task] = self._buffers.learned()
        self._buffers.begin({})
        if self._eval_gradients:
            self._module.eval()
            loss = self._loss(task, batch)
        gradients = self._torch.autograd.grad(loss, list(self._parameters.values()), allow_unused=True)
        reached = {name for name, gradient in zip(self._parameters, gradients) if gradient is not None}
        return reached, self._learns[task]

    def gradient(self, task: str, forbidden: Set[str], batch: Any) -> float:
        """Computes a task's gradient into the bound memory, which the caller has cleared.

        :param forbidden: parameters that are other tasks' own; the loss must not reach them
        """
        self._load(forbidden)
        loss = self._pass(task, batch, lambda _: 1)
        loss.backward()
        for name in forbidden:
            if self._parameters[name].grad is not None:
                raise ScriptError(f"the loss of {task} reaches parameter {name}, which is another task's own")
            self._parameters[name].grad = self._grad[name]
        self._store(forbidden)
        return float(loss.detach())

    def summed(self, tasks: Sequence[str], weights: Sequence[float], batch: Any) -> List[float]:
        """Computes the gradient of the weighted sum into the bound memory, which the caller has cleared."""
        self._load(set())
        learners = [self._learns[task] for task in tasks]
        losses = [self._pass(task, batch, lambda name: sum(name in names for names in learners)) for task in tasks]
        total = losses[0] * weights[0]
        for loss, weight in zip(losses[1:], weights[1:]):
            total = total + loss * weight
        total.backward()
        self._store(set())
        return [float(loss.detach()) for loss in losses]

    def validate(
        self, tasks: Sequence[str], metrics: Mapping[str, LossFunction], batch: Any
    ) -> Tuple[List[float], Dict[str, float]]:
        """Losses and metrics of a held-out batch, in evaluation mode."""
        self._load(set())
        self._module.eval()
        self._buffers.begin(self._given())
        with self._torch.no_grad():
            losses = [float(self._losses[task](self._module, batch)) for task in tasks]
            return losses, {name: float(metric(self._module, batch)) for name, metric in metrics.items()}

    def _load(self, without_gradient: Set[str]) -> None:
        """Before a pass: the weights as the worker has them; no gradients."""
        for name, parameter in self._parameters.items():
            if parameter.data_ptr() != self._data[name].data_ptr():
                raise ScriptError(
                    f"parameter {name} was moved out of the worker's memory;"
                    " do not call .to(), .cuda() or load_state_dict(assign=True) once gradstream.worker has the model"
                )
            if self._device.type != "cpu":
                self._data[name].copy_(self._torch.from_numpy(self._weights[name]))
                self._grad[name].zero_()
            parameter.grad = None if name in without_gradient else self._grad[name]

    def _store(self, without_gradient: Set[str]) -> None:
        """After a backward pass: the gradients where the worker reads them."""
        for name, parameter in self._parameters.items():
            if name in without_gradient:
                continue
            if parameter.grad is None or parameter.grad.data_ptr() != self._grad[name].data_ptr():
                raise ScriptError(
                    f"the gradient of parameter {name} was moved out of the worker's memory;"
                    " a loss function must neither call backward(create_graph=True) nor zero_grad()"
                )
            if self._device.type != "cpu":
                self._gradients[name][...] = self._grad[name].cpu().numpy()

    def _given(self) -> Dict[str, Any]:
        """The buffers as the worker has them."""
        return {name: self._torch.from_numpy(self._weights[name]).to(self._device) for name, _ in self.buffers()}

    def _pass(self, task: str, batch: Any, learners: Callable[[str], int]) -> Any:
        """A task's loss. What its batch takes from the buffers goes to the bound gradient.

        :param learners: by how many a buffer's part is divided
        """
        given = self._given()
        self._module.train()
        self._buffers.begin(given)
        with self._torch.set_grad_enabled(not self._eval_gradients):
            loss = self._loss(task, batch) if not self._eval_gradients or self._learns[task] else None
        self._buffers.require_constant(set(given) - self._learns[task], task)
        for name in self._learns[task]:
            taken = self._weights[name] - self._buffers.now(name).detach().cpu().numpy()
            self._gradients[name] += taken / np.float32(learners(name))
        if self._eval_gradients:
            self._module.eval()
            self._buffers.begin(given)
            loss = self._loss(task, batch)
        return loss

    def _loss(self, task: str, batch: Any) -> Any:
        loss = self._losses[task](self._module, batch)
        if not isinstance(loss, self._torch.Tensor):
            raise ScriptError(f"the loss of {task} is a {type(loss).__name__}; it must be a tensor")
        if loss.numel() != 1:
            raise ScriptError(f"the loss of {task} has shape {tuple(loss.shape)}; it must be one number, such as a mean")
        if self._torch.is_grad_enabled() and not loss.requires_grad:
            raise ScriptError(f"the loss of {task} depends on no parameter")
        return loss.reshape(())


def _is_there(torch: Any, device: Any) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_available()) and (device.index or 0) < torch.cuda.device_count()
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError):
        return False
    return True
