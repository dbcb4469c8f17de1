"""Where batches come from: the script's data set, its own function, or the worker."""

from __future__ import annotations

import mmap
import sys
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

import numpy as np

from ._digits import ImageData
from ._errors import ScriptError
from ._random import samples_from

Collate = Callable[[List[Any]], Any]


@dataclass(frozen=True)
class Batch:
    """Which micro-batch of a task: its number, the position of its first sample in the order of its data, its samples."""

    index: int
    first: int
    size: int


class Batches:
    """The batches of a run.

    :param data: map-style training data (``len``, ``[]``)
    :param held_out: map-style held-out data
    :param collate: makes a batch of a list of samples
    :param batch: makes training batch number index, in place of ``data``
    """

    def __init__(
        self,
        data: Optional[Any],
        held_out: Optional[Any],
        collate: Optional[Collate],
        batch: Optional[Callable[[int], Any]],
    ) -> None:
        if data is not None and batch is not None:
            raise ScriptError("give data= or batch=, not both")
        for name, value in (("data", data), ("held_out", held_out)):
            if value is not None and not (hasattr(value, "__len__") and hasattr(value, "__getitem__")):
                raise ScriptError(
                    f"{name}= is a {type(value).__name__}; give a map-style data set, with len() and [index],"
                    " since whoever computes a slot must be able to have its samples"
                )
            if value is not None and len(value) == 0:
                raise ScriptError(f"{name}= has no samples")
        self._data = data
        self._held_out = held_out
        self._collate = collate
        self._batch = batch
        self._images: List[ImageData] = []
        self._fields: List[Dict[str, Any]] = []
        self._sources: List[int] = []
        self._seed = 0

    def brings_data(self) -> bool:
        """Whether the script makes its own batches."""
        return self._data is not None or self._batch is not None

    def are_cut_by_index(self) -> bool:
        """Whether the script makes a batch of its number alone, so that tasks cannot have batches of their own."""
        return self._batch is not None

    def held_out_samples(self) -> int:
        return 0 if self._held_out is None else len(self._held_out)

    def open(self, seed: int) -> None:
        """Says what the run draws its batches by."""
        self._seed = seed

    def map(self, sources: Sequence[Mapping[str, Any]], of_tasks: Sequence[int]) -> None:
        """Takes batches out of files that the worker fills, one for each source of the data.

        :param sources: ``samples``, the file; ``fields``: name, type, shape (with the batch as its first dimension) and
            offset of each array
        :param of_tasks: for each task its source
        """
        self._fields = [_mapped(source["samples"], source["fields"]) for source in sources]
        self._sources = list(of_tasks)

    def take(self, sources: Sequence[ImageData], of_tasks: Sequence[int]) -> None:
        """Makes batches of a run spec's data, where no worker does."""
        self._images = list(sources)
        self._sources = list(of_tasks)

    def training(self, task: int, batch: Batch) -> Any:
        """A task's micro-batch."""
        if self._fields:
            return {name: values[: batch.size] for name, values in self._fields[self._sources[task]].items()}
        if self._images:
            images = self._images[self._sources[task]].training
            return images.fields(samples_from(self._seed, len(images.pixels), batch.first, batch.size))
        if self._batch is not None:
            return self._batch(batch.index)
        assert self._data is not None
        return self._samples(self._data, samples_from(self._seed, len(self._data), batch.first, batch.size))

    def digest(self, task: int, batch: Batch) -> bytes:
        """SHA-256 of a micro-batch's samples; empty where they are the script's own."""
        if not self._images:
            return b""
        images = self._images[self._sources[task]].training
        return images.batch_digest(samples_from(self._seed, len(images.pixels), batch.first, batch.size))

    def validation(self, task: int, start: int, count: int) -> Any:
        """Held-out samples start to start + count - 1 of a task's data."""
        if self._fields:
            return {name: values[:count] for name, values in self._fields[self._sources[task]].items()}
        assert self._held_out is not None
        return self._samples(self._held_out, list(range(start, start + count)))

    def _samples(self, data: Any, indices: List[int]) -> Any:
        return (self._collate or _default_collate)([data[index] for index in indices])


def _mapped(path: str, fields: Sequence[Mapping[str, Any]]) -> Dict[str, Any]:
    with open(path, "r+b") as file:
        memory = mmap.mmap(file.fileno(), 0)
    return {
        field["name"]: np.frombuffer(
            memory, dtype=field["type"], count=int(np.prod(field["shape"])), offset=field["offset"]
        ).reshape(field["shape"])
        for field in fields
    }


def _default_collate(samples: List[Any]) -> Any:
    if "torch" in sys.modules:
        from torch.utils.data import default_collate

        return default_collate(samples)
    first = samples[0]
    if isinstance(first, Mapping):
        return {key: np.stack([np.asarray(sample[key]) for sample in samples]) for key in first}
    if isinstance(first, (list, tuple)):
        return tuple(np.stack([np.asarray(value) for value in column]) for column in zip(*samples))
    return np.stack([np.asarray(sample) for sample in samples])
