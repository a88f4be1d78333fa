"""Whose buckets pay: those of a person or app and of their companies, or that of an address."""

from dataclasses import dataclass
from hashlib import sha256

from models.identity import Actor
from services.core.address_rate_limit import SITE_FACTOR
from services.core.network_address import parse_network
from services.core.token_bucket import BucketSize

FULL_AFTER_SECONDS = 40
# Factors of one person's bucket. Many people share an address behind a carrier or in an office;
# all staff of a company share the company's.
ADDRESS_FACTOR = 5
COMPANY_FACTOR = 50
# Whoever asks becomes a guest, so all guests of a client network have no more than twenty people.
GUESTS_FACTOR = 20
# An app does for many what people do one by one, and must leave room for its company's people.
APP_FACTOR = 10
MAX_COMPANIES = 5
ENDED_DIVISOR = 40
"""A credential that has ended is refused fifty times at once, then about once a second."""


@dataclass(frozen=True, slots=True)
class CallerBucketSizes:
    """Sizes of the kinds of buckets; those of a site are for all clients of one IPv6 /48."""

    person: BucketSize
    address: BucketSize
    site: BucketSize
    company: BucketSize
    app: BucketSize
    ended: BucketSize
    guests: BucketSize
    guests_site: BucketSize

    @classmethod
    def of(cls, person_per_second: int) -> "CallerBucketSizes":
        """The usual sizes, given what flows back to one person in a second."""

        def size(factor: int) -> BucketSize:
            per_second = factor * person_per_second
            return BucketSize(per_second * FULL_AFTER_SECONDS, per_second)

        return cls(
            person=size(1),
            address=size(ADDRESS_FACTOR),
            site=size(ADDRESS_FACTOR * SITE_FACTOR),
            company=size(COMPANY_FACTOR),
            app=size(APP_FACTOR),
            ended=BucketSize(person_per_second, person_per_second / ENDED_DIVISOR),
            guests=size(GUESTS_FACTOR),
            guests_site=size(GUESTS_FACTOR * SITE_FACTOR),
        )

    def buckets_of(self, actor: Actor, address: str) -> list[tuple[str, BucketSize]]:
        """Names and sizes of the buckets of one caller.

        None for an anonymous caller on this machine: a proxy or simulation speaks for many.
        """
        if actor.person_id is None:
            return _buckets_of_network("", address, self.address, self.site)
        own = (f"person:{actor.person_id}", self.person)
        if actor.is_guest:
            guests = _buckets_of_network("guests:", address, self.guests, self.guests_site)
            return [own, *guests]
        companies = actor.company_ids[:MAX_COMPANIES]
        if actor.app_id is not None:
            own = (f"app:{actor.app_id}", self.app)
        return [
            own,
            *((f"company:{company}", self.company) for company in companies),
        ]

    def failure_buckets_of(self, address: str) -> list[tuple[str, BucketSize]]:
        """Names and sizes of the buckets that pay for failed authentications of a client network.

        Nothing else is paid from them: what strangers spend refuses no signed-in neighbor.
        """
        return _buckets_of_network("failures:", address, self.address, self.site)

    def ended_buckets_of(self, credential: str) -> list[tuple[str, BucketSize]]:
        """Name and size of the bucket that pays for a token, key or secret which has ended.

        A token is known by what is signed: its signature can be written in many ways.
        """
        signed = credential.rpartition(".")[0] or credential
        digest = sha256(signed.encode(errors="replace")).hexdigest()
        return [(f"ended:{digest}", self.ended)]


def _buckets_of_network(
    prefix: str, address: str, size: BucketSize, site_size: BucketSize
) -> list[tuple[str, BucketSize]]:
    """The buckets of a client network; none for this machine."""
    network = parse_network(address)
    if not network.limited:
        return []
    own = (f"{prefix}address:{network.key}", size)
    if network.site_key is None:
        return [own]
    return [own, (f"{prefix}site:{network.site_key}", site_size)]
