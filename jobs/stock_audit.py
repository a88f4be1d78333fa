"""The books of every store, compared with its shelf once a day."""

from models import PLATFORM
from models.database import Database, Origin
from services import stock_audit


async def audit(database: Database) -> int:
    """Audit the next store that is due; answers how many stores that was."""
    async with database.write(PLATFORM, Origin("job:stock.audit")) as session:
        return await stock_audit.audit_next(session)
