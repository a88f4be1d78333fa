from tests.services.conftest import buyer, city, database, opened_desk, shop

__all__ = ["buyer", "city", "database", "opened_desk", "shop"]
