"""data/NOTICE.md names the source and the licence of every data file."""

import re

from tests.support.paths import ROOT

DATA = ROOT / "data"
ROW = re.compile(r"^\| *`?([\w./-]+)`? *\|(.*)\|$", re.MULTILINE)


def test_every_data_file_is_named_with_its_source_and_licence() -> None:
    rows = {name: rest.split("|") for name, rest in ROW.findall((DATA / "NOTICE.md").read_text())}
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
    named = {name for name, _ in ROW.findall((DATA / "NOTICE.md").read_text()) if "/" in name}
    assert {name for name in named if not (DATA / name).is_file()} == set()
