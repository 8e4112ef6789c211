"""Orders that look random and are none: the same for the same key, on every machine and in every version.

Nothing is laid out: the millionth element of a shuffled thousand million is computed without the others.
"""

from __future__ import annotations

import hashlib
from decimal import Context, Decimal

ROUNDS = 6

_WORD = 2**64 - 1


class Permutation:
    """The numbers from 0 to `size` - 1 in an order that `key` decides, each once, by their place.

    A Feistel network over the next even power of two; what falls outside walks on until it falls inside, which takes
    less than four steps on average.
    """

    def __init__(self, size: int, key: str) -> None:
        self.size = size
        self._half = max(1, ((size - 1).bit_length() + 1) // 2)
        self._mask = (1 << self._half) - 1
        digest = hashlib.blake2b(key.encode(), digest_size=8 * ROUNDS, person=b"rushes-order").digest()
        self._keys = [int.from_bytes(digest[at : at + 8], "big") for at in range(0, 8 * ROUNDS, 8)]

    def __getitem__(self, index: int) -> int:
        """The number at `index`. Raises IndexError outside 0 to `size` - 1."""
        if not 0 <= index < self.size:
            raise IndexError(index)
        number = self._mixed(index)
        while number >= self.size:
            number = self._mixed(number)
        return number

    def _mixed(self, number: int) -> int:
        half, mask = self._half, self._mask
        left, right = number >> half, number & mask
        for key in self._keys:
            # The finalizer of splitmix64 (Steele, Lea and Flood, 2014).
            mixed = ((right ^ key) * 0xBF58476D1CE4E5B9) & _WORD
            mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _WORD
            left, right = right, left ^ ((mixed ^ (mixed >> 31)) & mask)
        return left << half | right


class Spread:
    """Points of a cube of some dimensions, of which every beginning fills it evenly; `key` decides where they begin.

    The R-sequence (Roberts, 2018): steps of the powers of the root of x^(d+1) = x + 1, in whole numbers so that
    it is the same everywhere. A point is given as fractions of 2^64.
    """

    def __init__(self, dimensions: int, key: str) -> None:
        context = Context(prec=40)
        root = Decimal(2)
        for _ in range(200):
            root = context.power(context.add(root, Decimal(1)), context.divide(Decimal(1), Decimal(dimensions + 1)))
        self._steps = []
        step = Decimal(1)
        for _ in range(dimensions):
            step = context.divide(step, root)
            self._steps.append(int(context.multiply(step, Decimal(2**64))))
        seeds = (hashlib.blake2b(f"{at}:{key}".encode(), digest_size=8).digest() for at in range(dimensions))
        self._starts = [int.from_bytes(seed, "big") for seed in seeds]

    def __getitem__(self, index: int) -> list[int]:
        """The point at `index`: for each dimension a number from 0 to 2^64 - 1."""
        return [(start + index * step) & _WORD for start, step in zip(self._starts, self._steps, strict=True)]
