"""Reads documents: measures them, validates them, and remembers the good ones."""

from collections import OrderedDict

import strawberry
from graphql import GraphQLError, parse, recommended_rules, specified_rules, validate
from graphql.validation import ASTValidationRule, NoSchemaIntrospectionCustomRule
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from execution.document.limits import Limits, check_cost, check_shape, too_complex
from execution.document.prepared import Prepared, prepare

RULES: tuple[type[ASTValidationRule], ...] = (
    *specified_rules,
    *recommended_rules,
    MaybeNullValidationRule,
    OneOfInputValidationRule,
)


class Documents:
    """The valid documents of one schema, the most recently used ones in memory."""

    def __init__(self, schema: strawberry.Schema, limits: Limits, introspection: bool) -> None:
        self._schema = schema._schema
        self._limits = limits
        self._rules = RULES if introspection else (*RULES, NoSchemaIntrospectionCustomRule)
        self._kept: OrderedDict[tuple[str, str | None], Prepared] = OrderedDict()
        self._tokens = 0

    def prepare(self, query: str, operation_name: str | None) -> Prepared | list[GraphQLError]:
        """The operation ready to run, or the reasons why it never will."""
        key = (query, operation_name)
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        try:
            made = self._read(query, operation_name)
        except GraphQLError as error:
            return [error]
        except RecursionError:
            return [too_complex("The document is nested too deeply.")]
        except Exception as error:
            # A scalar's own parser may fail in its own way on a literal that nobody expected.
            return [GraphQLError(str(error), original_error=error)]
        if isinstance(made, Prepared):
            self._keep(key, made)
        return made

    def _read(self, query: str, operation_name: str | None) -> Prepared | list[GraphQLError]:
        limits = self._limits
        if len(query) > limits.document_characters:
            at_most = f"at most {limits.document_characters} characters are allowed"
            raise too_complex(f"The document is too long: {at_most}.")
        document = parse(query, max_tokens=limits.tokens)
        check_shape(document, limits)
        errors = validate(self._schema, document, self._rules, limits.validation_errors)
        if errors:
            return errors
        prepared = prepare(self._schema, document, operation_name)
        check_cost(prepared.cost, limits)
        return prepared

    def _keep(self, key: tuple[str, str | None], prepared: Prepared) -> None:
        self._kept[key] = prepared
        self._tokens += prepared.document.token_count
        while len(self._kept) > self._limits.cached_documents or (
            self._tokens > self._limits.cached_tokens and len(self._kept) > 1
        ):
            _, gone = self._kept.popitem(last=False)
            self._tokens -= gone.document.token_count
