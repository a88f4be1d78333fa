"""Puts benchmarks/results/ into docs/performance.md and its picture: `-m benchmarks.peers.plot`.

One panel an operation, one bar a server, longer is more requests a second; each panel has its own
scale, since an empty answer and a hundred orders have nothing in common.
"""

import json
import sys
from typing import Any
from xml.sax.saxutils import escape

from benchmarks.peers.contenders import CONTENDERS
from benchmarks.peers.place import ROOT
from benchmarks.peers.report import COLUMNS, OURS, RESULTS

FILE = ROOT / "docs" / "performance.svg"
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
WIDTH, LABELS, VALUES = 760, 190, 90
BAR, GAP, HEAD, FOOT = 18, 5, 34, 14
INK, OURS_COLOR, THEIRS_COLOR = "#1f2933", "#0b7a75", "#9fb3c8"
TITLES = {one.name: one.title for one in CONTENDERS}


def panel(top: int, name: str, by_server: dict[str, Any]) -> tuple[int, list[str]]:
    """The elements of one operation, and where the next panel begins."""
    rates = {server: row["requests_a_second"] for server, row in by_server.items()}
    most = max(rates.values())
    drawn = [_text(16, top + 22, name, weight="600", size=15)]
    at = top + HEAD
    for server, rate in sorted(rates.items(), key=lambda item: -item[1]):
        length = max(1.0, (WIDTH - LABELS - VALUES) * rate / most)
        color = OURS_COLOR if server == OURS else THEIRS_COLOR
        middle = at + BAR - 5
        drawn += [
            _text(LABELS - 8, middle, TITLES[server], anchor="end"),
            f'<rect x="{LABELS}" y="{at}" width="{length:.1f}" height="{BAR}" fill="{color}"/>',
            _text(int(LABELS + length + 6), middle, f"{rate:,.0f} /s"),
        ]
        at += BAR + GAP
    return at + FOOT, drawn


def _text(
    x: int, y: int, said: str, *, anchor: str = "start", weight: str = "400", size: int = 12
) -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{INK}"'
        f' text-anchor="{anchor}">{escape(said)}</text>'
    )


def drawing(results: dict[str, Any]) -> str:
    """The whole picture."""
    at, elements = 6, []
    font = 'font-family="system-ui, sans-serif"'
    for name, by_server in results["operations"].items():
        at, drawn = panel(at, name, by_server)
        elements += drawn
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {at}" {font}>',
            "<title>Requests a second by operation and server</title>",
            f'<rect width="{WIDTH}" height="{at}" fill="#ffffff"/>',
            *elements,
            "</svg>\n",
        ]
    )


def figures(results: dict[str, Any]) -> str:
    """The tables of the page: every server's medians, then the ratios against the targets."""
    machine, how = results["machine"], results["how"]
    taken = (
        f"Taken {results['taken']} on {machine['cores']} cores ({machine['processor']}), Python"
        f" {results['versions']['python']}, Node {results['versions']['node']}, PostgreSQL"
        f" {results['versions']['postgres']}; {how['connections']} connections, medians of"
        f" {how['rounds']} round(s) of {how['seconds']:.0f} s."
    )
    lines = [
        taken,
        "",
        "| operation | server | requests/s | p50 ms | p99 ms | CPU ms/request | PostgreSQL ms |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for name, by_server in results["operations"].items():
        for server, row in by_server.items():
            numbers = " | ".join(f"{row[column]:.2f}" for column in COLUMNS[1:])
            rate = f"{row['requests_a_second']:.0f}"
            lines.append(f"| {name} | {TITLES[server]} | {rate} | {numbers} |")
    lines += ["", f"pgbench, the storefront as one statement: {results['pgbench_a_second']:.0f}/s."]
    lines += ["", "| operation | against | found | target | |", "|---|---|---:|---:|---|"]
    for ratio in results["ratios"]:
        word = "holds" if ratio["found"] >= ratio["target"] else "**missed**"
        lines.append(
            f"| {ratio['operation']} | {ratio['against']} | {ratio['found']:.2f} |"
            f" {ratio['target']:.2f} | {word} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Draw and write down what was kept last."""
    results = json.loads((RESULTS / "peers.json").read_text())
    FILE.write_text(drawing(results))
    text = PAGE.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n\n{figures(results)}\n\n{END}{after}")
    print(f"drawn to {FILE.relative_to(ROOT)}, written to {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
