"""A model of any framework: named numpy arrays and a function that computes gradients."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple

import numpy as np
import numpy.typing as npt

from ._errors import ScriptError

Array = npt.NDArray[np.float32]
GradientFunction = Callable[[str, Mapping[str, Array], Any], Tuple[float, Mapping[str, Any]]]
LossFunction = Callable[[Any, Any], Any]


class FunctionModel:
    """``parameters=`` and ``gradient=`` of :func:`gradstream.worker`.

    The parameters that the functions get are views of the worker's memory: nothing is copied on the way in, and each
    gradient is copied once on the way out.
    """

    def __init__(
        self,
        parameters: Mapping[str, Any],
        gradient: GradientFunction,
        losses: Mapping[str, LossFunction],
        framework: Optional[str],
    ) -> None:
        self._initial: Dict[str, Array] = {}
        for name, value in parameters.items():
            array = np.asarray(value)
            if array.dtype != np.float32:
                raise ScriptError(f"parameter {name} is {array.dtype}; give float32, which is what travels")
            self._initial[name] = np.array(array, copy=True)
        self._gradient = gradient
        self._losses = losses
        self._framework = framework or f"numpy {np.__version__}"
        self._weights: Dict[str, Array] = self._initial
        self._gradients: Dict[str, Array] = {}

    def framework(self) -> str:
        """Name and version of what computes."""
        return self._framework

    def device(self) -> str:
        return "cpu"

    def parameters(self) -> List[Tuple[str, Tuple[int, ...]]]:
        """Names and shapes."""
        return [(name, value.shape) for name, value in self._initial.items()]

    def bind(self, weights: Mapping[str, Array], gradients: Mapping[str, Array]) -> None:
        """Moves the model onto memory: weights are read from there, and gradients go there."""
        self._weights = dict(weights)
        self._gradients = dict(gradients)

    def initialize(self) -> None:
        """Fills the bound weights with those that the script began with."""
        for name, value in self._initial.items():
            self._weights[name][...] = value

    def batch(self, batch: Any) -> Any:
        return batch

    def use_eval_gradients(self) -> None:
        raise ScriptError(
            "model.eval-gradients needs model=, a torch.nn.Module: gradient= takes gradients as it likes"
        )

    def buffers(self) -> List[Tuple[str, Tuple[int, ...]]]:
        """What a model beside gradients would learn: nothing."""
        return []

    def reached(self, task: str, batch: Any) -> Tuple[Set[str], Set[str]]:
        """The parameters that a task's loss depends on, and no buffers."""
        return set(self._computed(task, batch)[1]), set()

    def gradient(self, task: str, forbidden: Set[str], batch: Any) -> float:
        """Computes a task's gradient into the bound memory, which the caller has cleared."""
        loss, gradients = self._computed(task, batch)
        for name, value in gradients.items():
            if name in forbidden:
                raise ScriptError(f"the loss of {task} reaches parameter {name}, which is another task's own")
            self._gradients[name][...] = value
        return loss

    def summed(self, tasks: Sequence[str], weights: Sequence[float], batch: Any) -> List[float]:
        """Computes the gradient of the weighted sum into the bound memory, which the caller has cleared."""
        losses = []
        for task, weight in zip(tasks, weights):
            loss, gradients = self._computed(task, batch)
            losses.append(loss)
            for name, value in gradients.items():
                self._gradients[name] += np.float32(weight) * np.asarray(value, dtype=np.float32)
        return losses

    def validate(
        self, tasks: Sequence[str], metrics: Mapping[str, LossFunction], batch: Any
    ) -> Tuple[List[float], Dict[str, float]]:
        """Losses and metrics of a held-out batch."""
        losses = []
        for task in tasks:
            if task in self._losses:
                losses.append(float(self._losses[task](self._weights, batch)))
            else:
                losses.append(self._computed(task, batch)[0])
        return losses, {name: float(metric(self._weights, batch)) for name, metric in metrics.items()}

    def _computed(self, task: str, batch: Any) -> Tuple[float, Mapping[str, Any]]:
        answer = self._gradient(task, self._weights, batch)
        if not (isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], Mapping)):
            raise ScriptError(f"gradient= must return (loss, {{name: gradient}}), not {type(answer).__name__}")
        loss, gradients = answer
        shapes = {name: value.shape for name, value in self._initial.items()}
        for name, value in gradients.items():
            if name not in shapes:
                raise ScriptError(f"gradient= returns {name}, which is no parameter; there are {', '.join(shapes)}")
            if np.shape(value) != shapes[name]:
                raise ScriptError(
                    f"gradient= returns {name} with shape {np.shape(value)}; the parameter has {shapes[name]}"
                )
        return float(loss), gradients
