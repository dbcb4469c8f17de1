"""Data sets of grey images as run specs name them, with the bits that Java workers read."""

from __future__ import annotations

import gzip
import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from ._errors import ScriptError
from ._random import place

Bytes = npt.NDArray[np.uint8]

_SHIPPED = "shipped:"
#: The seed of all pairings; it decides bits and never changes.
_PAIRING = 2


@dataclass(frozen=True)
class Images:
    """Grey images of one size with named labels: pixels as images x rows x columns."""

    pixels: Bytes
    labels: Dict[str, Bytes]

    def fields(self, samples: Sequence[int]) -> Dict[str, npt.NDArray[Any]]:
        """A batch as scripts get it: brightness in [0, 1], batch x 1 x rows x columns, and int64 labels."""
        chosen = list(samples)
        image = (self.pixels[chosen].astype(np.float32) / np.float32(255))[:, None]
        return {"image": image, **{name: values[chosen].astype(np.int64) for name, values in self.labels.items()}}


    def batch_digest(self, samples: Sequence[int]) -> bytes:
        """SHA-256 of some samples, as gradient records have it."""
        _, height, width = self.pixels.shape
        chosen = list(samples)
        digest = hashlib.sha256(b"gradstream batch" + struct.pack(">iii", len(chosen), height, width))
        digest.update(_columns(self.pixels[chosen], [values[chosen] for values in self.labels.values()]))
        return digest.digest()


def _columns(pixels: Bytes, labels: Sequence[Bytes]) -> bytes:
    """Image after image its pixels and its labels."""
    columns = [pixels.reshape(len(pixels), -1), *(values[:, None] for values in labels)]
    return np.ascontiguousarray(np.concatenate(columns, axis=1)).tobytes()


@dataclass(frozen=True)
class ImageData:
    """What a run is trained and validated on."""

    training: Images
    held_out: Images

    def digest(self) -> bytes:
        """SHA-256 of all samples, as run records have it."""
        digest = hashlib.sha256(b"gradstream images")
        for part in (self.training, self.held_out):
            count, height, width = part.pixels.shape
            digest.update(struct.pack(">iii", count, height, width))
            digest.update(_columns(part.pixels, list(part.labels.values())))
        return digest.digest()


def load(kind: str, options: Mapping[str, Any]) -> ImageData:
    """Reads what a run spec's ``data:`` names.

    :param kind: ``idx`` or ``overlay``
    :param options: ``directory``, ``held-out``; of an overlay also ``shift`` and ``partners``
    :raises ScriptError: if the kind is unknown, or a file is missing or damaged
    """
    data = _idx(str(options["directory"]), int(options.get("held-out", 1000)))
    if kind == "idx":
        return data
    if kind == "overlay":
        shift = int(options.get("shift", 8))
        return ImageData(
            _overlay(data.training, shift, int(options.get("partners", 4))), _overlay(data.held_out, shift, 1)
        )
    raise ScriptError(f"data: a Python worker reads idx and overlay, not {kind}; or give data= in the script")


def _overlay(single: Images, shift: int, partners: int) -> Images:
    count, height, width = single.pixels.shape
    label = next(iter(single.labels.values()))
    left = np.tile(np.arange(count), partners)
    right = np.array([place(_PAIRING, turn, count, i) for turn in range(partners) for i in range(count)], dtype=np.int64)
    pixels = np.zeros((count * partners, height + shift, width + shift), np.uint8)
    pixels[:, :height, :width] = single.pixels[left]
    lower = pixels[:, shift:, shift:]
    np.maximum(lower, single.pixels[right], out=lower)
    return Images(pixels, {"left-digit": label[left], "right-digit": label[right]})


def _idx(directory: str, held_out: int) -> ImageData:
    training, test = _part(directory, "train"), _part(directory, "t10k")
    if training is None:
        raise ScriptError(
            f"data.directory: {directory}: no such files: give a directory that has train-images-idx3-ubyte and"
            " train-labels-idx1-ubyte, plain or .gz, or shipped:digits"
        )
    if test is None:
        test, training = _range(training, -held_out, None), _range(training, 0, -held_out)
    return ImageData(training, _range(test, 0, held_out))


def _range(images: Images, start: int, end: Optional[int]) -> Images:
    return Images(images.pixels[start:end], {name: values[start:end] for name, values in images.labels.items()})


def _part(directory: str, part: str) -> Optional[Images]:
    pixels = _read(directory, f"{part}-images-idx3-ubyte", 0x0803)
    if pixels is None:
        return None
    labels = _read(directory, f"{part}-labels-idx1-ubyte", 0x0801)
    if labels is None or len(labels) != len(pixels):
        raise ScriptError(f"data.directory: {directory}: the {part} files do not belong together")
    return Images(pixels, {"label": labels})


def _read(directory: str, name: str, magic: int) -> Optional[Bytes]:
    folder = (
        Path(__file__).parent / directory[len(_SHIPPED) :] if directory.startswith(_SHIPPED) else Path(directory)
    )
    for path in (folder / name, folder / (name + ".gz")):
        if path.exists():
            content = path.read_bytes()
            return _parse(path, gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content, magic)
    return None


def _parse(path: Path, content: bytes, magic: int) -> Bytes:
    dimensions = magic & 0xFF
    header: Tuple[int, ...] = struct.unpack_from(f">{dimensions + 1}i", content)
    lengths: List[int] = list(header[1:])
    values = np.frombuffer(content, np.uint8, offset=4 * (dimensions + 1))
    if header[0] != magic or values.size != int(np.prod(lengths)):
        raise ScriptError(f"{path}: not an idx file of its kind, or cut short")
    return values.reshape(lengths)
