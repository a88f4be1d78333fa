"""Known kinds of malicious documents, and the largest ones that the limits allow."""

from collections.abc import Iterator

MAX_REFUSAL_BYTES = 1_024


def doubled_spreads(levels: int) -> str:
    chain = "".join(f" fragment A{n} on Query {{ ...A{n + 1} ...A{n + 1} }}" for n in range(levels))
    return f"{{ ...A0 }}{chain} fragment A{levels} on Query {{ now }}"


def doubled_aliases(levels: int) -> str:
    chain = "".join(
        f" fragment A{n} on Product {{ a: siblings {{ ...A{n + 1} }}"
        f" b: siblings {{ ...A{n + 1} }} }}"
        for n in range(levels)
    )
    return f"{{ products {{ ...A0 }} }}{chain} fragment A{levels} on Product {{ id }}"


def spread_fragments(count: int, body: str) -> str:
    spread = " ".join(f"...F{n}" for n in range(count))
    definitions = " ".join(f"fragment F{n} on Product {{ {body} }}" for n in range(count))
    return f"{{ products {{ {spread} }} }} {definitions}"


def malicious_documents() -> Iterator[tuple[str, str]]:
    yield from multiplied_documents()
    yield from oversized_documents()


def multiplied_documents() -> Iterator[tuple[str, str]]:
    for levels in (18, 30, 60):
        yield f"fragments doubled {levels} times", doubled_spreads(levels)
        yield f"aliases doubled {levels} times", doubled_aliases(levels)
    yield "one field 450 times", "{" + " now" * 450 + "}"
    yield "one field 3,000 times", "{" + " now" * 3_000 + "}"
    yield "one object 21 times", "{" + " products { id }" * 21 + "}"
    yield "one path 400 times", "{ products {" + " siblings { siblings { id } }" * 100 + "}}"
    yield "many fragments", spread_fragments(51, "id")
    yield "overlapping fragments", spread_fragments(40, "id name tags unit")
    yield "450 aliases", "{" + " ".join(f"a{n}: now" for n in range(300)) + "}"
    yield "150 directives", "{ now" + " @skip(if: false)" * 150 + "}"
    yield "20,000 directives", "{ now" + " @skip(if: false)" * 20_000 + "}"


def oversized_documents() -> Iterator[tuple[str, str]]:
    yield "a string of a megabyte", '{ echo(uuid: "' + "a" * 1_000_000 + '") }'
    yield "a string of 30,000 characters", '{ echo(uuid: "' + "a" * 30_000 + '") }'
    yield "an integer of 30,000 digits", "{ products(first: " + "9" * 30_000 + ") { id } }"
    yield "deep objects", "{" + "siblings {" * 300
    yield "deep selections", "{ products {" + "siblings {" * 20 + "id" + "}" * 22
    yield "deep lists", "{ echo(uuid: " + "[" * 400 + "]" * 400 + ") }"
    yield "deep inline fragments", "{" + "... {" * 200 + "now" + "}" * 201
    yield (
        "a circle of fragments",
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
    )
    yield "a fragment in itself", "{ ...A } fragment A on Query { now ...A ...A ...A }"
    yield (
        "circular introspection",
        ("{ __schema { types { ...T } } } fragment T on __Type { fields { type { ...T } } }"),
    )
    yield (
        "deep introspection",
        ("{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"),
    )
    yield "many operations", " ".join(f"query q{n} {{ now }}" for n in range(100))
    yield "unused fragments", "{ now }" + " fragment A on Query { now }" * 40
    yield "unknown fields", "{" + " ".join(f"unknown{n}" for n in range(400)) + "}"
    yield "unknown arguments", "{ now(" + " ".join(f"x{n}: 1" for n in range(300)) + ") }"
    yield "unknown enum values", "{ products { within(units: [" + "XX " * 800 + "]) } }"
    yield "unused variables", "query (" + " ".join(f"$v{n}: Int" for n in range(240)) + ") { now }"
    yield "enormous pages", "{ products(first: 1000000) { id } }"
    yield "pages of pages", "{ a: products(first: 100) { brand { products { brand { products {"
    yield "comments", "#x\n" * 30_000 + "{ now }"


LARGEST_ALLOWED = {
    "ten fields 20 times": (
        "{ products {" + " id name tags grid unit weight note label within checked" * 20 + "}}"
    ),
    "one object 20 times": (
        "{" + " products { id name tags grid unit weight note label within }" * 20 + "}"
    ),
    "one field with arguments 20 times": (
        "{ products {" + " within(range: {low: 1, high: 2, units: [PIECE, PIECE]})" * 20 + "}}"
    ),
    "20 overlapping fragments": spread_fragments(
        20, "id name tags unit weight note boxes { size }"
    ),
}
