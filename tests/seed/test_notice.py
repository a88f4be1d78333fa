"""data/NOTICE.md names the source and the licence of every data file."""

import re

from tests.support.paths import ROOT

DATA = ROOT / "data"
ROW = re.compile(r"^\| *([\w./*, -]+?) *\|(.*)\|$", re.MULTILINE)


def read_rows() -> dict[str, str]:
    """The rows by the files that they name; a row names a file, several or a pattern."""
    rows: dict[str, str] = {}
    for names, rest in ROW.findall((DATA / "NOTICE.md").read_text()):
        folder = names.rpartition("/")[0]
        for name in names.split(", ") if folder else ():
            path = name if "/" in name else f"{folder}/{name}"
            found = [str(file.relative_to(DATA)) for file in DATA.glob(path)]
            rows |= dict.fromkeys(found or [path], rest)
    return rows


def test_every_data_file_is_named_with_its_source_and_licence() -> None:
    rows = {name: rest.split("|") for name, rest in read_rows().items()}
    files = {
        str(path.relative_to(DATA))
        for path in DATA.rglob("*")
        if path.is_file() and path.name != "NOTICE.md"
    }
    assert files
    assert files == set(rows) & files, files - set(rows)
    for name in files:
        _what, source, licence, changes = (cell.strip() for cell in rows[name])
        assert source, name
        assert licence, name
        assert changes, name


def test_every_named_file_is_there() -> None:
    assert {name for name in read_rows() if not (DATA / name).is_file()} == set()
