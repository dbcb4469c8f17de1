"""The script as a worker's child: commands come as lines of JSON, and each gets one line as its answer.

docs/process-protocol.md describes them. A command that fails is answered with ``error``; its stack trace goes to standard
error, and the child goes on. When the worker closes the commands, or dies, the child ends at once, whatever it computes.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import queue
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, BinaryIO, Callable, Dict, List, Mapping, Optional, Set, Tuple

import numpy as np
import numpy.typing as npt

from ._errors import ScriptError
from ._random import SCRIPT, key
from ._seeding import seed_generators
from ._torch import TorchModel
from ._worker import Script

#: Revision of the lines; worker and child must have the same.
PROTOCOL = 1

Array = npt.NDArray[np.float32]


class Child:
    """Serves one worker thread."""

    def __init__(self, script: Script, commands: BinaryIO, answers: BinaryIO) -> None:
        self._script = script
        self._model = script.model
        self._answers = answers
        self._lines: "queue.Queue[bytes]" = queue.Queue()
        self._tasks: List[str] = []
        self._outputs: List[str] = []
        self._weights: List[float] = []
        self._seed = 0
        self._owner: Dict[str, int] = {}
        self._order: List[Tuple[str, Tuple[int, ...]]] = []
        self._flat_gradient: Optional[Array] = None
        threading.Thread(target=self._read, args=(commands,), daemon=True).start()

    def _read(self, commands: BinaryIO) -> None:
        for line in commands:
            self._lines.put(line)
        os._exit(0)

    def serve(self) -> None:
        """Says what the script is, and then does what the worker asks for."""
        self._answer(self._hello())
        while True:
            command = json.loads(self._lines.get())
            try:
                answer = self._do(command)
            except ScriptError as mistake:
                answer = {"error": str(mistake)}
            except Exception as failure:  # whatever the script's functions raise
                traceback.print_exc()
                answer = {"error": _describe(failure)}
            self._answer({**answer, "id": command["id"]})

    def _answer(self, answer: Mapping[str, Any]) -> None:
        self._answers.write(json.dumps(answer).encode() + b"\n")
        self._answers.flush()

    def _hello(self) -> Dict[str, Any]:
        batches = self._script.batches
        return {
            "gradstream": PROTOCOL,
            "framework": self._model.framework(),
            "device": self._model.device(),
            "files": _files(),
            "losses": self._script.losses,
            "metrics": list(self._script.metrics),
            "brings_data": batches.brings_data(),
            "held_out": batches.held_out_samples(),
        }

    def _do(self, command: Mapping[str, Any]) -> Dict[str, Any]:
        actions: Dict[str, Callable[[Mapping[str, Any]], Dict[str, Any]]] = {
            "describe": self._describe,
            "map": self._map,
            "initialize": self._initialize,
            "gradient": self._gradient,
            "summed": self._summed,
            "validate": self._validate,
        }
        return actions[command["do"]](command)

    # --- before the first gradient ---------------------------------------------------------------

    def _describe(self, command: Mapping[str, Any]) -> Dict[str, Any]:
        self._tasks = [task["name"] for task in command["tasks"]]
        self._outputs = [task["output"] for task in command["tasks"]]
        self._weights = [task["weight"] for task in command["tasks"]]
        self._seed = command["seed"]
        for task, output in zip(self._tasks, self._outputs):
            if self._script.losses and output not in self._script.losses:
                raise ScriptError(
                    f"task {task} needs loss {output}, and the script has losses= for {', '.join(self._script.losses)}"
                )
        if isinstance(self._model, TorchModel):
            self._model.set_threads(command["threads"])
        self._script.batches.open(self._seed, command["batch_size"])
        if command.get("samples"):
            self._script.batches.map(command["samples"], command["fields"])
        reached = self._reached()
        shapes = dict(self._model.parameters())
        self._owner = {name: self._owner_of(name, reached) for name in shapes}
        # Shared ones first, then each task's own, as the flat vector has them.
        self._order = sorted(shapes.items(), key=lambda item: self._owner[item[0]])
        return {
            "tensors": [
                {"name": name, "shape": list(shape), "owner": self._owner[name]} for name, shape in self._order
            ],
            "reached": [sorted(names) for names in reached],
            "unreached": [name for name in shapes if not any(name in names for names in reached)],
        }

    def _reached(self) -> List[Set[str]]:
        reached = []
        for output in self._outputs:
            seed_generators(key(self._seed, SCRIPT, 0))
            reached.append(self._model.reached(output, self._model.batch(self._script.batches.training(0))))
        return reached

    def _owner_of(self, name: str, reached: List[Set[str]]) -> int:
        for beginning, task in self._script.owners.items():
            if name == beginning or name.startswith(beginning if beginning.endswith(".") else beginning + "."):
                if task == "shared":
                    return -1
                if task not in self._tasks:
                    raise ScriptError(f"owners= gives {beginning} to {task}, which is no task of the run")
                return self._tasks.index(task)
        tasks = [task for task, names in enumerate(reached) if name in names]
        return tasks[0] if len(tasks) == 1 and len(self._tasks) > 1 else -1

    def _map(self, command: Mapping[str, Any]) -> Dict[str, Any]:
        weights = _mapped(command["weights"])
        gradient = _mapped(command["gradient"])
        self._model.bind(self._views(weights), self._views(gradient))
        self._flat_gradient = gradient
        return {}

    def _views(self, flat: Array) -> Dict[str, Array]:
        views, offset = {}, 0
        for name, shape in self._order:
            size = int(np.prod(shape, dtype=np.int64))
            views[name] = flat[offset : offset + size].reshape(shape)
            offset += size
        if offset != flat.size:
            raise ScriptError(f"the worker's vector has {flat.size} values, and the model has {offset}")
        return views

    def _initialize(self, command: Mapping[str, Any]) -> Dict[str, Any]:
        self._model.initialize()
        return {}

    # --- gradients and losses --------------------------------------------------------------------

    def _batch(self, index: int) -> Any:
        """The batch, with all generators at its own seed: tasks that share a batch share its random numbers."""
        assert self._flat_gradient is not None
        self._flat_gradient.fill(0)
        seed_generators(key(self._seed, SCRIPT, index))
        return self._model.batch(self._script.batches.training(index))

    def _gradient(self, command: Mapping[str, Any]) -> Dict[str, Any]:
        task = command["task"]
        forbidden = {name for name, owner in self._owner.items() if owner not in (-1, task)}
        return {"loss": self._model.gradient(self._outputs[task], forbidden, self._batch(command["batch"]))}

    def _summed(self, command: Mapping[str, Any]) -> Dict[str, Any]:
        return {"losses": self._model.summed(self._outputs, self._weights, self._batch(command["batch"]))}

    def _validate(self, command: Mapping[str, Any]) -> Dict[str, Any]:
        start, count = command["from"], command["count"]
        seed_generators(key(self._seed, SCRIPT, 0, start))
        batch = self._model.batch(self._script.batches.validation(start, count))
        losses, metrics = self._model.validate(self._outputs, self._script.metrics, batch)
        return {"losses": losses, "metrics": metrics}


def _mapped(path: str) -> Array:
    with open(path, "r+b") as file:
        return np.frombuffer(mmap.mmap(file.fileno(), 0), dtype="<f4")


def _describe(failure: Exception) -> str:
    """One line: what was raised, and the last line of the script on the way to it."""
    package = str(Path(__file__).parent)
    frames = [frame for frame in traceback.extract_tb(failure.__traceback__) if not frame.filename.startswith(package)]
    said = str(failure).strip().splitlines()
    text = f"{type(failure).__name__}: {said[0] if said else ''}".rstrip(": ")
    main = str(getattr(sys.modules["__main__"], "__file__", ""))
    ours = [frame for frame in frames if frame.filename == main] or frames
    return f"{text} ({Path(ours[-1].filename).name}, line {ours[-1].lineno})" if ours else text


def _files() -> List[Dict[str, Any]]:
    """The script, and what it imported from its own folder: name, size and digest of each."""
    main = getattr(sys.modules["__main__"], "__file__", None)
    if main is None:
        return []
    script = Path(main).resolve()
    paths = [script]
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and file.endswith(".py"):
            path = Path(file).resolve()
            inside = script.parent in path.parents and Path(__file__).resolve().parent not in path.parents
            if inside and not {"site-packages", "dist-packages"} & set(path.parts) and path not in paths:
                paths.append(path)
    return [
        {
            "name": path.relative_to(script.parent).as_posix(),
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in [script, *sorted(paths[1:])]
    ]
