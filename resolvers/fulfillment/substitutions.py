"""Products for others that are not there: the picker proposes, the customer answers."""

from dataclasses import dataclass, field
from typing import Any

import strawberry

from models.fulfillment import Fulfillment, FulfillmentLine, Substitute, SubstituteAction
from resolvers.context import Info
from resolvers.fulfillment.fulfillments import FulfillmentOutcome
from resolvers.fulfillment.inputs import (
    FulfillmentSubstituteProposeInput,
    OrderSubstituteAnswerInput,
)
from resolvers.mutations import attempt, of
from services.core.problems import key_of
from services.fulfillment import substitutions


@dataclass
class SubstituteOutcome:
    """What an answer leads to: the proposal as it is now, or every reason against it."""

    substitute: Substitute | None = None
    errors: list[Any] = field(default_factory=list)


async def propose(info: Info, input: FulfillmentSubstituteProposeInput) -> FulfillmentOutcome:
    return await attempt(
        info,
        FulfillmentOutcome,
        lambda session: substitutions.propose(session, **_proposal(info, input)),
        input=input,
        company_id=of(info, Fulfillment, input.fulfillment_id, "fulfillmentId"),
    )


def _proposal(info: Info, input: FulfillmentSubstituteProposeInput) -> dict[str, Any]:
    line_id = key_of(FulfillmentLine, input.line_id, "lineId")
    return {
        "actor": info.context.actor,
        "fulfillment_id": key_of(Fulfillment, input.fulfillment_id, "fulfillmentId"),
        "proposal": substitutions.Proposal(line_id, input.code, input.quantity, input.grams),
        "expected_version": input.expected_version,
    }


async def answer(info: Info, input: OrderSubstituteAnswerInput) -> SubstituteOutcome:
    return await attempt(
        info,
        SubstituteOutcome,
        lambda session: substitutions.answer(session, **_answer(info, input)),
        input=input,
        company_id=of(info, Substitute, input.substitute_id, "substituteId"),
    )


def _answer(info: Info, input: OrderSubstituteAnswerInput) -> dict[str, Any]:
    key = key_of(Substitute, input.substitute_id, "substituteId")
    return {"actor": info.context.actor, "substitute_id": key, "accept": input.accept}


def available_actions(parent: strawberry.Parent[Substitute], info: Info) -> list[SubstituteAction]:
    return substitutions.legal(parent, info.context.actor)
