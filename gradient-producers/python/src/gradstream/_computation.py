"""What a script computes for a run, whoever asks for it."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

import numpy as np
import numpy.typing as npt

from ._batches import Batch
from ._errors import ScriptError
from ._random import SCRIPT, key
from ._seeding import seed_generators
from ._torch import TorchModel
from ._worker import Script

Array = npt.NDArray[np.float32]
Shape = Tuple[int, ...]


class Computation:
    """A script's model in a run: described once, bound to memory once, then asked for gradients.

    :param tasks: the run's tasks
    :param outputs: for each the name of its loss in the script
    :param weights: for each its weight in the sum
    :param batch_sizes: for each the samples of its micro-batches
    :param eval_gradients: whether gradients are taken in evaluation mode
    """

    def __init__(
        self,
        script: Script,
        tasks: Sequence[str],
        outputs: Sequence[str],
        weights: Sequence[float],
        seed: int,
        batch_sizes: Sequence[int],
        threads: int,
        eval_gradients: bool = False,
    ) -> None:
        self._model = script.model
        self._batches = script.batches
        self._metrics = script.metrics
        self._owners = script.owners
        self._tasks = list(tasks)
        self._outputs = list(outputs)
        self._weights = list(weights)
        self._seed = seed
        for task, output in zip(tasks, outputs):
            if script.losses and output not in script.losses:
                raise ScriptError(
                    f"task {task} needs loss {output}, and the script has losses= for {', '.join(script.losses)}"
                )
        if isinstance(self._model, TorchModel):
            self._model.set_threads(threads)
        if eval_gradients:
            self._model.use_eval_gradients()
        self._batches.open(seed)
        self._batch_sizes = list(batch_sizes)
        self._owner: Dict[str, int] = {}
        #: Names and shapes in flat order.
        self.order: List[Tuple[str, Shape]] = []
        #: For each task the parameters that its loss reaches, and the buffers that learn from its batches.
        self.reached: List[Set[str]] = []
        self.learns: List[Set[str]] = []
        self._flat_gradient: Optional[Array] = None

    def describe(self) -> List[Tuple[str, Shape, int, Tuple[int, ...]]]:
        """Finds out which loss reaches which parameter and changes which buffer, on micro-batch 0.

        :return: of each tensor its name, shape, owner, and the tasks that a buffer learns from: shared ones (-1) first, then
            each task's own, then buffers
        """
        self.reached, self.learns = [], []
        for task, output in enumerate(self._outputs):
            seed_generators(key(self._seed, SCRIPT, 0))
            batch = self._batches.training(task, Batch(0, 0, self._batch_sizes[task]))
            reached, learns = self._model.reached(output, self._model.batch(batch))
            self.reached.append(reached)
            self.learns.append(learns)
        shapes = dict(self._model.parameters())
        self._owner = {name: self._owner_of(name) for name in shapes}
        parameters = sorted(shapes.items(), key=lambda item: self._owner[item[0]])
        buffers = sorted(self._model.buffers(), key=lambda item: self._learners(item[0]))
        self.order = parameters + buffers
        return [(name, shape, self._owner[name], ()) for name, shape in parameters] + [
            (name, shape, -1, self._learners(name)) for name, shape in buffers
        ]

    def _learners(self, buffer: str) -> Tuple[int, ...]:
        return tuple(task for task, names in enumerate(self.learns) if buffer in names)

    def unreached(self) -> List[str]:
        """Parameters that no loss reaches."""
        return [name for name in self._owner if not any(name in names for names in self.reached)]

    def _owner_of(self, name: str) -> int:
        for beginning, task in self._owners.items():
            if name == beginning or name.startswith(beginning if beginning.endswith(".") else beginning + "."):
                if task == "shared":
                    return -1
                if task not in self._tasks:
                    raise ScriptError(f"owners= gives {beginning} to {task}, which is no task of the run")
                return self._tasks.index(task)
        tasks = [task for task, names in enumerate(self.reached) if name in names]
        return tasks[0] if len(tasks) == 1 and len(self._tasks) > 1 else -1

    def bind(self, weights: Array, gradient: Array) -> None:
        """Moves the model onto two flat vectors."""
        self._model.bind(self._views(weights), self._views(gradient))
        self._flat_gradient = gradient

    def _views(self, flat: Array) -> Dict[str, Array]:
        views, offset = {}, 0
        for name, shape in self.order:
            size = int(np.prod(shape, dtype=np.int64))
            views[name] = flat[offset : offset + size].reshape(shape)
            offset += size
        if offset != flat.size:
            raise ScriptError(f"the worker's vector has {flat.size} values, and the model has {offset}")
        return views

    def initialize(self) -> None:
        """Writes the initial weights into the bound vector."""
        self._model.initialize()

    def _batch(self, task: int, batch: Batch) -> Any:
        """The batch, with all generators at its own seed: tasks that share a batch share its random numbers."""
        assert self._flat_gradient is not None
        self._flat_gradient.fill(0)
        seed_generators(key(self._seed, SCRIPT, batch.index))
        return self._model.batch(self._batches.training(task, batch))

    def gradient(self, task: int, batch: Batch) -> float:
        """Computes a task's gradient on a micro-batch into the bound vector; gives the loss."""
        forbidden = {name for name, owner in self._owner.items() if owner not in (-1, task)}
        return self._model.gradient(self._outputs[task], forbidden, self._batch(task, batch))

    def batch_digest(self, task: int, batch: Batch) -> bytes:
        """SHA-256 of a micro-batch's samples; empty where nobody knows."""
        return self._batches.digest(task, batch)

    def summed(self, batch: Batch) -> List[float]:
        """Computes the gradient of the weighted sum of losses; gives each task's loss."""
        return self._model.summed(self._outputs, self._weights, self._batch(0, batch))

    def validate(self, tasks: Sequence[int], start: int, count: int) -> Tuple[List[float], Mapping[str, float]]:
        """Losses and metrics of held-out samples that some tasks share.

        A metric that is called like a task or its loss belongs to that task, and any other to the first.
        """
        seed_generators(key(self._seed, SCRIPT, 0, start))
        batch = self._model.batch(self._batches.validation(tasks[0], start, count))
        metrics = {name: metric for name, metric in self._metrics.items() if self._task_of(name) in tasks}
        return self._model.validate([self._outputs[task] for task in tasks], metrics, batch)

    def _task_of(self, metric: str) -> int:
        names = list(zip(self._tasks, self._outputs))
        return next((task for task, own in enumerate(names) if metric in own), 0)
