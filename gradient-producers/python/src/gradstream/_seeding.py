"""Initial weights that follow from the run's seed.

A script makes its model before it knows of any run: ``model=Net()``. So whoever starts the script names the seed in the
environment, and the generators are seeded before the script uses them: that of torch when torch is imported, since
importing it from here would cost seconds where no one needs it.
"""

import importlib.abc
import importlib.machinery
import os
import random
import sys
from types import ModuleType
from typing import Any, Optional, Sequence

import numpy as np

VARIABLE = "GRADSTREAM_SEED"


def seed_from_environment() -> None:
    """Seeds the generators if the environment names a seed."""
    text = os.environ.get(VARIABLE)
    if text is None:
        return
    seed = int(text)
    seed_generators(seed)
    if "torch" not in sys.modules:
        sys.meta_path.insert(0, _SeedsTorch(seed))


def seed_generators(seed: int) -> None:
    """Seeds the generators of Python, numpy and, where it is loaded, torch (its devices' too)."""
    random.seed(seed)
    np.random.seed(seed & 0xFFFFFFFF)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(seed & 0x7FFFFFFFFFFFFFFF)


class _SeedsTorch(importlib.abc.MetaPathFinder):
    """Seeds torch once it is imported; otherwise the import is the usual one."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[ModuleType] = None
    ) -> Optional[importlib.machinery.ModuleSpec]:
        if fullname != "torch":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            usual: Any = spec.loader
            seed = self._seed

            class Loader(importlib.abc.Loader):
                def create_module(self, spec: importlib.machinery.ModuleSpec) -> Optional[ModuleType]:
                    created: Optional[ModuleType] = usual.create_module(spec)
                    return created

                def exec_module(self, module: ModuleType) -> None:
                    usual.exec_module(module)
                    seed_generators(seed)

                def __getattr__(self, name: str) -> Any:
                    return getattr(usual, name)

            spec.loader = Loader()
        return spec
