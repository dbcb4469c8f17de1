"""Two digits in one image: one task reads the left one, the other the right one.

The batches come from the run spec's data, so this is all there is to write.
"""

import gradstream  # first: from here on, print goes to the worker's log
from torch import nn
from torch.nn import functional


class Net(nn.Module):
    """A small convolutional encoder that both tasks share, and a head for each."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 12, 5, stride=2),
            nn.ReLU(),
            nn.Conv2d(12, 24, 5, stride=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(24 * 6 * 6, 64),
            nn.ReLU(),
        )
        self.left = nn.Linear(64, 10)
        self.right = nn.Linear(64, 10)


def left_loss(model, batch):
    return functional.cross_entropy(model.left(model.encoder(batch["image"])), batch["left-digit"])


def right_loss(model, batch):
    return functional.cross_entropy(model.right(model.encoder(batch["image"])), batch["right-digit"])


def accuracy_of_left(model, batch):
    return (model.left(model.encoder(batch["image"])).argmax(1) == batch["left-digit"]).float().mean()


def accuracy_of_right(model, batch):
    return (model.right(model.encoder(batch["image"])).argmax(1) == batch["right-digit"]).float().mean()


gradstream.worker(
    model=Net(),
    losses={"left": left_loss, "right": right_loss},
    metrics={"left": accuracy_of_left, "right": accuracy_of_right},
)
