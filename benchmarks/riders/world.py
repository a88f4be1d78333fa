"""The benchmark's own database: ten thousand riders of one company, half of them on a ride."""

import random
from dataclasses import dataclass
from uuid import UUID

from benchmarks.peers.place import Place, copied, open_place
from models.identity import Actor, Grant, Role
from services.identity.access_tokens import KeyRing, load_keys

DATABASE = "darkstore_riders"
RIDERS = 10_000
SOUTH, NORTH, WEST, EAST = 41.13, 41.19, -8.68, -8.57
"""The box around Porto in which they ride."""

# Rides belong to no order here, so foreign keys are not checked while they are written. Each rider
# has the role in the database as well: the server checks that the token's roles still exist.
WORLD = """
begin;
set local session_replication_role = replica;
truncate rider_position, delivery_track, delivery_offer, delivery, rider, sign_in_session cascade;
delete from membership where person_id in (select id from person where name = 'bench rider');
delete from person where name = 'bench rider';
create temp table one on commit drop as
    select n, gen_random_uuid() as person, gen_random_uuid() as rider,
        gen_random_uuid() as ride, gen_random_uuid() as session,
        (select id from company where slug = 'harbour') as company
    from generate_series(1, {riders}) n;
insert into person (id, name, language)
    select person, 'bench rider', 'en' from one;
insert into membership (id, person_id, role, company_id)
    select gen_random_uuid(), person, 'RIDER', company from one;
insert into sign_in_session (id, person_id, device, address, expires_at)
    select session, person, 'bench', '', now() + interval '1 day' from one;
insert into rider (id, person_id, company_id, vehicle, status, live_delivery_id, online_since,
        version)
    select rider, person, company, 'SCOOTER', 'ONLINE', case when n % 2 = 0 then ride end,
        now() - interval '1 hour', 1 from one;
insert into delivery (id, fulfillment_id, order_id, store_id, company_id, customer_id, rider_id,
        rider_person_id, status, order_code, customer_name, rider_name, latitude, longitude,
        address_line, delivery_instructions, dropoff_distance_meters, dispatch_round, bag_count,
        handover_tries, pin_tries, assigned_at, version)
    select ride, gen_random_uuid(), gen_random_uuid(),
        (select id from store where company_id = one.company order by id limit 1), company,
        gen_random_uuid(), rider, person, 'EN_ROUTE_TO_STORE', 'B' || n, '', '', {south}, {west},
        '', '', 1000, 1, 1, 0, 0, now() - interval '30 minutes', 1
    from one where n % 2 = 0;
commit;
"""
PEOPLE = """
select r.person_id, s.id from rider r join sign_in_session s on s.person_id = r.person_id
    where s.device = 'bench' order by r.id
"""


@dataclass(frozen=True, slots=True)
class Rider:
    """One phone: its token, and where it is."""

    token: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class World:
    """The private servers and the riders in their own database."""

    place: Place
    company: UUID
    riders: list[Rider]


def open_world(riders_count: int) -> World:
    """Start the private servers and place the riders in the streets of a copy of the database."""
    place = copied(open_place(), DATABASE)
    postgres = place.instance.postgres
    postgres.sql(WORLD.format(riders=riders_count, south=SOUTH, west=WEST), DATABASE)
    postgres.sql("analyze rider; analyze delivery; analyze sign_in_session", DATABASE)
    company = UUID(postgres.sql("select id from company where slug = 'harbour'", DATABASE))
    ring, chance = load_keys(place.keys_file), random.Random(7)
    rows = [line.split("|") for line in postgres.sql(PEOPLE, DATABASE).splitlines()]
    riders = [
        _rider(ring, chance, company, UUID(person), UUID(session)) for person, session in rows
    ]
    return World(place, company, riders)


def _rider(
    ring: KeyRing, chance: random.Random, company: UUID, person: UUID, session: UUID
) -> Rider:
    token, _ = ring.sign(Actor(person, session, (Grant(Role.RIDER, company),)))
    return Rider(token, chance.uniform(SOUTH, NORTH), chance.uniform(WEST, EAST))
