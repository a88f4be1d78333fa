import strawberry


@strawberry.input(description="Input of `jobFailureRetry`.")
class JobFailureRetryInput:
    job_failure_id: strawberry.ID = strawberry.field(description="The dead letter.")
