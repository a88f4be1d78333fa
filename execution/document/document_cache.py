"""Parses, measures and validates documents, and caches the valid ones."""

from collections import OrderedDict

import strawberry
from graphql import GraphQLError, parse, recommended_rules, specified_rules, validate
from graphql.validation import ASTValidationRule, NoSchemaIntrospectionCustomRule
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from execution.document.limits import (
    Limits,
    check_cost,
    check_shape,
    too_complex,
)
from execution.document.prepared_operation import PreparedOperation, prepare
from execution.document.values import check_literals

RULES: tuple[type[ASTValidationRule], ...] = (
    *specified_rules,
    *recommended_rules,
    MaybeNullValidationRule,
    OneOfInputValidationRule,
)


class DocumentCache:
    """LRU cache of the valid documents of one schema, bounded by count and by tokens."""

    def __init__(self, schema: strawberry.Schema, limits: Limits, introspection: bool) -> None:
        self._schema = schema._schema
        self._limits = limits
        self._rules = RULES if introspection else (*RULES, NoSchemaIntrospectionCustomRule)
        self._prepared: OrderedDict[tuple[str, str | None], PreparedOperation] = OrderedDict()
        self._tokens = 0

    def find(self, query: str, operation_name: str | None) -> PreparedOperation | None:
        """The prepared operation if it is cached."""
        key = (query, operation_name)
        prepared = self._prepared.get(key)
        if prepared is not None:
            self._prepared.move_to_end(key)
        return prepared

    def prepare(
        self, query: str, operation_name: str | None
    ) -> PreparedOperation | list[GraphQLError]:
        """The prepared operation, which is cached from now on, or the errors of the document."""
        try:
            result = self._read(query, operation_name)
        except GraphQLError as error:
            return [error]
        except RecursionError:
            return [too_complex("The document is nested too deeply.")]
        except Exception as error:
            # The literal parser of a custom scalar may raise any exception.
            return [GraphQLError(str(error), original_error=error)]
        if isinstance(result, PreparedOperation):
            self._store((query, operation_name), result)
        return result

    def _read(
        self, query: str, operation_name: str | None
    ) -> PreparedOperation | list[GraphQLError]:
        limits = self._limits
        if len(query) > limits.document_characters:
            allowed = f"at most {limits.document_characters} characters are allowed"
            raise too_complex(f"The document is too long: {allowed}.")
        document = parse(query, max_tokens=limits.tokens)
        check_literals(document)
        check_shape(document, limits)
        errors = validate(self._schema, document, self._rules, limits.validation_errors)
        if errors:
            return errors
        prepared = prepare(self._schema, document, operation_name)
        check_cost(prepared.cost, limits)
        return prepared

    def _store(self, key: tuple[str, str | None], prepared: PreparedOperation) -> None:
        self._prepared[key] = prepared
        self._tokens += prepared.document.token_count
        while len(self._prepared) > self._limits.cached_documents or (
            self._tokens > self._limits.cached_tokens and len(self._prepared) > 1
        ):
            _, evicted = self._prepared.popitem(last=False)
            self._tokens -= evicted.document.token_count
