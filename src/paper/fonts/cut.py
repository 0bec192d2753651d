"""Cuts the faces of a letter to the characters that a letter may need; see README.md."""

import pathlib
import sys

from fontTools import subset

TEXT = (
    "0020-007E 00A0-024F 0259 02C6-02DD 0300-0336 0370-03FF 0400-04FF 1E00-1EFF 2000-206F 2070-209F 20A0-20BF"
    " 2100-214F 2150-215F 2202-2265 25CA FFFC-FFFD"
)
SYMBOLS = (
    "0180-024F 1E9E 2010-2027 2030-205E 2070-209F 20A0-20BF 2100-218F 2190-21FF 2200-2265 2300-230B 231A-231B"
    " 23E9-23FA 2460-2473 25A0-25FF 2600-27BF 1F600-1F64F FFFD"
)
# The table of kerning pairs is large; these are kept.
KERNED = "".join(map(chr, range(0x21, 0x7F))) + "ÅÄÖåäöÆØæøÉéÈèÜü’”–"


def cut(source, target, ranges):
    options = subset.Options(hinting=False, legacy_kern=True, notdef_outline=True, layout_features=["ccmp", "locl"])
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.drop_tables += ["DSIG", "GPOS"]
    font = subset.load_font(source, options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=subset.parse_unicodes(ranges.replace(" ", ",")))
    subsetter.subset(font)
    if "kern" in font:
        names = {font.getBestCmap().get(ord(c)) for c in KERNED}
        for table in font["kern"].kernTables:
            pairs = table.kernTable.items()
            table.kernTable = {pair: by for pair, by in pairs if abs(by) > 20 and set(pair) <= names}
    subset.save_font(font, target, options)


here = pathlib.Path(__file__).parent
fonts = pathlib.Path(sys.argv[1])
for face in ["Regular", "Italic", "Bold", "BoldItalic"]:
    cut(fonts / f"open-sans/OpenSans-{face}.ttf", here / f"OpenSans-{face}.ttf", TEXT)
cut(fonts / "dejavu/DejaVuSans.ttf", here / "Symbols.ttf", SYMBOLS)
