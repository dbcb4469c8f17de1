#!/usr/bin/env python3
"""Writes the TorchScript files of TorchScriptModelTest, and what torch answers (answers.json).

Needs torch (made with 2.15) and the package gradstream: PYTHONPATH=gradient-producers/python/src python make_files.py
"""

import json
import pathlib
import zipfile
from typing import Dict, Tuple

import torch
from torch import nn
from torch.nn import functional

from gradstream import micro_batch
from gradstream._digits import load

HERE = pathlib.Path(__file__).parent


class Heads(nn.Module):
    """A shared layer and a head for each of two digits, on images of 28 x 28."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(16, 8)
        self.left = nn.Linear(8, 10)
        self.right = nn.Linear(8, 10)

    def seen(self, image: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.body(functional.avg_pool2d(image, 7).flatten(1)))

    def forward(self, image: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        seen = self.seen(image)
        return self.left(seen), self.right(seen)


class Dictionary(Heads):
    def forward(self, image: torch.Tensor) -> Dict[str, torch.Tensor]:
        seen = self.seen(image)
        return {"right": self.right(seen), "left": self.left(seen)}


class Losses(Heads):
    def forward(
        self, image: torch.Tensor, left: torch.Tensor, right: torch.Tensor
    ) -> Tuple[torch.Tensor, torch.Tensor]:
        seen = self.seen(image)
        return functional.cross_entropy(self.left(seen), left), functional.cross_entropy(self.right(seen), right)


class Dropout(Heads):
    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5)

    def seen(self, image: torch.Tensor) -> torch.Tensor:
        return self.drop(torch.tanh(self.body(functional.avg_pool2d(image, 7).flatten(1))))


class Normalised(Heads):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(8)

    def seen(self, image: torch.Tensor) -> torch.Tensor:
        return self.norm(torch.tanh(self.body(functional.avg_pool2d(image, 7).flatten(1))))


class Numbers(nn.Module):
    """One number for each image, and one that is a logit."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(16, 2)
        self.unused = nn.Linear(2, 2)

    def forward(self, image: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        out = self.body(functional.avg_pool2d(image, 7).flatten(1))
        return out[:, 0], out[:, 1]


def save(module: nn.Module, name: str) -> None:
    torch.jit.script(module).save(str(HERE / name))


def edited(source: str, name: str, old: str, new: str) -> None:
    """The same file with other code in it."""
    with zipfile.ZipFile(HERE / source) as whole, zipfile.ZipFile(HERE / name, "w") as copy:
        for entry in whole.infolist():
            content = whole.read(entry)
            if entry.filename.endswith(".py"):
                content = content.replace(old.encode(), new.encode())
            copy.writestr(entry, content)


def answers() -> Dict[str, object]:
    data = load("overlay", {"directory": "shipped:digits", "held-out": 9000, "shift": 0, "partners": 1}).training
    fields = data.fields(micro_batch(1, len(data.pixels), 4, 3))
    batch = {name: torch.from_numpy(value) for name, value in fields.items()}
    torch.manual_seed(1)
    net = Heads()
    left, right = net(batch["image"])
    of: Dict[str, object] = {}
    losses = {
        "left": functional.cross_entropy(left, batch["left-digit"]),
        "right": functional.cross_entropy(right, batch["right-digit"]),
    }
    for task, loss in losses.items():
        names = [name for name, _ in net.named_parameters()]
        gradients = torch.autograd.grad(loss, list(net.parameters()), retain_graph=True, allow_unused=True)
        of[task] = {
            "loss": float(loss),
            "gradient": {n: [] if g is None else g.flatten().tolist() for n, g in zip(names, gradients)},
        }
    torch.manual_seed(1)
    numbers, logits = Numbers()(batch["image"])
    label = batch["left-digit"].float()
    of["l1"] = float(functional.l1_loss(numbers, label))
    of["mse"] = float(functional.mse_loss(numbers, label))
    return of


def main() -> None:
    for kind, name in [
        (Heads, "heads.pt"),
        (Dictionary, "dictionary.pt"),
        (Losses, "losses.pt"),
        (Dropout, "dropout.pt"),
        (Normalised, "normalised.pt"),
        (Numbers, "numbers.pt"),
    ]:
        torch.manual_seed(1)
        save(kind(), name)
    torch.jit.freeze(torch.jit.script(Heads().eval())).save(str(HERE / "frozen.pt"))
    torch.save(Heads().state_dict(), HERE / "weights.pt")
    edited("heads.pt", "newer.pt", "torch.tanh(", "torch.tanh_of_tomorrow(")
    edited("heads.pt", "writing.pt", "torch.tanh(", "ops.aten.save(")
    (HERE / "answers.json").write_text(json.dumps(answers(), indent=1) + "\n")


if __name__ == "__main__":
    main()
