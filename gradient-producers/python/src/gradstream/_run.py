"""A submitted run as its ``spec`` topic says it."""

from __future__ import annotations

import bisect
import json
import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Dict, List, Optional, Sequence, Tuple

from . import _wire
from ._errors import ScriptError

_FORMAT = 2
_ARITHMETIC = 2
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[^,\]}]+')


def parse_spec(text: str) -> Dict[str, Any]:
    """A run spec as run records have it: canonical YAML, one line for each key or item."""
    spec: Dict[str, Any] = {}
    last = ""
    for line in text.splitlines():
        if line.startswith("  - "):
            spec[last] = [*(spec[last] or []), _inline(line[4:])]
        else:
            last, _, rest = line.partition(":")
            spec[last] = _inline(rest.strip()) if rest.strip() else None
    return spec


def _inline(text: str) -> Any:
    value, rest = _value(text)
    if rest.strip():
        raise ValueError(f"not canonical: {text}")
    return value


def _value(text: str) -> Tuple[Any, str]:
    text = text.lstrip()
    if text.startswith("["):
        items: List[Any] = []
        text = text[1:].lstrip()
        while not text.startswith("]"):
            item, text = _value(text)
            items.append(item)
            text = text.lstrip().removeprefix(",").lstrip()
        return items, text[1:]
    if text.startswith("{"):
        keys: Dict[str, Any] = {}
        text = text[1:].lstrip()
        while not text.startswith("}"):
            key, _, text = text.partition(": ")
            keys[key.strip().strip('"')], text = _value(text)
            text = text.lstrip().removeprefix(",").lstrip()
        return keys, text[1:]
    match = _TOKEN.match(text)
    if match is None:
        raise ValueError(f"not canonical: {text}")
    return _scalar(match.group().strip()), text[match.end() :]


def _scalar(token: str) -> Any:
    if token.startswith('"'):
        return json.loads(token)
    if token in ("null", "true", "false"):
        return {"null": None, "true": True, "false": False}[token]
    for number in (int, float):
        try:
            return number(token)
        except ValueError:
            pass
    return token


#: Name, shape, owner, and of a buffer the tasks that it learns from.
Tensor = Tuple[str, Tuple[int, ...], int, Tuple[int, ...]]


@dataclass(frozen=True)
class Shard:
    """A contiguous piece of the flat vector; owner -1 is all tasks, or of buffers those of ``learns_from``."""

    index: int
    offset: int
    length: int
    owner: int
    partition: int
    learns_from: Tuple[int, ...] = ()


def _kind(section: Any, key: str) -> str:
    return str(section[key]) if isinstance(section, dict) else str(section)


class TaskBatches:
    """Which batches the tasks of a run draw, as docs/protocol.md says ("Which batch")."""

    def __init__(self, spec: Dict[str, Any]) -> None:
        accumulation, tasks = spec["accumulation"], spec["tasks"]
        self._stochastic = accumulation["mode"] == "stochastic"
        k = int(accumulation["micro-batches"])
        common = k // len(tasks) if self._stochastic else k
        #: For each task its slots, the samples of its batches, its data as the spec says them, and the first task with
        #: the same data.
        self.slots = [int(task.get("micro-batches") or common) for task in tasks]
        self.sizes = [int(task.get("batch-size") or accumulation["batch-size"]) for task in tasks]
        self.data = [_data_of(task.get("data") or spec["data"]) for task in tasks]
        self.sources = [self.data.index(data) for data in self.data]

    def are_alike(self) -> bool:
        """Whether all tasks have equally many batches of one size, of the same data."""
        return all(len(set(values)) == 1 for values in (self.slots, self.sizes, self.sources))

    def slots_of(self, task: int) -> int:
        """Slots of a task, or of the pseudo-task, in a round."""
        return self.slots[task % len(self.slots)]

    def size(self, task: int) -> int:
        """Samples of a batch of a task, or of the pseudo-task."""
        return self.sizes[task % len(self.sizes)]

    def micro_batch(self, round_: int, task: int, slot: int) -> int:
        """The number of the batch that a slot reads."""
        task %= len(self.slots)
        if self._stochastic:
            return round_ * sum(self.slots) + sum(self.slots[:task]) + slot
        return round_ * self.slots[task] + slot

    def first_sample(self, task: int, micro_batch: int) -> int:
        """The position of a batch's first sample in the order of the task's data."""
        if not self._stochastic:
            return micro_batch * self.sizes[task]
        rounds, rest = divmod(micro_batch, sum(self.slots))
        position = 0
        for other, (slots, size, source) in enumerate(zip(self.slots, self.sizes, self.sources)):
            if source == self.sources[task]:
                before = min(max(rest - sum(self.slots[:other]), 0), slots)
                position += (rounds * slots + before) * size
        return position


def _data_of(section: Any) -> Tuple[str, Dict[str, Any]]:
    """The type of data and their options."""
    return (_kind(section, "type"), section if isinstance(section, dict) else {})


