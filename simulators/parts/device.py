"""The base of all role clients: signs in and checks the errors of mutations."""

from typing import Any

from simulators.client import GraphClient, RequestFailed

SIGN_IN = """
mutation SignIn($input: PasswordSignInInput!) {
  passwordSignIn(input: $input) {
    accessToken
    errors { __typename ... on Problem { message } }
  }
}
"""


class MutationRejected(RequestFailed):
    """A mutation returned problems; their type names are the codes."""

    def __init__(self, mutation: str, errors: list[dict[str, Any]]) -> None:
        words = "; ".join(f"{one['__typename']}: {one.get('message', '')}" for one in errors)
        kinds = [error["__typename"] for error in errors]
        super().__init__(f"{mutation} was refused: {words}", kinds)


class RoleClient:
    """The app of one person."""

    def __init__(self, graph: GraphClient) -> None:
        self.graph = graph

    async def sign_in(self, email: str, password: str) -> None:
        """Sign in by e-mail and password."""
        given = {"email": email, "password": password}
        payload = await self.do(SIGN_IN, "passwordSignIn", given)
        self.graph.token = payload["accessToken"]

    async def do(
        self, document: str, mutation: str, given: dict[str, Any], key: str | None = None
    ) -> Any:
        """Run a mutation and answer its payload; raises MutationRejected when it has errors."""
        data = await self.graph.run(document, key, input=given)
        payload = data[mutation]
        if payload["errors"]:
            raise MutationRejected(mutation, payload["errors"])
        return payload
