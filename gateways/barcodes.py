"""Barcodes of printed papers: Code 128 (ISO/IEC 15417)."""

Bars = list[tuple[int, int]]

# The widths of three bars and three spaces, eleven modules together, by the value of the symbol.
SYMBOLS = [
    "212222",
    "222122",
    "222221",
    "121223",
    "121322",
    "131222",
    "122213",
    "122312",
    "132212",
    "221213",
    "221312",
    "231212",
    "112232",
    "122132",
    "122231",
    "113222",
    "123122",
    "123221",
    "223211",
    "221132",
    "221231",
    "213212",
    "223112",
    "312131",
    "311222",
    "321122",
    "321221",
    "312212",
    "322112",
    "322211",
    "212123",
    "212321",
    "232121",
    "111323",
    "131123",
    "131321",
    "112313",
    "132113",
    "132311",
    "211313",
    "231113",
    "231311",
    "112133",
    "112331",
    "132131",
    "113123",
    "113321",
    "133121",
    "313121",
    "211331",
    "231131",
    "213113",
    "213311",
    "213131",
    "311123",
    "311321",
    "331121",
    "312113",
    "312311",
    "332111",
    "314111",
    "221411",
    "431111",
    "111224",
    "111422",
    "121124",
    "121421",
    "141122",
    "141221",
    "112214",
    "112412",
    "122114",
    "122411",
    "142112",
    "142211",
    "241211",
    "221114",
    "413111",
    "241112",
    "134111",
    "111242",
    "121142",
    "121241",
    "114212",
    "124112",
    "124211",
    "411212",
    "421112",
    "421211",
    "212141",
    "214121",
    "412121",
    "111143",
    "111341",
    "131141",
    "114113",
    "114311",
    "411113",
    "411311",
    "113141",
    "114131",
    "311141",
    "411131",
    "211412",
    "211214",
    "211232",
]
STOP = "2331112"
START_B, START_C = 104, 105
FIRST_CHARACTER = ord(" ")


def code128_bars(text: str) -> Bars:
    """The bars of printable ASCII text: first module and number of modules of each.

    An even number of digits is packed by two (set C), any other text is written in set B. Raises
    ValueError for other characters.
    """
    if not text.isascii() or not text.isprintable():
        raise ValueError("Code 128 has printable ASCII characters only")
    if text.isdigit() and len(text) % 2 == 0:
        start, values = START_C, [int(text[at : at + 2]) for at in range(0, len(text), 2)]
    else:
        start, values = START_B, [ord(one) - FIRST_CHARACTER for one in text]
    check = (start + sum(at * value for at, value in enumerate(values, 1))) % 103
    widths = "".join(SYMBOLS[value] for value in [start, *values, check]) + STOP
    bars, at = [], 0
    for nth, width in enumerate(map(int, widths)):
        if nth % 2 == 0:
            bars.append((at, width))
        at += width
    return bars
