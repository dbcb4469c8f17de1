"""The standard streams of a worker's child: the worker's own, before anything of the script can use them."""

import os
import signal
import sys
from typing import BinaryIO, Optional, Tuple

#: Set by the worker that starts the script.
VARIABLE = "GRADSTREAM_CHILD"

_taken: Optional[Tuple[BinaryIO, BinaryIO]] = None


def take() -> None:
    """In a worker's child, keeps standard input and output for the worker.

    What the script prints goes to standard error from now on, C libraries' output too, and the script reads nothing. The
    child also ignores Ctrl-C: it is for the worker, which lets the child finish its slot.
    """
    global _taken
    if _taken is not None or VARIABLE not in os.environ:
        return
    # Processes that the script starts must not take themselves for the worker's child.
    del os.environ[VARIABLE]
    commands = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False, errors="backslashreplace")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _taken = commands, answers


def taken() -> Optional[Tuple[BinaryIO, BinaryIO]]:
    """Where commands come from and answers go to; None unless a worker started the script."""
    return _taken
