"""Products for others that are not there: the picker proposes, the customer answers."""

from dataclasses import dataclass, field
from typing import Any

import strawberry

from models import Fulfillment, FulfillmentLine, Substitute, SubstituteAction
from resolvers.context import Info
from resolvers.fulfillment import FulfillmentOutcome
from resolvers.inputs.substitute import (
    FulfillmentSubstituteProposeInput,
    OrderSubstituteAnswerInput,
)
from resolvers.work import attempt, of
from services import substitute as substitutes
from services.refusal import key_of


@dataclass
class SubstituteOutcome:
    """What an answer leads to: the proposal as it is now, or every reason against it."""

    substitute: Substitute | None = None
    errors: list[Any] = field(default_factory=list)


async def propose(info: Info, input: FulfillmentSubstituteProposeInput) -> FulfillmentOutcome:
    return await attempt(
        info,
        FulfillmentOutcome,
        lambda session: substitutes.propose(session, **_proposal(info, input)),
        input=input,
        company_id=of(info, Fulfillment, input.fulfillment_id, "fulfillmentId"),
    )


def _proposal(info: Info, input: FulfillmentSubstituteProposeInput) -> dict[str, Any]:
    line_id = key_of(FulfillmentLine, input.line_id, "lineId")
    return {
        "actor": info.context.actor,
        "fulfillment_id": key_of(Fulfillment, input.fulfillment_id, "fulfillmentId"),
        "proposal": substitutes.Proposal(line_id, input.code, input.quantity, input.grams),
        "expected_version": input.expected_version,
    }


async def answer(info: Info, input: OrderSubstituteAnswerInput) -> SubstituteOutcome:
    return await attempt(
        info,
        SubstituteOutcome,
        lambda session: substitutes.answer(session, **_answer(info, input)),
        input=input,
        company_id=of(info, Substitute, input.substitute_id, "substituteId"),
    )


def _answer(info: Info, input: OrderSubstituteAnswerInput) -> dict[str, Any]:
    key = key_of(Substitute, input.substitute_id, "substituteId")
    return {"actor": info.context.actor, "substitute_id": key, "accept": input.accept}


def available_actions(parent: strawberry.Parent[Substitute], info: Info) -> list[SubstituteAction]:
    return substitutes.legal(parent, info.context.actor)
