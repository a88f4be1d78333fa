"""Limits how often a secret of an account may be tried: by where the tries come from.

Tries are counted for each pair of an account and a source: the client's network, or a device on
which the owner has signed in before. After some free tries each further one has to wait longer. So
nobody can lock an account for others: a stranger's tries count for the stranger's network alone,
and the owner's device passes also inside that network. A try is counted before the secret is
compared, in a transaction of its own, so that parallel tries count too, and equally for accounts
that do not exist.
"""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.statements import prepared
from models.message_text import duration_text
from services.core.network_address import parse_network
from services.core.problems import DomainError, RateLimited
from services.identity.credentials import CredentialSigner
from services.identity.device_tokens import read_device

SUBJECT_PURPOSE = "attempt-subject"
FORGOTTEN_AFTER_HOURS = 24


@dataclass(frozen=True, slots=True)
class AttemptRule:
    """What is tried, how often without waiting, and the waits after that, doubled with each try."""

    name: str
    free_tries: int = 5
    first_wait_seconds: int = 30
    max_wait_seconds: int = 900


PASSWORD_RULE = AttemptRule("password")


@dataclass(frozen=True, slots=True)
class AttemptSource:
    """Where tries of one account's secrets come from."""

    key: str
    """The device if it is known to the account, otherwise the client's network."""
    known: bool
    """Whether the account's owner has signed in on this device before."""
    party: str
    """Whose turn it is in a queue: the known device, or the wider network."""
    site: str = ""
    """The IPv6 /48 around the network, which has limits of its own."""
    limited: bool = False
    """Whether limits of networks apply: not to known devices, nor to this machine."""


def source_of(
    signer: CredentialSigner, *, contact: str, address: str, device_token: str | None
) -> AttemptSource:
    """Return the source of a request about the account of a phone or e-mail address."""
    device = read_device(signer, device_token)
    if device is not None and device.knows(signer, contact):
        key = f"device:{device.id.hex()}"
        return AttemptSource(key, True, key)
    network = parse_network(address)
    key, site = f"network:{network.key}", network.site_key or ""
    return AttemptSource(key, False, network.share_key, site, network.limited)


# One statement: a try that is allowed is counted; of one that must wait, the wait is returned. A
# concurrent first try may be invisible to it, then a second has to do.
TAKE_ATTEMPT = prepared(
    text(
        """
    with taken as (
        insert into attempt as a (rule, subject, source, tries, tried_at, blocked_until)
        values (:rule, :subject, :source, 1, clock_timestamp(), null)
        on conflict (rule, subject, source) do update set
            tries = case when a.tried_at < clock_timestamp() - make_interval(hours => :forget_hours)
                then 1 else a.tries + 1 end,
            tried_at = clock_timestamp(),
            blocked_until = case
                when a.tried_at < clock_timestamp() - make_interval(hours => :forget_hours)
                    or a.tries + 1 < :free_tries then null
                else clock_timestamp() + make_interval(secs => least(
                    cast(:max_wait as float8),
                    cast(:first_wait as float8) * power(2, least(a.tries + 1 - :free_tries, 20))))
                end
            where a.blocked_until is null or a.blocked_until <= clock_timestamp()
        returning 1
    )
    select case when exists (select from taken) then 0 else coalesce((
        select ceil(extract(epoch from blocked_until - clock_timestamp()))::int from attempt
        where rule = :rule and subject = :subject and source = :source
            and blocked_until > clock_timestamp()), 1) end
    """
    )
)
_SAME = "rule = :rule and subject = :subject and source = :source"
FORGET_ATTEMPTS = prepared(text(f"delete from attempt where {_SAME}"))  # noqa: S608 - a constant
RETURN_ATTEMPT = prepared(
    text(f"update attempt set tries = greatest(tries - 1, 0), blocked_until = null where {_SAME}")  # noqa: S608 - a constant
)


@dataclass(frozen=True, slots=True)
class Attempts:
    """The tries of one account's secret from one source."""

    rule: AttemptRule
    subject: bytes
    source: AttemptSource

    @classmethod
    def of(
        cls, signer: CredentialSigner, rule: AttemptRule, contact: str, source: AttemptSource
    ) -> "Attempts":
        """`contact` names the account, whether there is one or not; only its hash is stored."""
        subject = signer.keyed_hash(SUBJECT_PURPOSE, rule.name, contact.strip().lower())
        return cls(rule, subject, source)

    async def take(self, session: AsyncSession) -> None:
        """Count one try; commit before the secret is compared.

        Raises DomainError: RateLimited while the source has to wait; that try is not counted.
        """
        rule = self.rule
        wait = await session.scalar(
            TAKE_ATTEMPT,
            {
                **self._key(),
                "free_tries": rule.free_tries,
                "first_wait": rule.first_wait_seconds,
                "max_wait": rule.max_wait_seconds,
                "forget_hours": FORGOTTEN_AFTER_HOURS,
            },
        )
        if wait:
            message = f"Tried too often from here. Try again in {duration_text(wait)}."
            raise DomainError(
                RateLimited(path=["input"], message=message, retry_after_seconds=wait)
            )

    async def give_back(self, session: AsyncSession) -> None:
        """Undo one `take`: the secret was not compared."""
        await session.execute(RETURN_ATTEMPT, self._key())

    async def forget(self, session: AsyncSession) -> None:
        """Forget the tries of this source, after a right one."""
        await session.execute(FORGET_ATTEMPTS, self._key())

    def _key(self) -> dict[str, object]:
        return {"rule": self.rule.name, "subject": self.subject, "source": self.source.key}
