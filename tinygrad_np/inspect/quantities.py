"""Counts, bytes and times as text, with a prefix and three digits."""


def amount(count: float, unit: str = "") -> str:
    """Write a count with a prefix: "1.23 M".

    Examples
    --------
    >>> amount(0, "B"), amount(950, "B"), amount(1_234_567, "flop")
    ('0 B', '950 B', '1.23 Mflop')
    """
    for power, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= power:
            return f"{count / power:.3g} {prefix}{unit}".rstrip()
    return f"{count:.0f} {unit}".rstrip()


def duration(seconds: float) -> str:
    """Write a time: "1.23 ms".

    Examples
    --------
    >>> duration(0.00123), duration(0.000004), duration(2)
    ('1.23 ms', '4 µs', '2 s')
    """
    if seconds >= 1:
        return f"{seconds:.3g} s"
    return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.3g} µs"
