"""Random numbers as functions of where they are used, with the bits that every Gradstream worker has.

docs/protocol.md defines them ("Which batch"); the test vectors of proto/protocol hold them.
"""

from typing import List

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15

#: First steps of paths: what numbers are for.
ORDER = 1
SCRIPT = 8


def _mix(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def key(seed: int, *path: int) -> int:
    """The key of the stream of random numbers that belongs to a seed and a path."""
    k = _mix((seed + _GOLDEN) & _MASK)
    for step in path:
        k = _mix(k ^ _mix((step + _GOLDEN) & _MASK))
    return k


def bits(k: int, i: int) -> int:
    """Number i of a stream: 64 random bits."""
    return _mix((k + (i + 1) * _GOLDEN) & _MASK)


def uniform(k: int, i: int) -> float:
    """Number i of a stream, from [0, 1)."""
    return (bits(k, i) >> 11) * 2.0**-53


def place(seed: int, epoch: int, samples: int, position: int) -> int:
    """The sample at a position of an epoch's order, both in 0 to samples - 1."""
    k = key(seed, ORDER, epoch)
    half = (max(2, (samples - 1).bit_length()) + 1) // 2
    mask = (1 << half) - 1
    element = position
    while True:
        left, right = element >> half, element & mask
        for turn in range(8):
            left, right = right, left ^ (bits(k, (turn << 32) | right) & mask)
        element = left << half | right
        if element < samples:
            return element


def micro_batch(seed: int, samples: int, size: int, index: int) -> List[int]:
    """The samples of a micro-batch: the run's own permutation of a data set, epoch after epoch.

    :param seed: the run's
    :param samples: of the data set
    :param size: samples of a micro-batch
    :param index: of the micro-batch, as orders name it
    """
    return samples_from(seed, samples, index * size, size)


def samples_from(seed: int, samples: int, first: int, count: int) -> List[int]:
    """Samples that follow each other from a position on, epoch after epoch."""
    positions = range(first, first + count)
    return [place(seed, p // samples, samples, p % samples) for p in positions]
