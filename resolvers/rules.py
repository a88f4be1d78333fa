"""Authorization rules: one named rule per mutation, stream and protected field (`docs/rules.md`).

A rule checks roles, and below a row that they are held where the row is. Which rows a role reaches
is decided by row-level security and the services: rows of other parties are not found.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from graphql import GraphQLField, GraphQLSchema

from execution.document.referenced_fields import ReferencedFields
from models.identity import Actor, Role
from services.core.access import roles_text

if TYPE_CHECKING:
    from resolvers.context import Context


class AccessDenied(Exception):
    """The actor lacks the required role; `code` is the error code in the extensions."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Rule:
    """Allows actors with any of `roles`; without roles, every signed-in actor."""

    name: str
    roles: frozenset[Role] = frozenset()
    anonymous: bool = False
    reads: ClassVar[str] = "roles"
    """The part of the context that the rule depends on (see `Context.sharing_values`)."""

    def allows(self, actor: Actor) -> bool:
        if self.anonymous:
            return True
        return actor.signed_in and (not self.roles or not self.roles.isdisjoint(actor.roles))

    def denial(self, context: "Context") -> AccessDenied | None:
        """Return the error for this actor, None when the rule allows it."""
        actor = context.actor
        if self.allows(actor):
            return None
        if not actor.signed_in:
            return AccessDenied("UNAUTHENTICATED", "Sign in first.")
        return AccessDenied("FORBIDDEN", f"Only {roles_text(self.roles)} may do this.")

    def covers(self, context: "Context", row: Any) -> bool:
        """Whether the actor holds one of the roles where `row` is: a field of it is null otherwise.

        A person may see a row as its customer and work in another store or company.
        """
        company_id = getattr(row, "company_id", None)
        if company_id is None or not self.roles:
            return True
        store_id = getattr(row, "store_id", None)
        return any(
            grant.role in self.roles
            and grant.company_id in (None, company_id)
            and (store_id is None or grant.store_id in (None, store_id))
            for grant in context.actor.grants
        )


@dataclass(frozen=True, slots=True)
class PrivateRule(Rule):
    """A rule of a field that is null for everybody else, without an error.

    For what only one kind of caller ever reads of rows that others change as well: what they do
    succeeds, and its payload has no errors.
    """

    def denial(self, context: "Context") -> AccessDenied | None:
        return None

    def covers(self, context: "Context", row: Any) -> bool:
        return self.allows(context.actor) and Rule.covers(self, context, row)


def rule_of(field: GraphQLField) -> Rule | None:
    """Return the rule that a field of the schema was declared with."""
    declared = field.extensions.get("strawberry-definition")
    rule = getattr(declared, "metadata", {}).get("allow")
    return rule if isinstance(rule, Rule) else None


def rule_denial(
    actor: Actor, schema: GraphQLSchema, references: ReferencedFields
) -> AccessDenied | None:
    """Return the error for the first of these fields that the actor may not read, if any."""
    for type_name, field_name in sorted(references):
        graphql_type: Any = schema.get_type(type_name)
        field = graphql_type.fields.get(field_name)
        rule = None if field is None else rule_of(field)
        if rule is not None and not rule.allows(actor):
            message = f"Only {roles_text(rule.roles)} may read {type_name}.{field_name}."
            return AccessDenied("FORBIDDEN", message)
    return None


def _rule(name: str, *roles: Role) -> Rule:
    return Rule(name, frozenset(roles))


ANYONE = Rule("anyone", anonymous=True)
SIGNED_IN = Rule("people who are signed in")
CUSTOMER = _rule("customers", Role.CUSTOMER)
CUSTOMER_ALONE = PrivateRule("customers", CUSTOMER.roles)
RIDER = _rule("riders", Role.RIDER)
STORE = _rule(
    "store staff", Role.STORE_STAFF, Role.STORE_MANAGER, Role.COMPANY_ADMIN, Role.SUPER_ADMIN
)
MANAGER = _rule("store managers", Role.STORE_MANAGER, Role.COMPANY_ADMIN, Role.SUPER_ADMIN)
COMPANY = _rule("company admins", Role.COMPANY_ADMIN, Role.SUPER_ADMIN)
SUPPORT = _rule("support agents", Role.SUPPORT_AGENT, Role.SUPER_ADMIN)
SUPPORT_OR_APP = _rule("support agents and apps", Role.INTEGRATOR, *SUPPORT.roles)
COMPANY_OR_SUPPORT = _rule("company admins and support agents", *COMPANY.roles, *SUPPORT.roles)
MANAGER_OR_SUPPORT = _rule("store managers and support agents", *MANAGER.roles, *SUPPORT.roles)
PLATFORM = _rule("super admins", Role.SUPER_ADMIN)
STORE_OR_SUPPORT = _rule("store staff and support agents", *STORE.roles, *SUPPORT.roles)
RIDER_OR_STORE = _rule("riders and store staff", Role.RIDER, *STORE.roles)
RIDER_OR_SUPPORT = _rule("riders and support agents", Role.RIDER, *SUPPORT.roles)
RIDER_OR_STORE_OR_SUPPORT = _rule(
    "riders, store staff and support agents", Role.RIDER, *STORE_OR_SUPPORT.roles
)
CUSTOMER_OR_SUPPORT = _rule("customers and support agents", Role.CUSTOMER, *SUPPORT.roles)
CUSTOMER_OR_SUPPORT_OR_APP = _rule(
    "customers, support agents and apps", Role.CUSTOMER, *SUPPORT_OR_APP.roles
)

STORE_ROLES = STORE.roles
MANAGER_ROLES = MANAGER.roles
COMPANY_ROLES = COMPANY.roles
SUPPORT_ROLES = SUPPORT.roles
