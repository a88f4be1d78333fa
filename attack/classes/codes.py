"""Floods of wrong codes at every entry point that takes a code or the key of a link.

A code has few digits: after some wrong ones the right one must not count any more. A link is a long
random text, so it must go on counting: nobody may lock the links of others.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from attack.bystander import bystander_of
from attack.figures import Effort, Figure
from attack.target import Target
from tests.support.operations import daily_work, failed_deliveries, identity_work, pickups
from tests.support.operations.player import Operation
from tests.support.production.harness import Harness, headers_of, open_harness
from tests.support.production.measuring_player import MeasuringPlayer, document_of
from tests.support.production.price_run import create_measuring_player

WRONG_CODES = 60
Story = Callable[[MeasuringPlayer, Harness], Awaitable[object]]
EntryPoint = tuple[str, str]
"""An operation, and the field of its input that takes the code."""


async def _sign_in(play: MeasuringPlayer, harness: Harness) -> None:
    await daily_work.sign_in_and_out(play, harness.texts)


async def _manage_account(play: MeasuringPlayer, harness: Harness) -> None:
    await identity_work.manage_account(play, harness.texts)


async def _deliver(play: MeasuringPlayer, harness: Harness) -> None:
    await daily_work.deliver_order(play)


async def _return(play: MeasuringPlayer, harness: Harness) -> None:
    await failed_deliveries.return_delivery(play)


async def _collect(play: MeasuringPlayer, harness: Harness) -> None:
    await pickups.collect_order(play)


async def _invite(play: MeasuringPlayer, harness: Harness) -> None:
    await identity_work.manage_invitations(play, "owner")


CODES: Mapping[EntryPoint, Story] = {
    ("otp_sign_in", "code"): _sign_in,
    ("fulfillment_collect", "pickupCode"): _collect,
    ("delivery_return", "returnCode"): _return,
    ("phone_change", "code"): _manage_account,
    ("delivery_pick_up", "handoverCode"): _deliver,
    ("delivery_complete", "deliveryPin"): _deliver,
}
"""The story that comes to each entry point with the right code."""
LINKS: Mapping[EntryPoint, Story] = {
    ("invitation_accept", "token"): _invite,
    ("email_sign_up_complete", "token"): _manage_account,
    ("email_change_confirm", "token"): _manage_account,
    ("password_reset", "token"): _manage_account,
    ("invitation_decline", "token"): _invite,
    ("session_refresh", "refreshToken"): _sign_in,
}


class EntryPointTried(Exception):
    """Ends a story at the attacked entry point; `opened` is whether the right code counted."""

    def __init__(self, opened: bool) -> None:
        super().__init__()
        self.opened = opened


@dataclass
class GuessingPlayer(MeasuringPlayer):
    """Plays a story up to one entry point, and sends wrong codes there before the right one."""

    entry_point: EntryPoint = ("", "")
    wrong_count: int = 0

    async def __call__(self, who: str, name: str, /, **given: Any) -> Any:
        """Send an operation, or many wrong codes of it at the same time, then the right one."""
        operation, code_field = self.entry_point
        right = given.get(code_field)
        if name != operation or right is None:
            return await super().__call__(who, name, **given)
        guesses = (wrong_code(right, nth) for nth in range(1, self.wrong_count + 1))
        await asyncio.gather(*(self._opens(who, given | {code_field: one}) for one in guesses))
        raise EntryPointTried(await self._opens(who, given))

    async def _opens(self, who: str, given: Mapping[str, Any]) -> bool:
        """Whether a code is the right one to the server."""
        operation = Operation(self.entry_point[0])
        body = {"query": document_of(operation), "variables": operation.variables(**given)}
        headers = headers_of(self.clients[who])
        answer = (await self.http.post("/graphql", json=body, headers=headers)).json()
        payload: Any = next(iter((answer.get("data") or {}).values()), None)
        return bool(payload) and not payload.get("errors")


def wrong_code(right: str, nth: int) -> str:
    """Another code of the same form."""
    if right.isdigit():
        return f"{(int(right) + nth) % 10 ** len(right):0{len(right)}}"
    return f"{right[:-4]}{nth:04}"


async def attack(target: Target, effort: Effort) -> list[Figure]:
    """Flood each entry point, while a bystander asks; each code is tried without a flood, too."""
    every = 2 if effort.short else 1
    codes, links = list(CODES.items())[::every], list(LINKS.items())[::every]
    async with open_harness(target) as harness, bystander_of(target) as bystander:
        calm = [await _try_entry_point(target, harness, *one, wrong_count=0) for one in codes]
        flooded = [
            await _try_entry_point(target, harness, *one, wrong_count=WRONG_CODES) for one in codes
        ]
        opened = [
            await _try_entry_point(target, harness, *one, wrong_count=WRONG_CODES) for one in links
        ]
    return [
        Figure("entry points that open to the right code", sum(calm), len(codes), at_least=True),
        Figure("right codes that count after a flood of wrong ones", sum(flooded), 0),
        Figure("links that a flood of wrong ones has locked", len(links) - sum(opened), 0),
        Figure("requests of a bystander that failed", bystander.failures, 0),
    ]


async def _try_entry_point(
    target: Target, harness: Harness, entry_point: EntryPoint, story: Story, *, wrong_count: int
) -> bool:
    """Whether the right code counts after so many wrong ones; in a city of its own."""
    plain = await create_measuring_player(target, harness)
    values = {one.name: getattr(plain, one.name) for one in fields(plain)}
    play = GuessingPlayer(**values, entry_point=entry_point, wrong_count=wrong_count)
    try:
        await story(play, harness)
    except EntryPointTried as tried:
        return tried.opened
    raise LookupError(f"no story comes to {entry_point}")
