#!/usr/bin/env python3
"""Writes the ONNX files of OnnxModelTest, and what torch answers (answers.json).

Needs torch 2.15 and the package gradstream with its extra `export`: PYTHONPATH=gradient-producers/python/src python make_files.py
Arguments are the files to write; default: all.
"""

import json
import pathlib
import sys
from typing import Any, Dict, List, Mapping

import gradstream
import torch
from gradstream._digits import load
from torch import nn
from torch.nn import functional

HERE = pathlib.Path(__file__).parent
Batch = Mapping[str, torch.Tensor]


class Mlp(nn.Module):
    """Layer norm and GELU; a head for each of two digits, on images of 28 x 28."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(16, 12), nn.GELU(), nn.LayerNorm(12), nn.Linear(12, 8), nn.SiLU())
        self.left = nn.Linear(8, 10)
        self.right = nn.Linear(8, 10)

    def seen(self, image: torch.Tensor) -> torch.Tensor:
        return self.body(functional.avg_pool2d(image, 7).flatten(1))


class Convolutions(nn.Module):
    """Strided, grouped and dilated convolutions, a transposed one, batch normalisation, pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(1, 6, 5, stride=3)
        self.norm = nn.BatchNorm2d(6, track_running_stats=False)
        self.groups = nn.Conv2d(6, 12, 3, padding=1, groups=3)
        self.depth = nn.Conv2d(12, 12, 3, padding=2, dilation=2, groups=12)
        self.up = nn.ConvTranspose2d(12, 4, 3, stride=2, groups=2)
        self.left = nn.Linear(16, 10)
        self.right = nn.Linear(16, 10)

    def seen(self, image: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.norm(self.one(image)))
        x = functional.max_pool2d(functional.relu(self.groups(x)), 2)
        return functional.avg_pool2d(self.up(torch.tanh(self.depth(x))), 4).flatten(1)


class Transformer(nn.Module):
    """Rows of an image as tokens, with positions and attention."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Linear(28, 16)
        self.position = nn.Embedding(28, 16)
        self.norm = nn.LayerNorm(16)
        self.attention = nn.Linear(16, 48)
        self.mix = nn.Linear(16, 16)
        self.left = nn.Linear(16, 10)
        self.right = nn.Linear(16, 10)

    def seen(self, image: torch.Tensor) -> torch.Tensor:
        x = self.token(image[:, 0]) + self.position(torch.arange(28))
        q, k, v = self.attention(self.norm(x)).view(-1, 28, 3, 4, 4).permute(2, 0, 3, 1, 4).unbind(0)
        x = x + self.mix(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(-1, 28, 16))
        return functional.gelu(x).mean(1)


class Normalised(nn.Module):
    """Batch normalisation that both digits share, and one of the left digit alone; dropout-like noise there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(1, 4, 5, stride=3)
        self.norm = nn.BatchNorm2d(4)
        self.left = nn.Sequential(nn.Linear(16, 6), nn.BatchNorm1d(6, momentum=0.3), nn.Linear(6, 10))
        self.right = nn.Linear(16, 10)

    def seen(self, image: torch.Tensor) -> torch.Tensor:
        return functional.avg_pool2d(functional.relu(self.norm(self.one(image))), 4).flatten(1)


def loss(head: str, field: str) -> Any:
    return lambda model, batch: functional.cross_entropy(getattr(model, head)(model.seen(batch["image"])), batch[field])


def accuracy(model: Any, batch: Batch) -> torch.Tensor:
    return (model.left(model.seen(batch["image"])).argmax(1) == batch["left-digit"]).float().mean()


def main(names: List[str]) -> None:
    data = load("overlay", {"directory": "shipped:digits", "held-out": 9000, "shift": 0, "partners": 1}).training
    fields = data.fields(gradstream.micro_batch(1, len(data.pixels), 4, 3))
    batch = {name: torch.from_numpy(value) for name, value in fields.items()}
    losses = {"left": loss("left", "left-digit"), "right": loss("right", "right-digit")}
    kinds = {"mlp": Mlp, "convolutions": Convolutions, "transformer": Transformer, "normalised": Normalised,
             "evaluated": Normalised}
    answers: Dict[str, Any] = json.loads((HERE / "answers.json").read_text())
    for name in names or kinds:
        torch.manual_seed(1)
        net = kinds[name]()
        of_left = data.fields(range(20))
        for _ in range(3):  # running statistics that are not those of the beginning
            net.left(net.seen(torch.from_numpy(of_left["image"])))
        gradstream.export(
            HERE / f"{name}.onnx", model=net, losses=losses, metrics={"left": accuracy}, example={k: v[:3] for k, v in batch.items()},
            eval_gradients=name == "evaluated",
        )
        answers[name] = {}
        state = {key: value.clone() for key, value in net.state_dict().items()}
        for task, of in losses.items():
            net.load_state_dict(state)
            net.train()
            value = of(net, batch)
            taken = {key: (state[key] - buffer).clone() for key, buffer in net.named_buffers()}
            if name == "evaluated":
                net.load_state_dict(state)
                net.eval()
                value = of(net, batch)
            gradients = torch.autograd.grad(value, list(net.parameters()), allow_unused=True)
            answers[name][task] = {
                "loss": float(value),
                "norm": float(torch.cat([g.flatten() for g in gradients if g is not None]).norm()),
                # Enough of each tensor to see any element in the wrong place.
                "gradient": {
                    n: [] if g is None else g.flatten()[:: max(1, g.numel() // 40)].tolist()
                    for (n, _), g in zip(net.named_parameters(), gradients)
                },
            }
            # What a batch takes away from buffers stands beside the gradients.
            answers[name][task]["gradient"].update({key: value.tolist() for key, value in taken.items() if "running" in key})
    (HERE / "answers.json").write_text(json.dumps(answers) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