@dataclass(frozen=True)
class Run:
    """A run's spec and manifest."""

    name: str
    digest: bytes
    spec: Dict[str, Any]
    tasks: List[str]
    tensors: List[Tensor]
    shards: List[Shard]
    partitions: int
    manifest: int
    first_round: int
    files: List[Tuple[str, bytes]]
    data: bytes
    task_data: List[bytes]
    framework: Optional[str]

    @cached_property
    def batches(self) -> TaskBatches:
        return TaskBatches(self.spec)

    @property
    def size(self) -> int:
        return self.shards[-1].offset + self.shards[-1].length

    @property
    def parameters(self) -> int:
        """Values that gradients train: all but the buffers'."""
        return min([shard.offset for shard in self.shards if shard.learns_from], default=self.size)

    @property
    def rounds(self) -> int:
        return int(self.spec["rounds"])

    @property
    def has_sum(self) -> bool:
        """Whether orders ask for the gradient of the summed loss, too."""
        return _kind(self.spec["selection"], "method") != "none"

    def task_name(self, task: int) -> str:
        return self.tasks[task] if task < len(self.tasks) else "all"

    def outputs(self) -> List[str]:
        return [task.get("output") or task["name"] for task in self.spec["tasks"]]

    def weights(self) -> List[float]:
        return [float(task["weight"]) for task in self.spec["tasks"]]

    def touches(self, task: int, shard: Shard) -> bool:
        if shard.learns_from:
            return task == len(self.tasks) or task in shard.learns_from
        return task == len(self.tasks) or shard.owner in (-1, task)

    def signers(self, role: str) -> Dict[str, Tuple[str, List[str]]]:
        """Whose keys the spec lists in a role: by name, key and tasks."""
        return {
            key[role]: (key["public-key"], list(key.get("tasks") or []))
            for key in self.spec.get("keys") or []
            if key.get(role)
        }


def read_run(name: str, record: bytes) -> Optional[Run]:
    """Reads a run record; None if it is none.

    :raises ScriptError: if it is one that this package cannot take part in
    """
    try:
        message = _wire.read(record)
        text = _wire.octets(message, 1).decode()
        manifest = _wire.octets(message, 2)
        if not text or not manifest:
            return None
        return _run(name, record, message, parse_spec(text), manifest)
    except (ValueError, KeyError, UnicodeDecodeError):
        return None


def _run(
    name: str, record: bytes, message: Dict[int, List[_wire.Value]], spec: Dict[str, Any], manifest: bytes
) -> Run:
    if _wire.integer(message, 4) != _FORMAT or _wire.integer(message, 5) != _ARITHMETIC:
        raise ScriptError(
            f"run {name} has format {_wire.integer(message, 4)} and arithmetic {_wire.integer(message, 5)};"
            f" this package takes part in {_FORMAT} and {_ARITHMETIC}"
        )
    if _wire.integer(message, 7) != 0:
        raise ScriptError(f"run {name} hands orders out by a consumer group, which this package does not do yet")
    parts = _wire.read(manifest)
    tensors = [_tensor(part) for part in parts[2]]
    origin = _wire.read(_wire.octets(message, 3))
    framework = _wire.read(_wire.octets(message, 10))
    return Run(
        name=name,
        digest=_wire.sha256(record),
        spec=spec,
        tasks=[_text(task) for task in parts[1]],
        tensors=tensors,
        shards=shards_of_manifest(tensors, parts[3]),
        partitions=_wire.integer(parts, 4),
        manifest=int.from_bytes(_wire.sha256(manifest)[:8], "big"),
        first_round=_wire.signed(_wire.integer(origin, 2)),
        files=[_file(part) for part in message.get(6, [])],
        data=_wire.octets(message, 8),
        task_data=[bytes(part) if not isinstance(part, int) else b"" for part in message.get(11, [])],
        framework=f"{_wire.octets(framework, 1).decode()} {_wire.octets(framework, 2).decode()}" if framework else None,
    )


def _text(value: _wire.Value) -> str:
    if isinstance(value, int):
        raise ValueError("no text")
    return bytes(value).decode()


def _message(value: _wire.Value) -> Dict[int, List[_wire.Value]]:
    if isinstance(value, int):
        raise ValueError("no message")
    return _wire.read(value)


def _tensor(value: _wire.Value) -> Tensor:
    part = _message(value)
    learns_from = tuple(_packed(_wire.octets(part, 5))) if _wire.integer(part, 4) else ()
    shape = tuple(_packed(_wire.octets(part, 2)))
    return (_wire.octets(part, 1).decode(), shape, _wire.zigzag(_wire.integer(part, 3)), learns_from)


def _packed(data: bytes) -> Sequence[int]:
    numbers, n, shift = [], 0, 0
    for byte in data:
        n |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(n)
            n = shift = 0
    return numbers


def shards_of_manifest(tensors: Sequence[Tensor], records: Sequence[_wire.Value]) -> List[Shard]:
    """Its shards; each knows which tasks the buffers in it learn from."""
    shards, ends, end = [], [], 0
    for _, shape, _, _ in tensors:
        end += math.prod(shape)
        ends.append(end)
    for index, record in enumerate(records):
        part = _message(record)
        offset, owner = _wire.integer(part, 1), _wire.zigzag(_wire.integer(part, 3))
        learns_from = tensors[bisect.bisect_right(ends, offset)][3]
        shards.append(Shard(index, offset, _wire.integer(part, 2), owner, _wire.integer(part, 4), learns_from))
    return shards


def _file(value: _wire.Value) -> Tuple[str, bytes]:
    part = _message(value)
    return _wire.octets(part, 1).decode(), _wire.octets(part, 2)
