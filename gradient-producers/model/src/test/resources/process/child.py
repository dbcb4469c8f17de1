"""A child that speaks docs/process-protocol.md with Python's own library alone, and misbehaves as its arguments say.

The model: three shared parameters and one of each task's own; task t pulls all it reaches to t + batch / 10. With
"buffers" there are two values that learn from both tasks: a tenth of the way to the batch's number.
"""
import hashlib
import json
import mmap
import os
import struct
import sys
import time

BEHAVIOUR = sys.argv[1] if len(sys.argv) > 1 else ""
WHEN = int(sys.argv[2]) if len(sys.argv) > 2 else 0
MEMORY = sys.argv[3] if len(sys.argv) > 3 else ""
NAMES = ["shared", "own.0", "own.1"]
SHAPES = [[3], [1], [1]]
VALUES = 7 if BEHAVIOUR == "buffers" else 5
STATE = {"gradients": 0}


def say(answer):
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def mapped(path):
    with open(path, "r+b") as file:
        return mmap.mmap(file.fileno(), 0)


def misbehave():
    """Whether to do what the arguments say: at gradient number WHEN, of the first process alone if a file is named."""
    STATE["gradients"] += 1
    if STATE["gradients"] != WHEN:
        return False
    if MEMORY:
        if os.path.exists(MEMORY):
            return False
        open(MEMORY, "w").close()
    return True


def gradient(tasks, batch):
    """Adds the tasks' gradients up."""
    weights = struct.unpack("<%df" % VALUES, STATE["weights"][:])
    sums, losses = [0.0] * VALUES, []
    for i in range(5, VALUES):
        sums[i] = 0.1 * (weights[i] - batch)
    for task in tasks:
        reached = [0, 1, 2, 3 + task]
        away = {i: weights[i] - (task + batch / 10) for i in reached}
        losses.append(sum(d * d for d in away.values()) / 2)
        for i, d in away.items():
            sums[i] += d
    STATE["gradient"][:] = struct.pack("<%df" % VALUES, *sums)
    return losses


def do(command):
    what = command["do"]
    if what == "describe":
        if command.get("samples"):
            STATE["samples"], STATE["fields"] = mapped(command["samples"]), command["fields"]
        tensors = [
            {"name": name, "shape": shape, "owner": owner}
            for owner, (name, shape) in enumerate(zip(NAMES, SHAPES), start=-1)
        ]
        if BEHAVIOUR == "buffers":
            tensors.append({"name": "mean", "shape": [2], "owner": -1, "learns_from": [0, 1]})
        if BEHAVIOUR == "eval" and command["eval_gradients"]:
            return {"error": "no evaluation mode here"}
        if BEHAVIOUR == "no-tensors":
            tensors = []
        return {"tensors": tensors, "unreached": ["shared"] if BEHAVIOUR == "unreached" else []}
    if what == "map":
        STATE["path"] = command["weights"]
        STATE["weights"], STATE["gradient"] = mapped(command["weights"]), mapped(command["gradient"])
        return {}
    if what == "initialize":
        seed = int(os.environ["GRADSTREAM_SEED"])
        STATE["weights"][:] = struct.pack("<%df" % VALUES, *[seed + i for i in range(VALUES)])
        return {}
    if what == "gradient":
        if misbehave():
            if BEHAVIOUR == "dies":
                sys.stderr.write("something to remember\n")
                sys.exit(3)
            if BEHAVIOUR == "hangs":
                time.sleep(600)
            if BEHAVIOUR == "raises":
                return {"error": "ValueError: no such sample (two_digits.py, line 7)"}
            if BEHAVIOUR == "twice":
                say({"loss": 1.0, "id": command["id"]})
            if BEHAVIOUR == "other-id":
                return {"loss": 1.0, "id": command["id"] + 7}
            if BEHAVIOUR == "no-json":
                sys.stdout.write("{this is no JSON\n")
                sys.stdout.flush()
            if BEHAVIOUR == "no-number":
                return {"loss": "low"}
            if BEHAVIOUR == "nan":
                return {"loss": float("nan")}
            if BEHAVIOUR == "prints":
                print("hello from a script that knows no better")
                sys.stderr.write("x" * 100_000 + "\n")
            if BEHAVIOUR == "names":
                return {"loss": float(os.path.exists(STATE["path"]))}
            if BEHAVIOUR == "sample":
                offset = next(f["offset"] for f in STATE["fields"] if f["name"] == "right-digit")
                return {"loss": float(struct.unpack_from("<q", STATE["samples"], offset)[0])}
        return {"loss": gradient([command["task"]], command["batch"])[0]}
    if what == "summed":
        return {"losses": gradient([0, 1], command["batch"])}
    if what == "validate":
        losses = [0.5, 2.0] if BEHAVIOUR != "one-loss" else [0.5]
        return {"losses": losses, "metrics": {"first": command["from"] + command["count"] / 100}}
    raise SystemExit("unknown command " + what)


def main():
    if BEHAVIOUR == "no-hello":
        raise ModuleNotFoundError("No module named 'torch'")
    with open(__file__, "rb") as script:
        content = script.read()
    print("this line is no answer")
    say({
        "gradstream": 2 if BEHAVIOUR != "newer" else 99, "framework": "stdlib %d" % os.getpid() if BEHAVIOUR == "pid" else "stdlib 3",
        "device": "cpu", "brings_data": BEHAVIOUR != "sample", "held_out": 100,
        "files": [{"name": "child.py", "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}],
    })
    for line in sys.stdin:
        command = json.loads(line)
        say({"id": command["id"], **do(command)})


main()
