from tests.services.conftest import buyer, city, database, shop, stripe_sandbox

__all__ = ["buyer", "city", "database", "shop", "stripe_sandbox"]
