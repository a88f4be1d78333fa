"""What a document may cost at most, checked before anything else looks at it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds of one document and of what is kept of documents."""

    document_characters: int = 32_768
    tokens: int = 1_000
    depth: int = 15
    aliases: int = 30
    fields: int = 500
    directives: int = 9
    operations: int = 5
    fragments: int = 50
    repeats: int = 30
    """How often one response path may be asked for: merging them costs its square."""
    cost: int = 20_000
    validation_errors: int = 5
    variable_errors: int = 5
    cached_documents: int = 1_000
    cached_tokens: int = 200_000
