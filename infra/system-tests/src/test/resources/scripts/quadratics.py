"""Two quadratics with numpy alone: a shared vector, and one of each task's own.

With the name of a file as its argument the process ends at its third gradient, unless that file is there; it makes it first.
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[6] / "gradient-producers/python/src"))

import gradstream  # noqa: E402
import numpy as np  # noqa: E402

MARK = next((argument for argument in sys.argv[1:] if argument.endswith(".mark")), "")
COUNT = [0]


def gradient(task, parameters, batch):
    COUNT[0] += 1
    if MARK and COUNT[0] > 6 and not os.path.exists(MARK):
        open(MARK, "w").close()
        sys.stderr.write("this process ends here\n")
        os._exit(3)
    towards = np.float32(1 if task == "first" else -1) + batch.mean(axis=0)
    shared = parameters["shared"] - towards
    own = parameters[task] - np.float32(2)
    return float((shared**2).mean() + (own**2).mean()), {"shared": shared / 50, task: own / 5}


rng = np.random.default_rng(5)
DATA = rng.standard_normal((64, 100)).astype(np.float32)
gradstream.worker(
    parameters={
        "shared": np.random.randn(100).astype(np.float32),
        "first": np.random.randn(10).astype(np.float32),
        "second": np.random.randn(10).astype(np.float32),
    },
    gradient=gradient,
    data=DATA,
)
