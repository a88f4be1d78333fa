"""Timers of orders, set for a company or for one of its stores."""

from dataclasses import fields
from datetime import datetime
from typing import Protocol

from sqlalchemy import update

from database.scope import PLATFORM
from database.sessions import Database
from models.companies import Company
from models.stores import Store
from models.timers import CompanyTimers
from services.core.clock import current_time
from tests.support.city import City
from tests.support.customers import ORIGIN

NAMES = [field.name for field in fields(CompanyTimers)]
FIELDS = (
    "paymentSeconds acceptSeconds resumeSeconds offerSeconds riderSilenceSeconds"
    " riderSilenceCaseSeconds noShowWaitSeconds"
    " pickingIdleSeconds substituteAnswerSeconds packedWaitSeconds stagedWaitSeconds"
    " searchWiderSeconds searchAlertSeconds searchCancelOfferSeconds searchEndSeconds"
    " reauthorizationSeconds changePaymentSeconds"
)
UPDATE = f"""mutation ($input: CompanyUpdateInput!) {{ companyUpdate(input: $input) {{
  company {{ timers {{ {FIELDS} }} cancellationFee {{ minorUnits }} }}
  errors {{ __typename ... on Problem {{ path message }} }} }} }}"""


async def set_timers(database: Database, city: City, **seconds: int) -> None:
    async with database.write(PLATFORM, ORIGIN) as session:
        of_city = update(Company).where(Company.id == city.company.id)
        await session.execute(of_city.values(timer_overrides=seconds))


async def clock(database: Database) -> datetime:
    async with database.read(PLATFORM) as session:
        return await current_time(session)


async def set_store_timers(database: Database, city: City, **seconds: int) -> None:
    async with database.write(PLATFORM, ORIGIN) as session:
        of_store = update(Store).where(Store.id == city.near.id)
        await session.execute(of_store.values(timer_overrides=seconds))


class SetTimers(Protocol):
    """Sets timers, in seconds, for the first company of a city or its nearest store."""

    async def __call__(self, database: Database, city: City, **seconds: int) -> None: ...
