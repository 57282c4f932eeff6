"""Python's collector of cyclic garbage: nothing else goes on while it looks, and by itself it looks at everything.

What is read at the start stands for as long as the daemon runs. Looked through again and again, ten thousand flows
would stop every probe for half a second, twice a minute, and double the time that a start takes.
"""

import gc


def stand_by() -> None:
    """No collections until `settle`: what a start makes is there to stay."""
    gc.disable()


def settle() -> None:
    """Take what there is now for lasting, and collect from what comes after it. Nothing else goes on meanwhile."""
    if gc.get_freeze_count():  # a reload: what it has replaced is garbage by now
        gc.unfreeze()
        gc.collect()
    gc.freeze()
    gc.enable()
