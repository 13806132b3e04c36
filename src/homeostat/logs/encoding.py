"""The text of a log's bytes: byte order marks, UTF-16 without one, UTF-8, else Western European.

Names, digits and signs of logs are ASCII nearly always, so that a byte that is not UTF-8 changes a
letter at most; guessing among the other single-byte encodings from a few such letters would not
be more right than Windows-1252, which editors on Windows write.
"""

from __future__ import annotations

import codecs

_MARKS = (  # UTF-32 before UTF-16: the mark of one begins with that of the other
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 4096


def decode(data: bytes) -> tuple[str, str]:
    """The text and the name of its encoding; never fails.

    decode(b"\\xff\\xfel\\x00")  ->  ("l", "utf-16-le")
    """
    encoding, mark = sniff(data)
    data = data[mark:]
    try:
        return data.decode(encoding), encoding
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            return data.decode(encoding, errors="replace"), encoding
        if error.reason == "unexpected end of data" and error.end == len(data):
            return data.decode(errors="replace"), encoding  # cut off within a letter
    return data.decode("cp1252", errors="replace"), "windows-1252"


def sniff(data: bytes) -> tuple[str, int]:
    """The encoding that the first bytes speak for, and the length of their byte order mark."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding, len(mark)
    sample = data[: _SAMPLE - _SAMPLE % 4]
    # ASCII in UTF-16 has a zero in every second byte; text of one byte a letter has none.
    zeros = [sample[i::2].count(0) for i in range(2)]
    half = len(sample) // 2
    if half >= 4 and max(zeros) > 0.8 * half and min(zeros) < 0.2 * half:
        return ("utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"), 0
    return "utf-8", 0
