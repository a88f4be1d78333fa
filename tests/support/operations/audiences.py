"""Who may run a client operation, by the rules of every field that it selects."""

from collections.abc import Collection, Mapping

from graphql import (
    FieldNode,
    GraphQLSchema,
    SelectionSetNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    parse,
    visit,
)

from models.identity import Role
from resolvers.rules import SIGNED_IN, STORE, SUPPORT, rule_of
from server.endpoints.explorer import ANYBODY, READERS, SIGNED_IN_USERS

PEOPLE = frozenset(Role) - {Role.INTEGRATOR}
STORE_CHAIN = (Role.STORE_STAFF, Role.STORE_MANAGER, Role.COMPANY_ADMIN, Role.SUPER_ADMIN)
"""Each may what the one before may."""
OF_ONE_PARTY: Mapping[str, frozenset[Role]] = {
    "Viewer.customer": frozenset({Role.CUSTOMER}),
    "Viewer.staff": STORE.roles,
    "Viewer.rider": frozenset({Role.RIDER}),
    "Viewer.supportAgent": SUPPORT.roles,
    "Storefront.cart": frozenset({Role.CUSTOMER}),
}
"""Fields without a rule that are null for everybody else."""


class _Rules(Visitor):
    """Collects who passes the rules of all fields of a document."""

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self._types = types
        self.roles = PEOPLE
        self.anonymous = True

    def enter_selection_set(self, node: SelectionSetNode, *_: object) -> None:
        """A document that selects nothing else is about what one party has."""
        parent = self._types.get_parent_type()
        if parent is not None and len(node.selections) == 1:
            [only] = node.selections
            name = only.name.value if isinstance(only, FieldNode) else ""
            if (party := OF_ONE_PARTY.get(f"{parent.name}.{name}")) is not None:
                self.roles, self.anonymous = self.roles & party, False

    def enter_field(self, *_: object) -> None:
        found = self._types.get_field_def()
        rule = None if found is None else rule_of(found)
        if rule is None or rule.anonymous:
            return
        self.anonymous = False
        if rule is not SIGNED_IN:
            self.roles &= rule.roles


def permitted_readers(schema: GraphQLSchema, document: str) -> tuple[frozenset[Role], bool]:
    """The roles that pass the rules of all fields; whether people who did not sign in do, too."""
    types = TypeInfo(schema)
    rules = _Rules(types)
    visit(parse(document), TypeInfoVisitor(types, rules))
    return rules.roles, rules.anonymous


def roles_of(reader: str) -> frozenset[Role]:
    """The roles of a reader as a first line names one, with those that may the same and more."""
    if reader in (ANYBODY, SIGNED_IN_USERS):
        return PEOPLE
    [least] = [role for role, name in READERS.items() if name == reader]
    if least in STORE_CHAIN:
        return frozenset(STORE_CHAIN[STORE_CHAIN.index(least) :])
    return SUPPORT.roles if least is Role.SUPPORT_AGENT else frozenset({least})


def named_readers(readers: Collection[str]) -> tuple[frozenset[Role], bool]:
    """The roles that a first line names; whether it names people who did not sign in, too."""
    return frozenset().union(*map(roles_of, readers)), ANYBODY in readers


def least_role(reader: str) -> Role | None:
    """The role of a reader's that may least; None for the readers of every role."""
    return next((role for role, name in READERS.items() if name == reader), None)
