import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from simulators.stripe.wire import Body

BUSY_TIMEOUT_SECONDS = 2

TABLES = """
CREATE TABLE IF NOT EXISTS object (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    parent TEXT, due_at INTEGER, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS object_kind ON object (kind, seq);
CREATE INDEX IF NOT EXISTS object_parent ON object (parent, seq) WHERE parent IS NOT NULL;
CREATE INDEX IF NOT EXISTS object_due ON object (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, endpoint TEXT NOT NULL, at INTEGER NOT NULL,
    status INTEGER NOT NULL, request_id TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS idempotency_at ON idempotency (at);
CREATE TABLE IF NOT EXISTS delivery (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, due_at REAL,
    attempts INTEGER NOT NULL, drops INTEGER NOT NULL, outcome TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""


class State:
    """The stored state of the simulator, in one SQLite file; a kill -9 loses no answered call.

    It is used from the event loop's thread only: each statement takes microseconds, and a request
    does its work between BEGIN and COMMIT without awaiting anything.
    """

    def __init__(self, path: str) -> None:
        self.db = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
        )
        # Two simulators on one file would deliver every event twice: the second doesn't start.
        self.db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = NORMAL")
        self.db.executescript(TABLES)
        self.began_at = time.time()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; `began_at` is its one moment of real time."""
        self.began_at = time.time()
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def now(self) -> int:
        """The simulated time in seconds: the real one plus what the control endpoint added."""
        return int(time.time()) + self.setting("clock_ahead_seconds")

    def setting(self, name: str) -> int:
        """A stored number; 0 if it was never set."""
        row = self.db.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row else 0

    def set(self, name: str, value: int) -> None:
        """Store a number."""
        self.db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))

    def add(self, body: Body, *, parent: str | None = None) -> Body:
        """Store a new object by id and kind."""
        self.db.execute(
            "INSERT INTO object (id, kind, parent, body) VALUES (?, ?, ?, ?)",
            (body["id"], body["object"], parent, _json(body)),
        )
        return body

    def save(self, body: Body, *, due_at: int | None = None) -> None:
        """Write an object back; `due_at` is when its authorization runs out, if it does."""
        self.db.execute(
            "UPDATE object SET body = ?, due_at = ? WHERE id = ?",
            (_json(body), due_at, body["id"]),
        )

    def find(self, kind: str, key: str) -> Body | None:
        """One object by id."""
        row = self.db.execute(
            "SELECT body FROM object WHERE id = ? AND kind = ?", (key, kind)
        ).fetchone()
        return orjson.loads(row[0]) if row else None

    def parent(self, key: str) -> str:
        """The parent of an object: of a payment method, the name of the test card."""
        row = self.db.execute("SELECT parent FROM object WHERE id = ?", (key,)).fetchone()
        return str(row[0])

    def page(
        self,
        kind: str,
        *,
        before: str | None,
        after: str | None,
        parent: str | None,
        limit: int,
        since: int | None = None,
    ) -> list[Body]:
        """Objects from the newest down; `after` an id means older ones, `before` it newer ones."""
        clauses: list[str] = ["kind = ?"]
        values: list[str | int] = [kind]
        if since is not None:
            clauses.append("json_extract(body, '$.created') >= ?")
            values.append(since)
        if parent:
            clauses.append("parent = ?")
            values.append(parent)
        if after or before:
            clauses.append(
                f"seq {'<' if after else '>'} (SELECT seq FROM object WHERE id = ?)"  # noqa: S608 - two fixed signs
            )
            values.append(after or before or "")
        ascending = before is not None and after is None
        query = f"SELECT body FROM object WHERE {' AND '.join(clauses)} ORDER BY seq"  # noqa: S608 - fixed clauses
        query += f" {'ASC' if ascending else 'DESC'} LIMIT {limit:d}"
        rows = [orjson.loads(row[0]) for row in self.db.execute(query, values)]
        return rows[::-1] if ascending else rows

    def due(self, kind: str, now: int, limit: int) -> list[Body]:
        """Objects that have expired."""
        rows = self.db.execute(
            "SELECT body FROM object WHERE due_at <= ? AND kind = ? ORDER BY due_at LIMIT ?",
            (now, kind, limit),
        )
        return [orjson.loads(row[0]) for row in rows]

    def clear(self) -> None:
        """Delete everything."""
        for table in ("object", "idempotency", "delivery", "setting"):
            self.db.execute(f"DELETE FROM {table}")  # noqa: S608 - the four names above

    def count(self, query: str, *values: Any) -> int:
        """The single number a query answers with."""
        return int(self.db.execute(query, values).fetchone()[0] or 0)


def _json(body: Body) -> str:
    # As text: newer SQLite takes blobs for its own binary JSON.
    return orjson.dumps(body).decode()
