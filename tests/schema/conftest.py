from tests.services.conftest import city, database

__all__ = ["city", "database"]
