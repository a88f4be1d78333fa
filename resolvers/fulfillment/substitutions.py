"""Substitutes for missing units: proposed by pickers, answered by customers."""

from dataclasses import dataclass, field
from typing import Any

import strawberry

from models.fulfillment import Fulfillment, FulfillmentLine, Substitution, SubstitutionAction
from resolvers.context import Info
from resolvers.fulfillment.fulfillments import FulfillmentOutcome
from resolvers.fulfillment.inputs import (
    OrderSubstituteAnswerInput,
    SubstitutionProposeInput,
)
from resolvers.mutations import company_of, run_mutation
from services.core.problems import parse_id
from services.fulfillment import substitute_states, substitutions


@dataclass
class SubstituteOutcome:
    """The result of an answer: the proposal as it is now, or the errors."""

    substitution: Substitution | None = None
    errors: list[Any] = field(default_factory=list)


async def propose(info: Info, input: SubstitutionProposeInput) -> FulfillmentOutcome:
    return await run_mutation(
        info,
        FulfillmentOutcome,
        lambda session: substitutions.propose(session, **_proposal_arguments(info, input)),
        input=input,
        company_id=company_of(info, Fulfillment, input.fulfillment_id, "fulfillmentId"),
    )


def _proposal_arguments(info: Info, input: SubstitutionProposeInput) -> dict[str, Any]:
    line_id = parse_id(FulfillmentLine, input.line_id, "lineId")
    return {
        "actor": info.context.actor,
        "fulfillment_id": parse_id(Fulfillment, input.fulfillment_id, "fulfillmentId"),
        "proposal": substitutions.SubstituteProposal(
            line_id, input.scanned_code, input.quantity, input.weight_grams
        ),
        "expected_version": input.expected_version,
    }


async def answer(info: Info, input: OrderSubstituteAnswerInput) -> SubstituteOutcome:
    return await run_mutation(
        info,
        SubstituteOutcome,
        lambda session: substitutions.answer(session, **_answer_arguments(info, input)),
        input=input,
        company_id=company_of(info, Substitution, input.substitution_id, "substitutionId"),
    )


def _answer_arguments(info: Info, input: OrderSubstituteAnswerInput) -> dict[str, Any]:
    substitute_id = parse_id(Substitution, input.substitution_id, "substitutionId")
    return {"actor": info.context.actor, "substitute_id": substitute_id, "accept": input.accept}


def available_actions(
    parent: strawberry.Parent[Substitution], info: Info
) -> list[SubstitutionAction]:
    return substitute_states.MACHINE.available_actions(parent, info.context.actor)
