"""Writes two-digits.onnx, which two-digits-onnx.yaml trains: python two_digits_onnx.py

Two digits lie over each other in one image; one head reads the left one, the other the right one.
Made with torch 2.15 and the package gradstream with its extra `export`. Gradstream needs no Python to train it.
"""

import pathlib

import gradstream
import torch
from torch import nn
from torch.nn import functional


class Net(nn.Module):
    """A small convolutional encoder that both tasks share, and a head for each."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 8, 5, stride=2),
            nn.ReLU(),
            nn.Conv2d(8, 16, 5, stride=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(16 * 6 * 6, 48),
            nn.ReLU(),
        )
        self.left = nn.Linear(48, 10)
        self.right = nn.Linear(48, 10)


def left_loss(model, batch):
    return functional.cross_entropy(model.left(model.encoder(batch["image"])), batch["left-digit"])


def right_loss(model, batch):
    return functional.cross_entropy(model.right(model.encoder(batch["image"])), batch["right-digit"])


def accuracy_of_left(model, batch):
    return (model.left(model.encoder(batch["image"])).argmax(1) == batch["left-digit"]).float().mean()


def accuracy_of_right(model, batch):
    return (model.right(model.encoder(batch["image"])).argmax(1) == batch["right-digit"]).float().mean()


if __name__ == "__main__":
    torch.manual_seed(1)
    gradstream.export(
        pathlib.Path(__file__).with_name("two-digits.onnx"),
        model=Net(),
        losses={"left": left_loss, "right": right_loss},
        metrics={"left": accuracy_of_left, "right": accuracy_of_right},
        example={
            "image": torch.rand(4, 1, 36, 36),
            "left-digit": torch.randint(10, (4,)),
            "right-digit": torch.randint(10, (4,)),
        },
    )
