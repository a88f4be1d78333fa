"""Private parts of SQLAlchemy that this project depends on; no other module touches one.

The write session and the statement cache replace SQLAlchemy's unit of work and result processing on
hot paths, so they read and set state that has no public name. Each name below refers directly to
SQLAlchemy's own function or attribute, so that a call costs what it would cost without this module.

`tests/database/test_sqlalchemy_internals.py` checks all of them against `CHECKED_VERSION`.
"""

from collections.abc import Mapping
from operator import attrgetter, methodcaller
from typing import Any

from sqlalchemy.orm import InstanceState, Mapper, Session
from sqlalchemy.orm.identity import _WeakInstanceDict
from sqlalchemy.sql.cache_key import CacheKey
from sqlalchemy.sql.compiler import SQLCompiler

__all__ = ["CacheKey", "SQLCompiler"]

CHECKED_VERSION = "2.1.9"
"""The version that these names were checked against."""

new_states = attrgetter("_new")
"""Of a session: the states of rows that the next flush inserts, each with its row."""
deleted_states = attrgetter("_deleted")
"""Of a session: the states of rows that the next flush deletes, each with its row."""
modified_states = attrgetter("identity_map._modified")
"""Of a session: the set of states of loaded rows whose attributes were set since the last flush."""

register_persistent: Any = Session._register_persistent
"""(session, states): move states that were inserted into the identity map."""
identity_key: Any = Mapper._identity_key_from_state
"""(mapper, state): the key (class, primary key, token) of a row in the identity map."""
commit_state: Any = InstanceState._commit_all
"""(state, values, identity map): regard the attributes' present values as those of the table."""
add_to_identity_map: Any = _WeakInstanceDict._add_unpresent
"""(identity map, state, key): add a row whose key the map does not contain."""

cache_key = methodcaller("_generate_cache_key")
"""Of a statement: a `CacheKey`, equal for statements that differ in values only; None without."""
returning_columns = attrgetter("_returning")
"""Of an insert, update or delete: what its RETURNING clause names."""

bind_processors = attrgetter("_bind_processors")
"""Of a compiler: by parameter name, what makes the driver's value out of a Python value."""
result_columns = attrgetter("_result_columns")
"""Of a compiler: an entry with `keyname` and `type` for each column of the result."""
has_ordered_columns = attrgetter("_ordered_columns")
"""Of a compiler: whether the result's columns come in the order of `result_columns`."""
expand_parameters: Any = SQLCompiler._process_parameters_for_postcompile
"""(compiler, values): the text and the parameters once lists (of IN) are spread out."""

begin_transaction = methodcaller("_start_transaction")
"""Of SQLAlchemy's adapter of an asyncpg connection: BEGIN now, not with the first statement."""


def has_pending_changes(session: Session) -> bool:
    """Whether a flush would write anything."""
    return bool(session._new or session._deleted or modified_states(session))


def default_parameters(compiler: SQLCompiler, key: CacheKey | None) -> Mapping[str, Any]:
    """The values that a statement itself gives its parameters; None for those that it requires."""
    extracted = key.bindparams if key is not None else None
    return compiler.construct_params({}, extracted_parameters=extracted, _check=False)


def result_processor(column_type: Any, dialect: Any) -> Any:
    """What makes the declared value of a column out of the driver's; None where it is the same."""
    return column_type._cached_result_processor(dialect, None)
