"""The masked auto-encoder of model type ``mae``, in PyTorch."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class _Block(nn.Module):  # type: ignore[misc]
    def __init__(self, width: int, heads: int, mlp_width: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attention = nn.ModuleDict({"qkv": nn.Linear(width, 3 * width), "projection": nn.Linear(width, width)})
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.ModuleDict({"expand": nn.Linear(width, mlp_width), "contract": nn.Linear(mlp_width, width)})

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        parts = self.attention["qkv"](self.norm1(x)).reshape(batch, tokens, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        weights = (query / math.sqrt(width // self.heads) @ key.transpose(-2, -1)).softmax(-1)
        x = x + self.attention["projection"]((weights @ value).transpose(1, 2).reshape(batch, tokens, width))
        return x + self.mlp["contract"](F.gelu(self.mlp["expand"](self.norm2(x))))


def _positions(rows: int, columns: int, width: int) -> Tensor:
    """Rows x columns vectors of sines and cosines, wavelengths 2 pi to 60 pi patches; column first, then row."""
    quarter = width // 4
    frequency = 30.0 ** (-torch.arange(quarter, dtype=torch.float64) / quarter)
    patch = torch.arange(rows * columns, dtype=torch.float64)
    column = (patch % columns)[:, None] * frequency
    row = (patch // columns)[:, None] * frequency
    return torch.cat([column.sin(), column.cos(), row.sin(), row.cos()], dim=1).float()


class MaskedAutoencoder(nn.Module):  # type: ignore[misc]
    """As Gradstream's workers compute it: parameters have the run's names, outputs its values but for rounding.

    Args:
        built: what the run's file says of the network (``model`` in its metadata).
    """

    def __init__(self, built: Mapping[str, str]) -> None:
        super().__init__()
        self.side = int(built["patch-size"])
        self.rows = int(built["image-height"]) // self.side
        self.columns = int(built["image-width"]) // self.side
        self.reach = int(built["decoder-context"])
        self.mean = float(built["mean"])
        self.deviation = float(built["deviation"])
        self.mask_ratio = float(built["mask-ratio"])
        width, decoder_width = int(built["width"]), int(built["decoder-width"])
        heads, ratio = int(built["heads"]), int(built["mlp-ratio"])
        self.encoder_layers, self.decoder_layers = int(built["encoder-layers"]), int(built["decoder-layers"])
        pixels = self.side**2
        self.encoder = nn.ModuleDict({"embedding": nn.Linear(pixels, width), "norm": nn.LayerNorm(width, eps=1e-6)})
        self.decoder = nn.ModuleDict(
            {
                "embedding": nn.Linear(width, decoder_width),
                "norm": nn.LayerNorm(decoder_width, eps=1e-6),
                "head": nn.Linear(decoder_width, pixels),
            }
        )
        self.decoder.register_parameter("mask-token", nn.Parameter(torch.zeros(decoder_width)))
        if self.reach:
            self.decoder["context"] = nn.Linear((2 * self.reach + 1) ** 2 * (pixels + 1), decoder_width)
        for k in range(self.encoder_layers):
            self.encoder[str(k)] = _Block(width, heads, ratio * width)
        for k in range(self.decoder_layers):
            self.decoder[str(k)] = _Block(decoder_width, heads, ratio * decoder_width)
        self.register_buffer("_encoder_positions", _positions(self.rows, self.columns, width), persistent=False)
        self.register_buffer("_decoder_positions", _positions(self.rows, self.columns, decoder_width), persistent=False)

    def patches(self, images: Tensor) -> Tensor:
        """B x H x W images, 0 (black) to 1, as B x patches x pixels, normalised as in training."""
        batch = images.shape[0]
        cut = images.reshape(batch, self.rows, self.side, self.columns, self.side).transpose(2, 3)
        return (cut.reshape(batch, self.rows * self.columns, self.side**2) - self.mean) / self.deviation

    def encode(self, images: Tensor, visible: Tensor) -> Tensor:
        """The encoder's tokens of some patches, by their numbers (B x V, row by row): B x V x width."""
        seen = self._pick(self.patches(images), visible)
        tokens = self.encoder["embedding"](seen) + self._encoder_positions[visible]
        for k in range(self.encoder_layers):
            tokens = self.encoder[str(k)](tokens)
        return self.encoder["norm"](tokens)

    def forward(self, images: Tensor, order: Tensor, visible: int | None = None) -> Tensor:
        """Guesses masked patches.

        Args:
            images: B x H x W, 0 (black) to 1.
            order: B x patches, the numbers of an image's patches: visible ones first, then masked ones.
            visible: how many are visible; as in training if left out.

        Returns:
            B x masked x pixels in the order of the masked patches, normalised like :meth:`patches`.
        """
        count = self._visible() if visible is None else visible
        tokens = self.decoder["embedding"](self.encode(images, order[:, :count]))
        masked = self.decoder.get_parameter("mask-token").expand(len(images), order.shape[1] - count, -1)
        tokens = torch.cat([tokens, masked], dim=1) + self._decoder_positions[order]
        if self.reach:
            tokens = tokens + self.decoder["context"](self._context(images, order, count))
        for k in range(self.decoder_layers):
            tokens = self.decoder[str(k)](tokens)
        return self.decoder["head"](self.decoder["norm"](tokens[:, count:]))

    def reconstruct(self, images: Tensor, order: Tensor, visible: int | None = None) -> Tensor:
        """The images with their masked patches as :meth:`forward` guesses them, 0 to 1 but for overshoot."""
        guesses = self(images, order, visible)
        masked = order[:, order.shape[1] - guesses.shape[1] :]
        patches = self.patches(images).scatter(1, masked[:, :, None].expand_as(guesses), guesses)
        cut = patches.reshape(-1, self.rows, self.columns, self.side, self.side).transpose(2, 3)
        return cut.reshape(images.shape) * self.deviation + self.mean

    def _visible(self) -> int:
        patches = self.rows * self.columns
        return max(1, int(patches * (1 - self.mask_ratio)))

    @staticmethod
    def _pick(patches: Tensor, which: Tensor) -> Tensor:
        return patches.gather(1, which[:, :, None].expand(-1, -1, patches.shape[2]))

    def _context(self, images: Tensor, order: Tensor, count: int) -> Tensor:
        """For each patch, the visible ones around it: 1 and the pixels, or zeros; row by row, itself included."""
        batch, across = len(images), 2 * self.reach + 1
        patches = self.patches(images)
        seen = torch.zeros(batch, patches.shape[1], 1, dtype=patches.dtype, device=patches.device)
        seen = seen.scatter(1, order[:, :count, None], 1.0)
        known = torch.cat([seen, patches * seen], dim=2).transpose(1, 2)
        grid = known.reshape(batch, -1, self.rows, self.columns)
        # B x (pixels + 1) x places around x patches
        around = F.unfold(grid, across, padding=self.reach).reshape(batch, grid.shape[1], across**2, -1)
        return self._pick(around.permute(0, 3, 2, 1).flatten(2), order)
