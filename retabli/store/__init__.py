"""What is remembered: standings, units' streaks, kept results, the hash-chained log, and the outbox of pages."""

from retabli.store.facts import Failing, LogRow, OutboxRow, Past, Remembered, Restored, StoreError, StoreFailed, Which
from retabli.store.reader import Reader
from retabli.store.store import Store

__all__ = [
    "Failing",
    "LogRow",
    "OutboxRow",
    "Past",
    "Reader",
    "Remembered",
    "Restored",
    "Store",
    "StoreError",
    "StoreFailed",
    "Which",
]
