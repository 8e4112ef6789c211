"""What the waiting room is told of the parents of takes, when it comes to them."""

from __future__ import annotations

from workers.context import Context

TOLD_AT_ONCE = 100


def parents_from(context: Context, batch: str, index: int) -> dict[int, tuple[int, ...]]:
    """The parents of the take at `index` and of those after it, by index, as `WaitingRoom.parents` wants them.

    Raises `RedisError` when Redis doesn't know the batch.
    """
    expansion = context.expansion(batch)
    end = next((end for start, end in expansion.chained if start <= index < end), index + 1)
    return {
        at: tuple(dict.fromkeys(parent.index for parent in expansion.parents(at)))
        for at in range(index, min(index + TOLD_AT_ONCE, end))
    }
