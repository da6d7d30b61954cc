"""SP3 text made with plain formatting, independent of the package's writer."""

from __future__ import annotations

from dataclasses import dataclass, field

MISSING = 999999.999999


def header(
    *,
    version="d",
    mode="P",
    start="2024  9 19  0  0  0.00000000",
    epochs=2,
    satellites=("G01", "G02"),
    accuracy=(),
    label="IGS20",
    time_system="GPS",
    file_type="G",
    week=2332,
    seconds=345600.0,
    interval=900.0,
    day=60572,
    fraction=0.0,
    bases=(1.25, 1.025),
    comments=("", "", "", ""),
    data_used="ORBIT",
    lines=5,
):
    """Lines of a header, 60 columns."""
    first = f"#{version}{mode}{start} {epochs:7d} {data_used:5s} {label:5s} FIT  AAA"
    names = [*satellites, *["  0"] * 999]
    codes = [*accuracy, *[0] * 999]
    count = max(lines, -(-len(satellites) // 17))
    system = "ccc" if version == "a" else time_system
    kind = "cc" if version == "a" else f"{file_type:2s}"
    return [
        first,
        f"## {week:4d} {seconds:15.8f} {interval:14.8f} {day:5d} {fraction:15.13f}",
        *(
            (f"+  {len(satellites):3d}   " if row == 0 else "+        ") + "".join(names[17 * row : 17 * row + 17])
            for row in range(count)
        ),
        *("++       " + "".join(f"{code:3d}" for code in codes[17 * row : 17 * row + 17]) for row in range(count)),
        f"%c {kind} cc {system} ccc cccc cccc cccc cccc ccccc ccccc ccccc ccccc",
        "%c cc cc ccc ccc cccc cccc cccc cccc ccccc ccccc ccccc ccccc",
        f"%f {bases[0]:10.7f} {bases[1]:12.9f}  0.00000000000  0.000000000000000",
        "%f  0.0000000  0.000000000  0.00000000000  0.000000000000000",
        "%i    0    0    0    0      0      0      0      0         0",
        "%i    0    0    0    0      0      0      0      0         0",
        *(f"/* {comment}" for comment in comments),
    ]


def record(satellite, x, y, z, clock=MISSING, *, tail="", letter="P"):
    """One line of a position or velocity."""
    return f"{letter}{satellite}{x:14.6f}{y:14.6f}{z:14.6f}{clock:14.6f}{tail}"


def position(number):
    """A plausible position of satellite ``number``, kilometres."""
    return 15000.0 + number + 0.123456, -4484.630202 - number, 21166.249498 - 0.000001 * number


@dataclass
class Text:
    """A file of two epochs and two satellites whose lines may be changed."""

    head: list[str] = field(default_factory=header)
    body: list[str] = field(default_factory=list)
    end: str = "EOF\n"
    newline: str = "\n"

    def data(self):
        return (self.newline.join([*self.head, *self.body, ""]) + self.end.replace("\n", self.newline)).encode(
            "latin-1"
        )


def small(**options):
    """Two epochs, satellites G01 and G02 (or those given), clocks of 100 and 101 us."""
    satellites = options.get("satellites", ("G01", "G02"))
    body = []
    for minute in (0, 15):
        body.append(f"*  2024  9 19  0 {minute:2d}  0.00000000")
        body += [record(name, *position(place + minute), 100.0 + place) for place, name in enumerate(satellites)]
    return Text(header(**options), body)
