"""What the check scripts share: which files there are, and their text without comments."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent

# One alternative each for a comment, a line comment, a string and a character.
_NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def files(*folders, suffixes=(".c", ".h")):
    """Paths below the folders, relative to the top, sorted."""
    found = []
    for folder in folders:
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in suffixes and path.is_file():
                found.append(path.relative_to(ROOT))
    return sorted(found)


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def code_lines(path):
    """The lines with comments and the insides of strings blanked; numbers stay right."""

    def blank(match):
        noise = match.group(0)
        return '""' if noise[0] == '"' else "''" if noise[0] == "'" else "\n" * noise.count("\n") or " "

    return _NOISE.sub(blank, text(path)).split("\n")
