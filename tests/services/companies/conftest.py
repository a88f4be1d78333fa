from typing import Any

import pytest

from tests.support.order_steps.order_timers import set_store_timers, set_timers


@pytest.fixture(params=[set_timers, set_store_timers], ids=["company", "store"])
def set_by(request: pytest.FixtureRequest) -> Any:
    return request.param
