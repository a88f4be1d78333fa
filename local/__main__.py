"""What the Makefile calls: `python -m local setup|run|stop|reset|trial|inside`."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from local import account, run, setup, trial
from local.errors import LocalError
from local.place import Place

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv" / "bin" / "python"


def main(arguments: Sequence[str]) -> int:
    """Do what the first argument says; a LocalError is printed, status 1."""
    try:
        return _do(arguments[0] if arguments else "", arguments[1:])
    except LocalError as problem:
        print(f"darkstore: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _do(verb: str, rest: Sequence[str]) -> int:
    if verb == "setup":
        with_postgres = not os.environ.get("DATABASE_URL")
        setup.install(ROOT, with_postgres=with_postgres, for_tests="--tests" in rest)
    elif verb == "run":
        run.run(ROOT, PYTHON, os.environ)
    elif verb == "stop":
        run.stop(ROOT)
    elif verb == "reset":
        run.stop(ROOT)
        account.remove(ROOT / ".darkstore" / "run")
    elif verb == "trial":
        trial.play(ROOT, PYTHON, os.environ)
    elif verb == "inside":
        _inside(rest)
    else:
        raise LocalError("Say what to do: setup, run, stop, reset, trial or inside COMMAND.")
    return 0


def _inside(command: Sequence[str]) -> None:
    """Become `python COMMAND` with the settings of the store that runs here."""
    environment = os.environ | Place(ROOT).environment()
    os.execve(PYTHON, [str(PYTHON), *command], environment)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
