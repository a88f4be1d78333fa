"""Every mutation has its own input, payload and union of problems, named after it."""

import pytest
from graphql import GraphQLField, GraphQLObjectType, GraphQLUnionType, get_named_type

from schema.root import graph

ROOT = graph._schema.mutation_type
MUTATIONS: dict[str, GraphQLField] = ROOT.fields if ROOT is not None else {}
WITHOUT_INPUT = {"guestSignIn", "sessionRevokeAll"}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_has_its_own_shapes(name: str) -> None:
    """What one mutation needs later would change all that share its input or payload."""
    mutation = MUTATIONS[name]
    prefix = name[0].upper() + name[1:]
    inputs = {argument: str(each.type) for argument, each in mutation.args.items()}
    assert inputs == ({} if name in WITHOUT_INPUT else {"input": f"{prefix}Input!"})
    payload = mutation.type
    assert isinstance(payload, GraphQLObjectType), "a refusal has to leave other fields alone"
    assert payload.name == f"{prefix}Payload"
    assert str(payload.fields["errors"].type) == f"[{prefix}Error!]!"
    errors = get_named_type(payload.fields["errors"].type)
    assert isinstance(errors, GraphQLUnionType)
    assert all("Problem" in [each.name for each in kind.interfaces] for kind in errors.types)
    own_inputs = [get_named_type(each.type) for each in mutation.args.values()]
    for described in (payload, errors, *own_inputs):
        assert f"`{name}`" in (described.description or "")


@pytest.mark.parametrize("name", MUTATIONS)
def test_what_a_mutation_answers_is_null_when_it_is_refused(name: str) -> None:
    payload = get_named_type(MUTATIONS[name].type)
    assert isinstance(payload, GraphQLObjectType)
    required = [field for field, each in payload.fields.items() if str(each.type).endswith("!")]
    assert set(required) - {"acceptedCount", "rejected"} == {"errors"}
