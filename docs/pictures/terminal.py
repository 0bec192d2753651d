"""Draws a terminal's output with its colors (standard input) as an SVG picture (standard output)."""

import html
import re
import sys

COLUMN, LINE, MARGIN = 7.8, 18, 16
STYLES = {"1": "font-weight:bold", "32": "fill:#2f9e44", "33": "fill:#b08800", "31": "fill:#e03131", "2": "opacity:.7"}

lines = sys.stdin.read().rstrip("\n").split("\n")
plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
width = round(max(map(len, plain)) * COLUMN + 2 * MARGIN)
height = len(lines) * LINE + 2 * MARGIN
print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">')
print(f'<rect width="{width}" height="{height}" rx="8" fill="#f8f9fa" stroke="#ced4da"/>')
print('<g font-family="ui-monospace,Menlo,Consolas,DejaVu Sans Mono,monospace" font-size="13" fill="#212529">')
style = ""
for number, line in enumerate(lines):
    spans, column = [], 0
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        code = re.fullmatch(r"\x1b\[([0-9;]*)m", part)
        if code:
            style = ";".join(filter(None, (STYLES.get(one, "") for one in code[1].split(";"))))
        elif part:
            drawn = f' style="{style}"' if style else ""
            left = round(MARGIN + column * COLUMN, 1)
            spans.append(f'<tspan x="{left}" textLength="{round(len(part) * COLUMN, 1)}"{drawn}>{html.escape(part).replace(" ", chr(160))}</tspan>')
            column += len(part)
    print(f'<text y="{MARGIN + 13 + number * LINE}">{"".join(spans)}</text>')
print("</g>\n</svg>")
