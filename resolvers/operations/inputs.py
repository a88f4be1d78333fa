import strawberry


@strawberry.input(description="A dead letter of a job that is to be tried again.")
class JobFailureRetryInput:
    failure_id: strawberry.ID = strawberry.field(description="The failure, which is dead.")
