"""An execution plan: an operation compiled for fixed values of @skip and @include."""

from typing import Any

import strawberry
from graphql import FragmentDefinitionNode, GraphQLError, OperationDefinitionNode
from graphql.execution import VariableValues

from execution.planning.collect import FieldCollector
from execution.planning.compiler import PlanCompiler
from execution.planning.context_dependencies import variables_below_root
from execution.runtime.run import PlanRun


class ExecutionPlan:
    """Runs an operation any number of times, also concurrently."""

    __slots__ = (
        "_root", "_serial", "context_dependencies", "fragments", "operation", "schema",
        "variables_below_root",
    )  # fmt: skip

    def __init__(
        self,
        schema: strawberry.Schema,
        operation: OperationDefinitionNode,
        fragments: dict[str, FragmentDefinitionNode],
        conditions: VariableValues,
    ) -> None:
        self.schema = schema
        self.operation = operation
        self.fragments = fragments
        self._serial = operation.operation.value == "mutation"
        root_type = schema._schema.get_root_type(operation.operation)
        if root_type is None:
            kind = operation.operation.value
            raise GraphQLError(f"Schema is not configured to execute {kind} operation.", operation)
        compiler = PlanCompiler(schema, FieldCollector(schema._schema, fragments, conditions))
        self._root = compiler.selection(root_type, [operation.selection_set], (), ())
        self.context_dependencies = frozenset(compiler.context_dependencies)
        """The parts of the context that the data depends on; see `sharing_key`."""
        self.variables_below_root = variables_below_root(operation, fragments)

    async def run(self, variables: VariableValues, context: Any, root: Any) -> PlanRun:
        """Run to the end: data (None if a null has propagated to the root) and errors."""
        run, ended = self.begin(variables, context, root)
        return run if ended else await self.finish(run)

    def begin(self, variables: VariableValues, context: Any, root: Any) -> tuple[PlanRun, bool]:
        """Run as far as possible without waiting; also return whether that was all."""
        run = PlanRun(self, variables, context, root)
        if self._serial:
            return run, False
        (run.data,) = self._root.fill([root], run)
        return run, run.settle()

    async def finish(self, run: PlanRun) -> PlanRun:
        """Complete a run that `begin` has started; root fields of a mutation run serially."""
        if not self._serial:
            await run.drain()
            return run
        outputs = self._root.read_rows([run.root], run)
        (run.data,) = outputs
        await run.drain()
        for step in self._root.steps:
            if run.data is None:
                break  # A null has propagated to the root: do not start the remaining fields.
            step.start([run.root], outputs, run)
            await run.drain()
            _clear_loaders(run.context)
        return run


def _clear_loaders(context: Any) -> None:
    """Clear what a field of a mutation has loaded: the next field may change it."""
    loaders = getattr(context, "loaders", None)
    if loaders is not None:
        loaders.clear()
