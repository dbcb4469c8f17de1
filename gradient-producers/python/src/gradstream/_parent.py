"""The other side of :mod:`gradstream._child`, for trying a script out without a worker."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

import numpy as np
import numpy.typing as npt

from ._digits import ImageData
from ._errors import ScriptError
from ._random import micro_batch

Array = npt.NDArray[np.float32]


class Parent:
    """A script that was started, as a worker starts it."""

    def __init__(
        self,
        command: Sequence[str],
        seed: int,
        size: int,
        threads: int,
        device: str,
        data: Optional[ImageData],
        eval_gradients: bool = False,
    ) -> None:
        self._eval_gradients = eval_gradients
        self._seed = seed
        self._size = size
        self._threads = threads
        self._data = data
        self._tasks = 0
        self._asked = 0
        environment = dict(os.environ, GRADSTREAM_CHILD="1", GRADSTREAM_SEED=str(seed), GRADSTREAM_DEVICE=device)
        environment.update(
            OMP_NUM_THREADS=str(threads),
            MKL_NUM_THREADS=str(threads),
            OPENBLAS_NUM_THREADS=str(threads),
            PYTHONHASHSEED="0",
        )
        try:
            self._process = subprocess.Popen(
                list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
            )
        except OSError as fault:
            raise ScriptError(f"{command[0]} cannot be started: {fault.strerror}") from fault
        self._files = tempfile.TemporaryDirectory(prefix="gradstream-")
        self._samples: Dict[str, npt.NDArray[Any]] = {}
        self.weights: Array = np.empty(0, np.float32)
        self.gradient_values: Array = np.empty(0, np.float32)
        self.hello = self._answer()
        if "error" in self.hello:
            raise ScriptError(str(self.hello["error"]))
        if self.hello["brings_data"] == (data is not None):
            raise ScriptError(
                "the script brings data of its own, so leave --data out"
                if data is not None
                else "the script has no data= and no batch=; say what the run spec will have, such as --data overlay"
            )

    def describe(self, tasks: Sequence[str]) -> Dict[str, Any]:
        """Has the script describe its model, and shares memory with it."""
        self._tasks = len(tasks)
        command: Dict[str, Any] = {
            "seed": self._seed,
            "batch_size": self._size,
            "threads": self._threads,
            "eval_gradients": self._eval_gradients,
            "tasks": [
                {"name": task, "output": task, "weight": 1.0, "batch_size": self._size, "data": 0} for task in tasks
            ],
        }
        if self._data is not None:
            command.update(self._map_samples(self._data))
            self._write(0)
        described = self.ask("describe", **command)
        values = sum(int(np.prod(tensor["shape"], dtype=np.int64)) for tensor in described["tensors"])
        self.weights, self.gradient_values = self._mapped("weights", values), self._mapped("gradient", values)
        self.ask("map", weights=self._path("weights"), gradient=self._path("gradient"))
        return described

    def gradient(self, task: int, batch: int) -> float:
        """The loss; the gradient is in :attr:`gradient_values`."""
        if self._data is not None:
            self._write(batch)
        asked = self.ask("gradient", task=task, batch=batch, first=batch * self._size, samples=self._size)
        return float(asked["loss"])

    def validate(self, count: int) -> Dict[str, Any]:
        """Losses and metrics of the first held-out samples, a batch at most."""
        if self._data is not None:
            for name, values in self._data.held_out.fields(range(count)).items():
                self._samples[name][:count] = values
        return self.ask("validate", **{"from": 0, "count": count, "tasks": list(range(self._tasks))})

    def ask(self, what: str, **command: Any) -> Dict[str, Any]:
        """Has a command carried out.

        :raises ScriptError: if the script fails
        """
        assert self._process.stdin is not None
        self._asked += 1
        line = json.dumps({"do": what, "id": self._asked, **command}) + "\n"
        try:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # its end says more
        answer = self._answer()
        if "error" in answer:
            raise ScriptError(str(answer["error"]))
        return answer

    def _answer(self) -> Dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(b"{"):
                answer: Dict[str, Any] = json.loads(line)
                return answer
        raise ScriptError(f"the script ended with exit code {self._process.wait()} before it answered")

    def _map_samples(self, data: ImageData) -> Mapping[str, Any]:
        example = data.training.fields([0] * self._size)
        fields: List[Dict[str, Any]] = []
        offset = 0
        for name, values in example.items():
            kind = values.dtype.newbyteorder("<").str
            fields.append({"name": name, "type": kind, "shape": list(values.shape), "offset": offset})
            offset += (values.nbytes + 63) // 64 * 64
        memory = self._mapped("samples", offset // 4)
        for field in fields:
            count = int(np.prod(field["shape"]))
            self._samples[field["name"]] = np.frombuffer(
                memory, dtype=field["type"], count=count, offset=field["offset"]
            ).reshape(field["shape"])
        return {"samples": self._path("samples"), "fields": fields}

    def _write(self, batch: int) -> None:
        assert self._data is not None
        training = self._data.training
        for name, values in training.fields(
            micro_batch(self._seed, len(training.pixels), self._size, batch)
        ).items():
            self._samples[name][...] = values

    def _path(self, name: str) -> str:
        return str(Path(self._files.name, name))

    def _mapped(self, name: str, values: int) -> Array:
        return np.memmap(self._path(name), np.float32, "w+", shape=(values,))

    def close(self) -> None:
        """Ends the script."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._files.cleanup()
