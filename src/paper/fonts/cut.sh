#!/bin/sh
# Cuts the faces of a letter to the characters that a letter may need; see README.md.
set -e
cd "$(dirname "$0")"
source=$1
text=U+0020-007E,U+00A0-024F,U+0259,U+02C6-02DD,U+0300-0336,U+0370-03FF,U+0400-04FF,U+1E00-1EFF,U+2000-206F
text=$text,U+2070-209F,U+20A0-20BF,U+2100-214F,U+2150-215F,U+2202-2265,U+25CA,U+FFFC-FFFD
symbols=U+0180-024F,U+1E9E,U+2010-2027,U+2030-205E,U+2070-209F,U+20A0-20BF,U+2100-218F,U+2190-21FF,U+2200-2265
symbols=$symbols,U+2300-230B,U+231A-231B,U+23E9-23FA,U+2460-2473,U+25A0-25FF,U+2600-27BF,U+1F600-1F64F,U+FFFD

cut() {
    pyftsubset "$source/$1" --output-file="$2" --unicodes="$3" --layout-features=kern,ccmp,locl,mark,mkmk \
        --no-hinting --legacy-kern --notdef-outline --name-IDs=0,1,2,3,4,5,6,13,14 --drop-tables+=DSIG
}
for face in Regular Italic Bold BoldItalic; do
    cut "open-sans/OpenSans-$face.ttf" "OpenSans-$face.ttf" "$text"
done
cut dejavu/DejaVuSans.ttf Symbols.ttf "$symbols"
