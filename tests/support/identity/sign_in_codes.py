"""Requests codes by text message, types them, and lets time pass."""

import secrets
from typing import Any

from sqlalchemy import text

from database.audit import AuditContext
from database.scope import PLATFORM
from database.sessions import Database
from tests.support.actors import ActorClient
from tests.support.graph_queries import operation

OTP, VERIFY = operation("otp_request"), operation("otp_sign_in")
STRANGER, OWNER = "203.0.113.66", "198.51.100.7"


def new_address() -> str:
    """An address of a network that has asked for no code before: the limits of each are small."""
    return ".".join(["203", *(str(secrets.randbelow(256)) for _ in range(3))])


def new_phone() -> str:
    return f"+35191{secrets.randbelow(10**7):07}"


def error_of(payload: dict[str, Any]) -> str | None:
    return payload["errors"][0]["__typename"] if payload["errors"] else None


async def request_code(nobody: ActorClient, phone: str, **more: Any) -> dict[str, Any]:
    variables = {"input": {"phone": phone}}
    payload: dict[str, Any] = (await nobody.run(OTP, variables, **more))["otpRequest"]
    return payload


async def verify_code(
    nobody: ActorClient, phone: str, code: str, challenge: str | None = None, **more: Any
) -> dict[str, Any]:
    variables = {"input": {"phone": phone, "code": code, "challenge": challenge}}
    payload: dict[str, Any] = (await nobody.run(VERIFY, variables, **more))["otpSignIn"]
    return payload


async def flood(nobody: ActorClient, phone: str) -> list[dict[str, Any]]:
    """Strangers in five networks ask for five codes each."""
    return [
        await request_code(nobody, phone, address=f"192.0.2.{network}")
        for network in range(5)
        for _ in range(5)
    ]


async def age_codes(database: Database, phone: str, seconds: float) -> None:
    """Make the codes of a phone older."""
    statement = text(
        "update one_time_code set issued_at = issued_at - make_interval(secs => :seconds),"
        " expires_at = expires_at - make_interval(secs => :seconds),"
        " sent_at = sent_at - make_interval(secs => :seconds) where phone = :phone"
    )
    async with database.write(PLATFORM, AuditContext("test")) as session:
        await session.execute(statement, {"phone": phone, "seconds": seconds})
