"""Torch modules with buffers that learn from batches. Skipped without torch: pip install torch."""

import sys
from typing import Any, Callable, Dict, Iterator, Tuple

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="no torch here: pip install torch, or apt install python3-torch, and run again")

NET = """
import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.ReLU())
        self.heads = torch.nn.ModuleDict({
            "a": torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 1)),
            "b": torch.nn.Linear(4, 1),
        })
        self.register_buffer("constant", torch.full((2,), 0.5))


def loss(task):
    return lambda model, batch: (model.heads[task](model.body(batch)) - model.constant[0]).pow(2).mean()


DATA = torch.arange(60, dtype=torch.float32).reshape(20, 3).sin()
"""
SCRIPT = (
    "import gradstream\n"
    + NET
    + """
net = Net()
gradstream.worker(model=net, losses={"a": loss("a"), "b": loss("b")}, data=DATA, held_out=DATA)
"""
)


class Started:
    """The script as a worker's child, and the same module here."""

    def __init__(self, script: str, eval_gradients: bool) -> None:
        from gradstream._parent import Parent

        self.parent = Parent([sys.executable, script], 1, 4, 1, "cpu", None, eval_gradients)
        self.tensors = self.parent.describe(["a", "b"])["tensors"]
        self.parent.ask("initialize")
        self.places: Dict[str, slice] = {}
        offset = 0
        for tensor in self.tensors:
            size = int(np.prod(tensor["shape"], dtype=np.int64))
            self.places[tensor["name"]] = slice(offset, offset + size)
            offset += size
        scope: Dict[str, Any] = {}
        exec(NET, scope)
        self.net, self.loss, self.data = scope["Net"](), scope["loss"], scope["DATA"]

    def state(self) -> Dict[str, Any]:
        """The weights that are there, by their names in the module."""
        return {
            tensor["name"]: torch.tensor(self.parent.weights[self.places[tensor["name"]]]).reshape(tensor["shape"])
            for tensor in self.tensors
        }

    def expected(self, task: str, index: int, eval_gradients: bool) -> Dict[str, Any]:
        """What torch gives: gradients, and for buffers old minus new."""
        from gradstream._random import micro_batch

        state = self.state()
        batch = self.data[micro_batch(1, 20, 4, index)]
        self.net.load_state_dict(state, strict=False)
        self.net.zero_grad()
        self.net.train()
        loss = self.loss(task)(self.net, batch)
        after = {name: buffer.clone() for name, buffer in self.net.named_buffers()}
        if eval_gradients:
            self.net.load_state_dict(state, strict=False)
            self.net.eval()
            loss = self.loss(task)(self.net, batch)
        loss.backward()
        parameters = dict(self.net.named_parameters())
        return {
            name: (state[name] - after[name] if name in after else parameters[name].grad)
            for name in state
        }

    def gradient(self, task: int, index: int) -> Dict[str, Any]:
        self.parent.gradient(task, index)
        return {name: self.parent.gradient_values[place].copy() for name, place in self.places.items()}


@pytest.fixture(params=[False, True], ids=["training mode", "evaluation mode"])
def started(tmp_path: Any, request: Any) -> Iterator[Tuple[Started, bool]]:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    begun = Started(str(script), request.param)
    try:
        yield begun, request.param
    finally:
        begun.parent.close()


def test_buffers_are_found_with_the_tasks_they_learn_from(check: Callable[..., Any]) -> None:
    for options in ([], ["--eval-gradients"]):
        code, out, _ = check(SCRIPT, *options)
        assert code == 0, out
        assert "buffer       body.1.running_mean [4]: learns from a, b" in out
        assert "buffer       heads.a.1.running_var [2]: learns from a\n" in out
        assert "num_batches_tracked" not in out and "constant" not in out
        assert "same bits" in out


