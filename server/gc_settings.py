"""How a process treats its memory while it serves."""

import gc


def settle() -> None:
    """What start-up made lives as long as the process: spare the collector from walking it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
