"""Where batches come from: the script's data set, its own function, or the worker."""

from __future__ import annotations

import mmap
import sys
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

import numpy as np

from ._digits import ImageData
from ._errors import ScriptError
from ._random import micro_batch

Collate = Callable[[List[Any]], Any]


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
        self._images: Optional[ImageData] = None
        self._fields: Optional[Dict[str, Any]] = None
        self._seed = 0
        self._size = 1

    def brings_data(self) -> bool:
        """Whether the script makes its own batches."""
        return self._data is not None or self._batch is not None

    def held_out_samples(self) -> int:
        return 0 if self._held_out is None else len(self._held_out)

    def open(self, seed: int, size: int) -> None:
        """Says what the run draws its batches by."""
        self._seed = seed
        self._size = size

    def map(self, path: str, fields: Sequence[Mapping[str, Any]]) -> None:
        """Takes batches out of a file that the worker fills.

        :param fields: name, type, shape (with the batch as its first dimension) and offset of each array
        """
        with open(path, "r+b") as file:
            memory = mmap.mmap(file.fileno(), 0)
        self._fields = {
            field["name"]: np.frombuffer(
                memory, dtype=field["type"], count=int(np.prod(field["shape"])), offset=field["offset"]
            ).reshape(field["shape"])
            for field in fields
        }

    def take(self, data: ImageData) -> None:
        """Makes batches of a run spec's data, where no worker does."""
        self._images = data

    def training(self, index: int) -> Any:
        """Micro-batch number index."""
        if self._fields is not None:
            return dict(self._fields)
        if self._images is not None:
            images = self._images.training
            return images.fields(micro_batch(self._seed, len(images.pixels), self._size, index))
        if self._batch is not None:
            return self._batch(index)
        assert self._data is not None
        return self._samples(self._data, micro_batch(self._seed, len(self._data), self._size, index))

    def validation(self, start: int, count: int) -> Any:
        """Held-out samples start to start + count - 1."""
        if self._fields is not None:
            return {name: values[:count] for name, values in self._fields.items()}
        assert self._held_out is not None
        return self._samples(self._held_out, list(range(start, start + count)))

    def _samples(self, data: Any, indices: List[int]) -> Any:
        return (self._collate or _default_collate)([data[index] for index in indices])


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
