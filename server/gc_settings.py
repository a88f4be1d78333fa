"""Garbage collection settings of a serving process."""

import gc


def freeze_gc() -> None:
    """Exempt all objects of the start-up from collection: they live as long as the process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