def test_a_batch_takes_from_buffers_what_torch_does(started: Tuple[Started, bool]) -> None:
    begun, eval_gradients = started
    assert [tensor["name"] for tensor in begun.tensors if tensor["learns_from"]] == [
        "heads.a.1.running_mean", "heads.a.1.running_var", "body.1.running_mean", "body.1.running_var",
    ]  # fmt: skip
    begun.parent.weights[begun.places["body.1.running_mean"]] = [0.25, -0.5, 2.0, 0.0]
    weights = begun.parent.weights.copy()
    for task, name in enumerate("ab"):
        for index in (0, 3):
            found = begun.gradient(task, index)
            for tensor, value in begun.expected(name, index, eval_gradients).items():
                expected = np.zeros_like(found[tensor]) if value is None else value.reshape(-1).numpy()
                assert found[tensor] == pytest.approx(expected, rel=1e-5, abs=1e-6), (name, index, tensor)
    assert abs(begun.gradient(0, 3)["body.1.running_var"]).min() > 0
    assert (begun.parent.weights == weights).all()


def test_every_slot_begins_with_the_weights_that_are_there(started: Tuple[Started, bool]) -> None:
    begun, _ = started
    first = begun.gradient(0, 0)
    begun.gradient(1, 5)
    begun.parent.ask("summed", batch=2, first=8, samples=4)
    losses = begun.parent.validate(8)["losses"]
    again = begun.gradient(0, 0)
    assert all((first[name] == again[name]).all() for name in first)
    begun.parent.weights[begun.places["body.1.running_var"]] += 3
    assert begun.parent.validate(8)["losses"] != losses


def test_of_a_sum_it_is_the_mean_over_the_tasks_that_learn(started: Tuple[Started, bool]) -> None:
    begun, _ = started
    each = [begun.gradient(task, 2) for task in (0, 1)]
    begun.parent.ask("summed", batch=2, first=8, samples=4)
    for name, place in begun.places.items():
        if "running" in name:
            summed = begun.parent.gradient_values[place]
            expected = each[0][name] if name.startswith("heads") else (each[0][name] + each[1][name]) / 2
            assert summed == pytest.approx(expected, rel=1e-6)


def test_a_mean_that_does_not_move_at_first_is_no_constant(check: Callable[..., Any]) -> None:
    zero = SCRIPT.replace("net = Net()", "net = Net()\nnet.body[0].weight.data.zero_()\nnet.body[0].bias.data.zero_()")
    code, out, _ = check(zero)
    assert code == 0 and "buffer       body.1.running_mean [4]: learns from a, b" in out


@pytest.mark.parametrize("old,new,said", [
    ("BatchNorm1d(4)", "BatchNorm1d(4, momentum=None)", "body.1.num_batches_tracked counts batches for a cumulative average"),
    ("model.constant[0]", "model.constant.add_(batch.mean().double())[0]", "buffer constant is torch.float64"),
    ("model.constant[0]", "model.constant.add_(1)[0]", "buffer constant is torch.int64 and learns from batches"),
])  # fmt: skip
def test_what_cannot_be_carried_is_refused_by_name(check: Callable[..., Any], old: str, new: str, said: str) -> None:
    kind = "int64" if "add_(1)" in new else "float64" if "double" in new else "float32"
    code, _, err = check(SCRIPT.replace(old, new).replace("torch.full((2,), 0.5)", f"torch.ones(2, dtype=torch.{kind})"))
    assert code == 2 and said in err.strip().splitlines()[-1]


def test_a_buffer_that_changes_later_is_noticed(check: Callable[..., Any]) -> None:
    later = SCRIPT.replace("model.constant[0]", "late(model)").replace(
        "def loss(task):",
        "def late(model):\n    late.calls += 1\n    return model.constant.add_(late.calls > 3)[0]\n\n\nlate.calls = 0\n\n\ndef loss(task):",
    )
    code, _, err = check(later)
    assert code == 2 and "changes buffer constant, which it did not on micro-batch 0" in err


def test_functions_have_no_evaluation_mode(check: Callable[..., Any]) -> None:
    script = """
import gradstream
import numpy as np

W = np.ones(2, np.float32)
gradstream.worker(parameters={"w": W}, gradient=lambda task, p, batch: (0.0, {"w": p["w"]}),
                  losses={"a": lambda p, batch: 0.0}, batch=lambda index: index)
"""
    assert check(script)[0] == 0
    code, _, err = check(script, "--eval-gradients")
    assert code == 2 and "model.eval-gradients needs model=" in err
