"""Scripts with a torch module. Skipped without torch: pip install torch, or apt install python3-torch."""

from typing import Any, Callable

import pytest

torch = pytest.importorskip("torch", reason="no torch here: pip install torch, or apt install python3-torch, and run again")

SCRIPT = """
import gradstream
import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body = torch.nn.Linear(3, 4)
        self.heads = torch.nn.ModuleDict({"a": torch.nn.Linear(4, 1), "b": torch.nn.Linear(4, 1)})


def loss(task):
    return lambda model, batch: model.heads[task](torch.relu(model.body(batch))).pow(2).mean()


DATA = torch.arange(60, dtype=torch.float32).reshape(20, 3) / 60
net = Net()
gradstream.worker(model=net, losses={"a": loss("a"), "b": loss("b")}, data=DATA, held_out=DATA,
                  metrics={"mean": lambda model, batch: batch.mean()})
"""


def test_own_parameters_are_found_by_a_probe(check: Callable[..., Any]) -> None:
    code, out, _ = check(SCRIPT)
    assert code == 0, out
    assert "body.weight [4, 3]: shared, reached by a, b" in out
    assert "heads.a.weight [1, 4]: own of a, reached by a" in out
    assert "heads.b.bias [1]: own of b, reached by b" in out


def test_gradients_are_those_of_torch(tmp_path: Any) -> None:
    import sys

    import numpy as np

    from gradstream._parent import Parent
    from gradstream._random import micro_batch

    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    parent = Parent([sys.executable, str(script)], 1, 4, 1, "cpu", None)
    try:
        described = parent.describe(["a", "b"])
        parent.ask("initialize")
        data = torch.arange(60, dtype=torch.float32).reshape(20, 3) / 60
        batch = data[micro_batch(1, 20, 4, 2)]
        views, offset = {}, 0
        for tensor in described["tensors"]:
            size = int(np.prod(tensor["shape"]))
            values = torch.tensor(parent.weights[offset : offset + size]).reshape(tensor["shape"]).requires_grad_()
            views[tensor["name"]] = (values, slice(offset, offset + size))
            offset += size
        hidden = torch.relu(batch @ views["body.weight"][0].T + views["body.bias"][0])
        expected = (hidden @ views["heads.b.weight"][0].T + views["heads.b.bias"][0]).pow(2).mean()
        expected.backward()
        assert parent.gradient(1, 2) == pytest.approx(float(expected.detach()), rel=1e-6)
        for name, (values, place) in views.items():
            gradient = np.zeros(values.numel()) if values.grad is None else values.grad.reshape(-1).numpy()
            assert parent.gradient_values[place] == pytest.approx(gradient, rel=1e-5, abs=1e-7), name
    finally:
        parent.close()


def test_a_script_may_be_started_in_its_own_folder(check: Callable[..., Any], tmp_path: Any, monkeypatch: Any) -> None:
    import pathlib

    import gradstream

    monkeypatch.setenv("PYTHONPATH", str(pathlib.Path(gradstream.__file__).resolve().parents[1]))
    monkeypatch.chdir(tmp_path)
    code, out, err = check(SCRIPT)
    assert code == 0, err
    assert out.count("file         ") == 1


def test_dropout_belongs_to_the_batch(check: Callable[..., Any]) -> None:
    code, out, _ = check(SCRIPT.replace("torch.relu(model.body(batch))", "torch.dropout(model.body(batch), 0.5, True)"))
    assert code == 0, out


def mistake(check: Callable[..., Any], old: str, new: str) -> str:
    assert old in SCRIPT
    code, _, err = check(SCRIPT.replace(old, new))
    assert code == 2
    return str(err.strip().splitlines()[-1])


def test_mistakes_are_one_line(check: Callable[..., Any]) -> None:
    assert "the loss of a has shape (4, 1)" in mistake(check, ".pow(2).mean()", ".pow(2)")
    assert "depends on no parameter" in mistake(check, ".pow(2).mean()", ".detach().mean()")
    assert "is a float; it must be a tensor" in mistake(check, ".pow(2).mean()", ".pow(2).mean().item()")


MOVES = """
def move(model):
    if move.counter == 2:
        model.body.weight.data = model.body.weight.data.clone()
    move.counter += 1
    return model


move.counter = 0
"""


def test_parameter_that_leaves_the_shared_memory_is_noticed(check: Callable[..., Any]) -> None:
    moved = SCRIPT.replace("model, batch: model.heads", "model, batch: move(model).heads").replace("\n\ndef loss", MOVES + "\n\ndef loss")
    code, _, err = check(moved)
    assert code == 2 and "parameter body.weight was moved out of the worker's memory" in err


def test_loss_that_reaches_another_tasks_own_parameter_is_refused(check: Callable[..., Any]) -> None:
    owners = SCRIPT.replace("data=DATA,", 'owners={"body": "b"}, data=DATA,')
    code, _, err = check(owners)
    assert code == 2 and "the loss of a reaches parameter body.weight, which is another task's own" in err


def test_double_precision_is_refused(check: Callable[..., Any]) -> None:
    assert "parameter body.weight is torch.float64" in mistake(check, "net = Net()", "net = Net().double()")
