import strawberry


@strawberry.input(description="What to change about oneself; what is left out stays.")
class PersonUpdateInput:
    name: str | None = strawberry.field(description="Up to 100 characters.", default=None)
    language: str | None = strawberry.field(
        description="A language tag such as en, zh-Hant or pt-PT.", default=None
    )
