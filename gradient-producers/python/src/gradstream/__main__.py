"""The command ``gradstream`` of this package: ``gradstream check SCRIPT`` tries a script out."""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from typing import Any, Dict, List, Optional

from ._digits import ImageData, load
from ._errors import ScriptError
from ._parent import Parent

_MISTAKE = 2
_DIFFERENT = 1


def main(arguments: Optional[List[str]] = None) -> int:
    """Runs the command.

    :return: 0 if all is well, 1 if a gradient has other bits the second time, 2 if the script has a mistake
    """
    parser = argparse.ArgumentParser(prog="gradstream", description="Tools for models that a Python script brings.")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser(
        "check",
        help="try a script out",
        description="Computes micro-batches twice and in two processes, compares the bits, and says which loss reaches"
        " which parameter.",
    )
    check.add_argument("script", metavar="SCRIPT", help="the script that calls gradstream.worker")
    check.add_argument("arguments", metavar="ARGUMENT", nargs="*", help="its arguments, after --")
    check.add_argument("--batch-size", type=int, default=16, help="samples of a micro-batch; default: 16")
    check.add_argument("--seed", type=int, default=1, help="the run's seed; default: 1")
    check.add_argument("--threads", type=int, default=1, help="threads of one operation; default: 1")
    check.add_argument("--device", default="cpu", help="where to compute, such as cuda:0; default: cpu")
    check.add_argument("--eval-gradients", action="store_true", help="as model.eval-gradients: true in the run spec")
    check.add_argument("--data", choices=["idx", "overlay"], help="for a script without data=: the run spec's data")
    check.add_argument("--directory", default="shipped:digits", help="of --data; default: shipped:digits")
    check.add_argument("--held-out", type=int, default=1000, help="of --data; default: 1000")
    options = parser.parse_args(arguments)
    try:
        return _check(options)
    except ScriptError as mistake:
        print(f"gradstream: {options.script}: {mistake}", file=sys.stderr)
        return _MISTAKE


def _check(options: Any) -> int:
    data = load(options.data, {"directory": options.directory, "held-out": options.held_out}) if options.data else None
    first = _start(options, data)
    try:
        tasks = first.hello["losses"]
        if not tasks:
            raise ScriptError("losses= is empty, so the tasks have no names; give a loss for each, for validation")
        described = first.describe(tasks)
        first.ask("initialize")
        weights = _digest(first.weights)
        _print_model(first.hello, described, tasks)
        results = _gradients(first, tasks, weights, "in one process")
        second = _start(options, data)
        try:
            second.describe(tasks)
            second.ask("initialize")
            others = _gradients(
                second, tasks, _digest(second.weights), "in a second process"
            )
        finally:
            second.close()
        held_out = data.held_out.pixels.shape[0] if data is not None else first.hello["held_out"]
        if held_out:
            count = min(held_out, options.batch_size)
            answer = first.validate(count)
            print(f"held out     {count} samples: losses {answer['losses']}, metrics {answer['metrics']}")
        else:
            print("held out     none: give held_out=, or evaluation cannot be asked for")
    finally:
        first.close()
    differences = [what for what in results if results[what] != others[what]]
    if differences or None in results.values() or None in others.values():
        for what in differences:
            print(f"different    {what}: other bits in another process")
        print("what decides bits must follow from seed, weights and batch: see the guide, \"Same bits\"")
        return _DIFFERENT
    print("same bits    twice in one process, and in another one")
    return 0


def _digest(values: Any) -> str:
    return hashlib.sha256(values.tobytes()).hexdigest()


def _start(options: Any, data: Optional[ImageData]) -> Parent:
    command = [sys.executable, options.script, *options.arguments]
    return Parent(command, options.seed, options.batch_size, options.threads, options.device, data, options.eval_gradients)


def _print_model(hello: Dict[str, Any], described: Dict[str, Any], tasks: List[str]) -> None:
    print(f"framework    {hello['framework']} on {hello['device']}")
    for file in hello["files"]:
        print(f"file         {file['name']}, SHA-256 {file['sha256']}")
    for tensor in described["tensors"]:
        if tensor["learns_from"]:
            learns_from = ", ".join(tasks[task] for task in tensor["learns_from"])
            print(f"buffer       {tensor['name']} {tensor['shape']}: learns from {learns_from}")
            continue
        owner = "shared" if tensor["owner"] < 0 else f"own of {tasks[tensor['owner']]}"
        reached = [task for task, names in zip(tasks, described["reached"]) if tensor["name"] in names]
        print(f"parameter    {tensor['name']} {tensor['shape']}: {owner}, reached by {', '.join(reached) or 'no loss'}")
    for name in described["unreached"]:
        print(f"warning      no loss reaches {name}: its gradient is always zero")


def _gradients(child: Parent, tasks: List[str], weights: str, where: str) -> Dict[str, Optional[str]]:
    """Digests of what was computed; None where a second time gave other bits."""
    digests: Dict[str, Optional[str]] = {"initial weights": weights}
    for number, task in enumerate(tasks):
        begin = time.perf_counter()
        loss = child.gradient(number, 0)
        milliseconds = (time.perf_counter() - begin) * 1000
        digest = _digest(child.gradient_values)
        child.gradient(number, 1)
        again = child.gradient(number, 0)
        same = loss == again and digest == _digest(child.gradient_values)
        if not same:
            print(f"different    the gradient of {task}: other bits the second time {where}")
        print(f"gradient     {task}: loss {loss:.4g}, {milliseconds:.1f} ms {where}")
        digests[f"the gradient of {task}"] = digest if same else None
    return digests


if __name__ == "__main__":
    sys.exit(main())
