from tests.services.conftest import buyer, city, shop, stripe_sandbox

__all__ = ["buyer", "city", "shop", "stripe_sandbox"]
