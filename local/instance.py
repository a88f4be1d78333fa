"""One folder's private servers, started, stopped and crashed together or one by one."""

from dataclasses import dataclass
from pathlib import Path

from local.postgres import Postgres, postgres
from local.valkey import Valkey, valkey


@dataclass(frozen=True, slots=True)
class Instance:
    """A private PostgreSQL and Valkey that share a folder."""

    postgres: Postgres
    valkey: Valkey

    @property
    def database_url(self) -> str:
        """The SQLAlchemy address of the database, as its owner."""
        return self.postgres.url()

    @property
    def redis_url(self) -> str:
        """The address for redis clients."""
        return self.valkey.url

    def start(self) -> None:
        """Start what does not run; after a crash this recovers on the same data."""
        self.postgres.start()
        self.valkey.start()

    def stop(self) -> None:
        """Stop both and keep their data."""
        self.valkey.stop()
        self.postgres.stop()

    def kill_postgres(self) -> None:
        """End PostgreSQL with SIGKILL."""
        self.postgres.kill()

    def kill_redis(self) -> None:
        """End Valkey with SIGKILL."""
        self.valkey.kill()


def start(folder: Path, *, durable: bool = True) -> Instance:
    """Start the private servers of a folder, or join those that run; raises LocalError."""
    instance = Instance(postgres(folder, durable=durable), valkey(folder))
    instance.start()
    return instance
