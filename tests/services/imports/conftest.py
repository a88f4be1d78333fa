"""A company admin who imports files."""

from pathlib import Path

import pytest

from database.sessions import Database
from models.identity import Grant, Role
from tests.support.city import City
from tests.support.customers import create_people
from tests.support.stock.import_runner import ImportRunner


@pytest.fixture
async def runner(database: Database, city: City, tmp_path: Path) -> ImportRunner:
    (actor,) = await create_people(database, 1, Grant(Role.COMPANY_ADMIN, city.company.id))
    return ImportRunner(database, city, actor, tmp_path / "files")
