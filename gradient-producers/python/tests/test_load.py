"""gradstream.load. Skipped without torch: pip install torch, or apt install python3-torch."""

import base64
import json
import pathlib
import struct
from typing import Any, Dict

import pytest

torch = pytest.importorskip("torch", reason="no torch here: pip install torch, or apt install python3-torch, and run again")

import gradstream  # noqa: E402

GOLDEN = json.loads((pathlib.Path(__file__).parent / "mae_golden.json").read_text())


def write(path: pathlib.Path, metadata: Dict[str, str], tensors: Dict[str, Any]) -> pathlib.Path:
    """As Gradstream writes safetensors files; each tensor is its bytes and its shape."""
    header: Dict[str, Any] = {"__metadata__": metadata}
    at = 0
    for name, (values, shape) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + len(values)]}
        at += len(values)
    text = json.dumps(header).encode()
    data = b"".join(values for values, _ in tensors.values())
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def golden_file(path: pathlib.Path) -> pathlib.Path:
    tensors = {
        name: (base64.b64decode(entry["values"]), entry["shape"]) for name, entry in GOLDEN["tensors"].items()
    }
    return write(path / "mae.safetensors", {"model_type": "mae", "model": json.dumps(GOLDEN["model"])}, tensors)


def golden_images() -> Any:
    pixels = [torch.frombuffer(bytearray(base64.b64decode(image)), dtype=torch.uint8) for image in GOLDEN["images"]]
    return torch.stack(pixels).reshape(-1, 28, 28).float() / 255


def test_an_mae_answers_as_the_workers_do(tmp_path: pathlib.Path) -> None:
    model = gradstream.load(golden_file(tmp_path))
    expected = torch.frombuffer(bytearray(base64.b64decode(GOLDEN["guesses"])), dtype=torch.float32)

    with torch.no_grad():
        guesses = model(golden_images(), torch.tensor(GOLDEN["orders"]))

    assert guesses.shape == (2, 37, 16)
    assert expected.abs().max() > 0.1
    torch.testing.assert_close(guesses.flatten(), expected, rtol=1e-5, atol=1e-5)


def test_a_reconstruction_keeps_what_was_visible(tmp_path: pathlib.Path) -> None:
    model: Any = gradstream.load(golden_file(tmp_path))
    images, order = golden_images(), torch.tensor(GOLDEN["orders"])

    with torch.no_grad():
        patches = model.patches(model.reconstruct(images, order))
        guesses = model(images, order)

    for image in range(2):
        visible, masked = order[image, :12], order[image, 12:]
        torch.testing.assert_close(patches[image, visible], model.patches(images)[image, visible], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(patches[image, masked], guesses[image], rtol=1e-4, atol=1e-4)


def test_other_models_are_given_the_weights(tmp_path: pathlib.Path) -> None:
    values = struct.pack("<3f", 0.5, -1, 2)
    path = write(tmp_path / "own.safetensors", {"model_type": "process"}, {"weight": (values, [1, 3])})
    net = torch.nn.Linear(3, 1, bias=False)

    assert gradstream.load(path, model=net) is net
    assert net.weight.tolist() == [[0.5, -1, 2]]
    with pytest.raises(gradstream.ScriptError, match="of type process, whose network is yours"):
        gradstream.load(path)
    with pytest.raises(gradstream.ScriptError, match="does not fit the model"):
        gradstream.load(path, model=torch.nn.Linear(3, 1))
    with pytest.raises(gradstream.ScriptError, match="No such file"):
        gradstream.load(tmp_path / "none")
    path.write_bytes(b"\xff" * 20)
    with pytest.raises(gradstream.ScriptError, match="is no safetensors file"):
        gradstream.load(path)


def test_frozen_parameters_are_the_modules_own_and_tied_ones_are_filled(tmp_path: pathlib.Path) -> None:
    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = torch.nn.Linear(2, 1, bias=False)
            self.tied = torch.nn.Linear(2, 1, bias=False)
            self.tied.weight = self.one.weight
            self.frozen = torch.nn.Linear(2, 1, bias=False)
            self.frozen.weight.requires_grad_(False)

    path = write(tmp_path / "own.safetensors", {"model_type": "process"}, {"one.weight": (struct.pack("<2f", 3, 4), [1, 2])})
    net = Net()
    before = net.frozen.weight.clone()

    with pytest.warns(UserWarning, match="frozen.weight"):
        gradstream.load(path, model=net)

    assert net.tied.weight.tolist() == [[3, 4]]
    assert torch.equal(net.frozen.weight, before)
