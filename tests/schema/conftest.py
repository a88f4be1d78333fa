from tests.services.conftest import city

__all__ = ["city"]
