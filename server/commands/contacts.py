"""`python -m server contacts`: put stored contacts into their one form, merge who exists twice."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

from database.sessions import Database
from models.accounts import User
from models.ids import encode_id
from server.settings.declarations import DATABASE_URL
from services.accounts.duplicate_contacts import ContactReport, ContactResult
from workflows.identity.duplicate_contacts import normalize_contacts

FINISHED = {ContactResult.REWRITTEN, ContactResult.MERGED}


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Return 0 if every contact has its one form now; 1 if some need somebody's decision."""
    counts = asyncio.run(_run(DATABASE_URL.read(environment)))
    for result, count in sorted(counts.items()):
        print(f"contacts: {count} {result}")
    print(f"contacts: {counts.total()} had another form.")
    return 0 if counts.keys() <= FINISHED else 1


async def _run(url: str) -> Counter[str]:
    """Print a line for each contact, with ids and without the contact itself."""
    database = Database(url, pool_size=2)
    counts: Counter[str] = Counter()
    try:
        async for report in normalize_contacts(database):
            counts[report.result] += 1
            print(f"contacts: {_line(report)}")
    finally:
        await database.close()
    return counts


def _line(report: ContactReport) -> str:
    other = "" if report.other_id is None else f" ({encode_id(User, report.other_id)})"
    return f"{encode_id(User, report.person_id)} {report.kind} {report.result}{other}"
