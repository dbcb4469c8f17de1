"""Export to ONNX. Skipped without a torch that can: pip install './gradient-producers/python[export]'."""

import json
from typing import Any, Dict

import pytest

torch = pytest.importorskip("torch", reason="no torch here: pip install './gradient-producers/python[export]'")
for package in ("onnx", "onnxscript", "onnxruntime"):
    pytest.importorskip(package, reason=f"no {package} here: pip install './gradient-producers/python[export]'")
if tuple(int(part) for part in torch.__version__.split(".")[:2]) < (2, 15):
    pytest.skip(f"torch {torch.__version__} is older than 2.15, which exports gradients", allow_module_level=True)

import gradstream  # noqa: E402
from gradstream._onnx_merge import METADATA  # noqa: E402
from torch import nn  # noqa: E402


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(3, 4)
        self.left = nn.Linear(4, 1)
        self.right = nn.Linear(4, 1)


def seen(model: Any, batch: Any) -> Any:
    return torch.tanh(model.body(batch["x"]))


LOSSES = {
    "left": lambda model, batch: model.left(seen(model, batch)).pow(2).mean(),
    "right": lambda model, batch: (model.right(seen(model, batch)) - 1).abs().mean(),
}


def example() -> Dict[str, Any]:
    return {"x": torch.linspace(-1, 1, 15).reshape(5, 3)}


def refused(tmp_path: Any, **arguments: Any) -> str:
    whole: Dict[str, Any] = {"model": Net(), "losses": LOSSES, "example": example(), **arguments}
    with pytest.raises(gradstream.ScriptError) as caught:
        gradstream.export(tmp_path / "net.onnx", **whole)
    assert not list(tmp_path.iterdir())
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_says_whose_parameters_are_and_takes_any_number_of_samples(tmp_path: Any) -> None:
    import onnx
    import onnxruntime

    net = Net()
    gradstream.export(str(tmp_path / "net.onnx"), model=net, losses=LOSSES, example=example())
    model = onnx.load(tmp_path / "net.onnx")
    described = json.loads({entry.key: entry.value for entry in model.metadata_props}[METADATA])
    assert {one["name"]: one["task"] for one in described["parameters"]} == {
        "body.weight": None,
        "body.bias": None,
        "left.weight": "left",
        "left.bias": "left",
        "right.weight": "right",
        "right.bias": "right",
    }
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for samples in (1, 9):
        x = torch.randn(samples, 3)
        feed = {f"parameter/{name}": value.detach().numpy() for name, value in net.named_parameters()}
        feed.update({"field/x": x.numpy(), "weights": torch.ones(2).numpy()})
        loss, gradient = session.run(["left/loss", "left/gradient/body.weight"], feed)
        expected = LOSSES["left"](net, {"x": x})
        assert loss == pytest.approx(float(expected), rel=1e-5)
        (of_body,) = torch.autograd.grad(expected, [net.body.weight])
        assert gradient == pytest.approx(of_body.numpy(), abs=1e-6)


class Normalised(Net):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(4)


@pytest.mark.parametrize("eval_gradients", [False, True])
def test_buffers_go_in_and_what_a_batch_takes_away_comes_out(tmp_path: Any, eval_gradients: bool) -> None:
    import onnx
    import onnxruntime

    def left(model: Any, batch: Any) -> Any:
        return model.left(model.norm(seen(model, batch))).pow(2).mean()

    net = Normalised()
    net.norm.running_mean.fill_(0.3)
    gradstream.export(
        tmp_path / "net.onnx", model=net, losses={**LOSSES, "left": left}, example=example(), eval_gradients=eval_gradients
    )
    assert float(net.norm.running_mean[0]) == pytest.approx(0.3) and int(net.norm.num_batches_tracked) == 0
    model = onnx.load(tmp_path / "net.onnx")
    described = json.loads({entry.key: entry.value for entry in model.metadata_props}[METADATA])
    assert described["format"] == 2 and described["eval_gradients"] == eval_gradients
    assert described["buffers"] == [
        {"name": "norm.running_mean", "shape": [4], "tasks": ["left"]},
        {"name": "norm.running_var", "shape": [4], "tasks": ["left"]},
    ]
    x = torch.randn(7, 3)
    feed = {f"parameter/{name}": value.detach().numpy() for name, value in net.named_parameters()}
    feed.update({"field/x": x.numpy(), "weights": torch.ones(2).numpy()})
    feed.update({f"buffer/norm.running_{name}": (torch.rand(4) + 0.5).numpy() for name in ("mean", "var")})
    names = ["left/loss", "left/gradient/body.weight", "left/taken/norm.running_var", "sum/taken/norm.running_var"]
    loss, gradient, taken, of_sum = onnxruntime.InferenceSession(model.SerializeToString()).run(names, feed)
    state = {f"norm.running_{name}": torch.from_numpy(feed[f"buffer/norm.running_{name}"]) for name in ("mean", "var")}
    net.load_state_dict(state, strict=False)
    net.train()
    expected = left(net, {"x": x})
    assert taken == pytest.approx((state["norm.running_var"] - net.norm.running_var).numpy(), abs=1e-6)
    assert of_sum == pytest.approx(taken)
    if eval_gradients:
        net.load_state_dict(state, strict=False)
        net.eval()
        expected = left(net, {"x": x})
    assert loss == pytest.approx(float(expected), rel=1e-5)
    (of_body,) = torch.autograd.grad(expected, [net.body.weight])
    assert gradient == pytest.approx(of_body.numpy(), abs=1e-5)


def test_random_numbers_are_named_with_operator_and_line(tmp_path: Any) -> None:
    def noisy(model: Any, batch: Any) -> Any:
        return nn.functional.dropout(model.left(seen(model, batch)), 0.5).mean()  # this line

    said = refused(tmp_path, losses={"left": noisy})
    assert "draws random numbers (aten." in said
    assert "test_export.py" in said and "# this line" in said


def test_what_has_no_form_is_named_with_operator_and_line(tmp_path: Any) -> None:
    def odd(model: Any, batch: Any) -> Any:
        return torch.special.bessel_j0(model.left(seen(model, batch)).detach()).mean() + LOSSES["left"](model, batch)  # here

    said = refused(tmp_path, losses={"left": odd})
    assert "aten.special_bessel_j0" in said
    assert "test_export.py" in said and "# here" in said


def test_what_depends_on_values_is_named_with_its_line(tmp_path: Any) -> None:
    def chosen(model: Any, batch: Any) -> Any:
        loss = LOSSES["left"](model, batch)
        return loss if loss > 0 else -loss  # a decision

    assert "# a decision" in refused(tmp_path, losses={"left": chosen})


def test_other_gradients_than_torchs_are_refused(tmp_path: Any) -> None:
    assert "differs from torch's" in refused(tmp_path, tolerance=-1.0)


def test_mistakes_are_said_in_one_line(tmp_path: Any) -> None:
    assert "takes a torch.nn.Module" in refused(tmp_path, model=3)
    assert "2 or more" in refused(tmp_path, example={"x": torch.zeros(1, 3)})
    assert "field x is no tensor" in refused(tmp_path, example={"x": [1.0]})
    assert "a task cannot be called sum" in refused(tmp_path, losses={"sum": LOSSES["left"]})
    assert "is no scalar" in refused(tmp_path, losses={"left": lambda m, b: m.left(seen(m, b))})
    assert "depends on no parameter" in refused(tmp_path, losses={"left": lambda m, b: b["x"].mean()})
    frozen = Net().requires_grad_(False)
    assert "nothing to train" in refused(tmp_path, model=frozen)
