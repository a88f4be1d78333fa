"""Barcodes of printed papers."""

from barcode.codex import Code128

Bars = list[tuple[int, int]]


def code128_bars(text: str) -> Bars:
    """The bars of a Code 128 (ISO/IEC 15417): first module and number of modules of each."""
    (modules,) = Code128(text).build()
    bars: Bars = []
    for at, module in enumerate(modules):
        if module == "0":
            continue
        if bars and sum(bars[-1]) == at:
            bars[-1] = (bars[-1][0], bars[-1][1] + 1)
        else:
            bars.append((at, 1))
    return bars
