"""Brings models of any framework into a Gradstream run.

A script hands its model over with :func:`worker`, as its last statement. What the script is then depends on who started
it: the child of a Gradstream worker computes gradients for it; ``gradstream check SCRIPT`` tries it out.

Importing this package in a worker's child takes standard output away, so import it first: whatever the script prints goes
to standard error, and from there to the worker's log.
"""

from . import _seeding, _standard_streams

_standard_streams.take()
_seeding.seed_from_environment()

from ._random import micro_batch as micro_batch  # noqa: E402
from ._errors import ScriptError as ScriptError  # noqa: E402
from ._export import export as export  # noqa: E402
from ._load import load as load  # noqa: E402
from ._worker import worker as worker  # noqa: E402

__all__ = ["ScriptError", "export", "load", "micro_batch", "worker"]
__version__ = "0.1.0"
