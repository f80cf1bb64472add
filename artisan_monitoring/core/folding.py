"""Shorten long stacks: repeating runs of frames are folded into one, the middle of what is still long is left out."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

# A repeating cycle of this many frames is folded (a calls b calls c calls a).
CYCLE = 4
HEAD_FRAMES = 12
TAIL_FRAMES = 38


def fold(keys: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Fold repeating runs of at most `CYCLE` keys: return (index of the kept one, times it stands for).

    >>> fold("abcbcbcd")
    [(0, 1), (1, 3), (2, 3), (7, 1)]
    """
    if len(set(keys)) == len(keys):  # nearly every stack: 2 us instead of 30
        return [(index, 1) for index in range(len(keys))]
    kept: list[list[int]] = []
    for index in range(len(keys)):
        kept.append([index, 1])
        for size in range(1, CYCLE + 1):
            if len(kept) < 2 * size:
                break
            last, before = kept[-size:], kept[-2 * size : -size]
            if all(keys[new[0]] == keys[old[0]] for new, old in zip(last, before, strict=True)):
                for new, old in zip(last, before, strict=True):
                    old[1] += new[1]
                del kept[-size:]
                break
    return [(index, times) for index, times in kept]


def trim(frames: list[tuple[int, int]]) -> tuple[list[tuple[int, int]], int]:
    """Keep the outermost and innermost frames of a long stack; return them and how many were left out."""
    left_out = len(frames) - HEAD_FRAMES - TAIL_FRAMES
    if left_out <= 0:
        return frames, 0
    return frames[:HEAD_FRAMES] + frames[-TAIL_FRAMES:], left_out
