"""Charts as SVG: bars with whiskers, and lines over logarithmic axes. Pure functions of figures."""

import math
from xml.sax.saxutils import escape

FONT = "font-family='sans-serif'"
INK, SOFT, GRID = "#222222", "#666666", "#dddddd"
OURS, THEIRS = "#1f6fb2", "#b9c2cc"
LINES = ("#1f6fb2", "#c2571a", "#3a8f4a", "#8b5fbf")


def number(value):
    """Three figures that matter, without an exponent for what people read."""
    if value == 0:
        return "0"
    if not 1e-3 <= abs(value) < 1e7:
        return f"{value:.1e}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def nice_step(most, about=5):
    """1, 2 or 5 times a power of ten, so that about so many steps reach `most`."""
    if most <= 0:
        return 1.0
    raw = most / about
    power = 10 ** math.floor(math.log10(raw))
    return next(power * m for m in (1, 2, 5, 10) if raw <= power * m * 1.0000001)


def _text(x, y, text, size=12, anchor="start", colour=INK, weight="normal"):
    return (f"<text x='{x:.1f}' y='{y:.1f}' {FONT} font-size='{size}' text-anchor='{anchor}'"
            f" fill='{colour}' font-weight='{weight}'>{escape(str(text))}</text>")


def _line(x1, y1, x2, y2, colour=INK, width=1.0):
    return (f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' stroke='{colour}'"
            f" stroke-width='{width}'/>")


def _page(width, height, title, note, parts):
    head = (f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}'"
            f" viewBox='0 0 {width} {height}' role='img'>")
    frame = [head, f"<title>{escape(title)}</title>",
             f"<rect width='{width}' height='{height}' fill='#ffffff'/>",
             _text(20, 30, title, 16, weight="bold"), _text(20, 50, note, 12, colour=SOFT)]
    return "\n".join([*frame, *parts, "</svg>"]) + "\n"


# --- bars ---

BAR_LEFT, BAR_WIDTH, BAR_TOP, BAR_PITCH = 210, 480, 70, 34


def bars(title, note, rows, unit):
    """Horizontal bars: rows of (label, least, median, most, remark, ours)."""
    most = max([row[3] for row in rows], default=0)
    step = nice_step(most)
    end = step * max(1, math.ceil(most / step - 1e-9))
    bottom = BAR_TOP + BAR_PITCH * len(rows)

    def at(value):
        return BAR_LEFT + BAR_WIDTH * value / end

    parts = []
    for n in range(round(end / step) + 1):
        parts += [_line(at(n * step), BAR_TOP - 6, at(n * step), bottom, GRID),
                  _text(at(n * step), bottom + 16, number(n * step), 11, "middle", SOFT)]
    parts.append(_text(BAR_LEFT + BAR_WIDTH / 2, bottom + 34, unit, 12, "middle", SOFT))
    for place, row in enumerate(rows):
        parts += _bar(BAR_TOP + BAR_PITCH * place, row, at)
    parts.append(_line(BAR_LEFT, BAR_TOP - 6, BAR_LEFT, bottom, SOFT))
    return _page(BAR_LEFT + BAR_WIDTH + 190, bottom + 50, title, note, parts)


def _bar(top, row, at):
    label, least, median, most, remark, ours = row
    middle = top + 10
    height = 20
    yield _text(BAR_LEFT - 10, middle + 4, label, 12, "end", weight="bold" if ours else "normal")
    yield (f"<rect x='{BAR_LEFT}' y='{top}' width='{at(median) - BAR_LEFT:.1f}' height='{height}'"
           f" fill='{OURS if ours else THEIRS}'/>")
    if most > least:
        yield _line(at(least), middle, at(most), middle, INK, 1.2)
    for value in (least, most) if most > least else ():
        yield _line(at(value), middle - 5, at(value), middle + 5, INK, 1.2)
    yield _text(at(most) + 10, middle + 4, f"{number(median)}{remark}", 12)


# --- lines ---

PLOT = (80, 95, 560, 320)  # left, top, width, height


def _decades(values):
    """Powers of ten that enclose the values."""
    low = math.floor(math.log10(min(values)) + 1e-9)
    high = math.ceil(math.log10(max(values)) - 1e-9)
    return low, max(high, low + 1)


def lines(title, note, x_label, y_label, series):
    """Both axes logarithmic: series of (name, [(x, least, median, most)]); what is not above 0 is left out."""
    series = [(name, [p for p in points if min(p) > 0]) for name, points in series]
    series = [(name, points) for name, points in series if points]
    if not series:
        return _page(400, 80, title, "nothing was measured", [])
    x_range = _decades([p[0] for _, points in series for p in points])
    y_range = _decades([v for _, points in series for p in points for v in p[1:]])
    left, top, width, height = PLOT

    def x_at(value):
        return left + width * (math.log10(value) - x_range[0]) / (x_range[1] - x_range[0])

    def y_at(value):
        return top + height * (1 - (math.log10(value) - y_range[0]) / (y_range[1] - y_range[0]))

    parts = list(_grid(x_range, y_range, x_at, y_at, x_label, y_label))
    for place, (name, points) in enumerate(series):
        parts += _one_line(place, name, points, x_at, y_at)
    return _page(left + width + 190, top + height + 60, title, note, parts)


def _grid(x_range, y_range, x_at, y_at, x_label, y_label):
    left, top, width, height = PLOT
    for power in range(x_range[0], x_range[1] + 1):
        x = x_at(10.0 ** power)
        yield _line(x, top, x, top + height, GRID)
        yield _text(x, top + height + 16, number(10.0 ** power), 11, "middle", SOFT)
    for power in range(y_range[0], y_range[1] + 1):
        y = y_at(10.0 ** power)
        yield _line(left, y, left + width, y, GRID)
        yield _text(left - 8, y + 4, number(10.0 ** power), 11, "end", SOFT)
    yield _text(left + width / 2, top + height + 38, x_label, 12, "middle", SOFT)
    yield _text(20, top - 14, y_label, 12, colour=SOFT)


def _one_line(place, name, points, x_at, y_at):
    colour = LINES[place % len(LINES)]
    points = sorted(points)
    path = " ".join(f"{x_at(x):.1f},{y_at(median):.1f}" for x, _, median, _ in points)
    yield f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='2'/>"
    for x, least, median, most in points:
        yield _line(x_at(x), y_at(least), x_at(x), y_at(most), colour, 1.2)
        yield f"<circle cx='{x_at(x):.1f}' cy='{y_at(median):.1f}' r='3' fill='{colour}'/>"
    left, top, width, _ = PLOT
    yield _line(left + width + 20, top + 12 + 20 * place, left + width + 44, top + 12 + 20 * place, colour, 2)
    yield _text(left + width + 50, top + 16 + 20 * place, name)
