"""What a company's admin does with apps of third parties and their webhooks."""

from tests.resolvers.playing import Play


async def minding_apps(play: Play) -> None:
    """An app is made, gets a key and another one, may do less, and ends."""
    app = (await play("owner", "app_create", companyId=play.company))["app"]["id"]
    secret = await play("owner", "app_secret_create", appId=app)
    assert secret["text"].startswith("dk_live_")
    named = {"secretId": secret["secret"]["id"]}
    assert (await play("owner", "app_secret_rotate", **named))["text"] != secret["text"]
    await play("owner", "app_secret_revoke", **named)
    await play("owner", "app_update", appId=app)
    assert (await play("owner", "app_detail", id=app))["scopes"] == ["STOCK_READ"]
    await play("owner", "app_list", companyId=play.company)
    await play("owner", "app_revoke", appId=app)
