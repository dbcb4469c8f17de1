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
from typing import Any, BinaryIO, Callable, Dict, List, Mapping, Optional

import numpy as np
import numpy.typing as npt

from ._batches import Batch
from ._computation import Computation
from ._errors import ScriptError
from ._worker import Script

#: Revision of the lines; worker and child must have the same.
PROTOCOL = 2

Array = npt.NDArray[np.float32]


class Child:
    """Serves one worker thread."""

    def __init__(self, script: Script, commands: BinaryIO, answers: BinaryIO) -> None:
        self._script = script
        self._answers = answers
        self._lines: "queue.Queue[bytes]" = queue.Queue()
        self._computation: Optional[Computation] = None
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
            "framework": self._script.model.framework(),
            "device": self._script.model.device(),
            "files": script_files(),
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

    def _describe(self, command: Mapping[str, Any]) -> Dict[str, Any]:
        tasks = command["tasks"]
        computation = Computation(
            self._script,
            [task["name"] for task in tasks],
            [task["output"] for task in tasks],
            [task["weight"] for task in tasks],
            command["seed"],
            [task["batch_size"] for task in tasks],
            command["threads"],
            command["eval_gradients"],
        )
        if command.get("samples"):
            sources = command.get("data") or [command]
            self._script.batches.map(sources, [task["data"] for task in tasks])
        tensors = computation.describe()
        self._computation = computation
        return {
            "tensors": [
                {"name": name, "shape": list(shape), "owner": owner, "learns_from": list(learns_from)}
                for name, shape, owner, learns_from in tensors
            ],
            "reached": [sorted(names) for names in computation.reached],
            "unreached": computation.unreached(),
            "per_task": not self._script.batches.are_cut_by_index(),
        }

    @property
    def _described(self) -> Computation:
        if self._computation is None:
            raise ScriptError("the worker did not ask what the model is")
        return self._computation

    def _map(self, command: Mapping[str, Any]) -> Dict[str, Any]:
        self._described.bind(_mapped(command["weights"]), _mapped(command["gradient"]))
        return {}

    def _initialize(self, command: Mapping[str, Any]) -> Dict[str, Any]:
        self._described.initialize()
        return {}

    def _gradient(self, command: Mapping[str, Any]) -> Dict[str, Any]:
        return {"loss": self._described.gradient(command["task"], _batch(command))}

    def _summed(self, command: Mapping[str, Any]) -> Dict[str, Any]:
        return {"losses": self._described.summed(_batch(command))}

    def _validate(self, command: Mapping[str, Any]) -> Dict[str, Any]:
        losses, metrics = self._described.validate(command["tasks"], command["from"], command["count"])
        return {"losses": losses, "metrics": metrics}


def _batch(command: Mapping[str, Any]) -> Batch:
    return Batch(command["batch"], command["first"], command["samples"])


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


def script_files() -> List[Dict[str, Any]]:
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
            # Some modules of torch say that they lie in files that are nowhere: in the working directory, it seems then.
            inside = path.is_file() and script.parent in path.parents and Path(__file__).resolve().parent not in path.parents
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
