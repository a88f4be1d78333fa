"""Substitutes for missing units: proposed by pickers, answered by customers."""

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
from resolvers.mutations import company_of, run_mutation
from services.core.problems import parse_id
from services.fulfillment import substitute_states, substitutions


@dataclass
class SubstituteOutcome:
    """The result of an answer: the proposal as it is now, or the errors."""

    substitute: Substitute | None = None
    errors: list[Any] = field(default_factory=list)


async def propose(info: Info, input: FulfillmentSubstituteProposeInput) -> FulfillmentOutcome:
    return await run_mutation(
        info,
        FulfillmentOutcome,
        lambda session: substitutions.propose(session, **_proposal_arguments(info, input)),
        input=input,
        company_id=company_of(info, Fulfillment, input.fulfillment_id, "fulfillmentId"),
    )


def _proposal_arguments(info: Info, input: FulfillmentSubstituteProposeInput) -> dict[str, Any]:
    line_id = parse_id(FulfillmentLine, input.line_id, "lineId")
    return {
        "actor": info.context.actor,
        "fulfillment_id": parse_id(Fulfillment, input.fulfillment_id, "fulfillmentId"),
        "proposal": substitutions.SubstituteProposal(
            line_id, input.code, input.quantity, input.grams
        ),
        "expected_version": input.expected_version,
    }


async def answer(info: Info, input: OrderSubstituteAnswerInput) -> SubstituteOutcome:
    return await run_mutation(
        info,
        SubstituteOutcome,
        lambda session: substitutions.answer(session, **_answer_arguments(info, input)),
        input=input,
        company_id=company_of(info, Substitute, input.substitute_id, "substituteId"),
    )


def _answer_arguments(info: Info, input: OrderSubstituteAnswerInput) -> dict[str, Any]:
    substitute_id = parse_id(Substitute, input.substitute_id, "substituteId")
    return {"actor": info.context.actor, "substitute_id": substitute_id, "accept": input.accept}


def available_actions(parent: strawberry.Parent[Substitute], info: Info) -> list[SubstituteAction]:
    return substitute_states.MACHINE.available_actions(parent, info.context.actor)
