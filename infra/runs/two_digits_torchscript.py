"""Writes two-digits.pt, which two-digits-torchscript.yaml trains: python two_digits_torchscript.py

Two digits lie over each other in one image; one head reads the left one, the other the right one.
Made with torch 2.15. Gradstream needs no Python to train it.
"""

import pathlib

import torch
from torch import nn


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

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of the left and the right digit, batch x 10 each, of images batch x 1 x 36 x 36."""
        seen = self.encoder(image)
        return self.left(seen), self.right(seen)


if __name__ == "__main__":
    torch.manual_seed(1)
    torch.jit.script(Net()).save(str(pathlib.Path(__file__).with_name("two-digits.pt")))
