"""The buffers of a torch module that learn from batches, such as BatchNorm's running statistics."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Set, Tuple

from ._errors import ScriptError

_COUNTER = "num_batches_tracked"


class Buffers:
    """Puts values into a module's buffers before a pass, and tells what the pass made of them.

    Every pass begins with tensors of its own: what an earlier pass keeps for its backward pass is not written over, and
    nothing is left behind by it, not even in a counter.
    """

    def __init__(self, torch: Any, module: Any) -> None:
        self._torch = torch
        #: For each buffer all places that hold it: tied ones are named once.
        self._places: Dict[str, List[Tuple[Any, str]]] = {}
        self._initial: Dict[str, Any] = {}
        names: Dict[int, str] = {}
        for path, part in module.named_modules():
            for leaf, tensor in part.named_buffers(recurse=False):
                name = names.setdefault(id(tensor), f"{path}.{leaf}" if path else leaf)
                self._places.setdefault(name, []).append((part, leaf))
                self._initial.setdefault(name, tensor.detach().clone())
        self._constants: Dict[str, Tuple[Any, int]] = {}
        self._begun: Mapping[str, Any] = {}
        #: Those that some pass changes: float32 ones, which are carried, and counters, which begin anew.
        self._changing: Set[str] = set()

    def shape(self, name: str) -> Tuple[int, ...]:
        return tuple(self._initial[name].shape)

    def initial(self, name: str) -> Any:
        """The values that the script made the module with."""
        return self._initial[name]

    def begin(self, values: Mapping[str, Any]) -> None:
        """Gives the module fresh tensors: these values, and the initial ones of counters."""
        for name in self._changing:
            fresh = values[name].clone() if name in values else self._initial[name].clone()
            for part, leaf in self._places[name]:
                setattr(part, leaf, fresh)
        self._begun = values
        constants = [name for name in self._places if name not in self._changing]
        self._constants = {name: (self.now(name), self.now(name)._version) for name in constants}

    def now(self, name: str) -> Any:
        """A buffer as the last pass left it."""
        part, leaf = self._places[name][0]
        return getattr(part, leaf)

    def learned(self) -> Set[str]:
        """After a first pass from the initial values: the buffers that learned from the batch.

        Buffers of one part of the module learn together, so that a mean that happens to be the initial one is not taken
        for a constant.

        :raises ScriptError: where one learns that cannot be carried
        """
        changed = {name for name in self._places if not self._torch.equal(self.now(name), self._initial[name])}
        for name in sorted(changed):
            self._require_carried(name)
        counters = {name for name in changed if not self._initial[name].is_floating_point()}
        owners = {id(part) for name in changed - counters for part, _ in self._places[name]}
        learning = {
            name
            for name, places in self._places.items()
            if any(id(part) in owners for part, _ in places) and self._initial[name].dtype == self._torch.float32
        }
        self._changing |= learning | counters
        return learning

    def _require_carried(self, name: str) -> None:
        tensor, (part, leaf) = self._initial[name], self._places[name][0]
        if leaf == _COUNTER and hasattr(part, "momentum"):
            if part.momentum is None:
                raise ScriptError(
                    f"buffer {name} counts batches for a cumulative average (momentum=None), which depends on how many"
                    " were computed where; give momentum=0.1, or track_running_stats=False"
                )
            return
        if tensor.dtype != self._torch.float32:
            raise ScriptError(
                f"buffer {name} is {tensor.dtype} and learns from batches; a run carries float32 buffers alone:"
                " make it float32, or leave it out"
            )
        if tuple(self.now(name).shape) != tuple(tensor.shape):
            raise ScriptError(f"buffer {name} changes its shape with a batch; keep what is not learned out of buffers")

    def require_constant(self, others: Set[str], task: str) -> None:
        """Requires that a pass changed nothing else.

        :param others: learning buffers that it must not change
        """
        for name, (tensor, version) in self._constants.items():
            now = self.now(name)
            if (now is not tensor or now._version != version) and not self._torch.equal(now, self._initial[name]):
                raise self._late(name, task)
        for name in others:
            if not self._torch.equal(self.now(name).detach(), self._begun[name]):
                raise self._late(name, task)

    def _late(self, name: str, task: str) -> ScriptError:
        return ScriptError(
            f"the loss of {task} changes buffer {name}, which it did not on micro-batch 0; a buffer must learn from"
            " every batch or from none"
        )
