"""`make demo-short`: play all scenes and a short city against a store that is started for it."""

from collections.abc import Mapping
from pathlib import Path

from local import account, run, valkey
from local.place import Place

FOLDER = "demo-short"
CITY = ("--rate", "0.5", "--minutes", "0.2")
# The settings of a developer's own providers and databases must not reach the trial.
PRIVATE_SETTINGS = ("DARKSTORE_", "DATABASE_URL", "REDIS_URL", "SMS_", "SMTP_", "STRIPE_")


def play(root: Path, python: Path, given: Mapping[str, str]) -> None:
    """Start a store on a free port, run both simulators, stop it and delete its data.

    Raises LocalError when the store does not start or a simulator reports an error.
    """
    run.handle_signals()
    place = Place(root, FOLDER)
    with place.held():
        run.terminate(place.orphans())
        environment = {
            name: value for name, value in given.items() if not name.startswith(PRIVATE_SETTINGS)
        }
        simulated = run.simulated_providers(environment)
        store = run.StoreProcesses(place, python, valkey.free_port(), simulated, environment)
        try:
            run.prepare(store, {})
            run.serve(store)
            store.await_ready()
            environment["DARKSTORE_URL"] = store.url
            store.finish("the demo", "simulators.demo", "all")
            store.finish("the city", "simulators.city", *CITY)
            store.check()
        finally:
            store.stop()
    account.remove(place.folder)
