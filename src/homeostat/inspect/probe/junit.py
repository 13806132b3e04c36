"""JUnit: a probe as an XML report, each finding a test case, as CI systems read it.

Source: the schema that Jenkins and GitLab accept (testsuite, testcase, failure, skipped).
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as Xml

from homeostat.inspect.probe.result import ProbeResult
from homeostat.inspect.probe.titles import title
from homeostat.record.check import Check

_NOT_XML = re.compile(r"[^\x09\x0a\x0d\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(result: ProbeResult, path: Path) -> None:
    """Write the report; a fault is a failure, a warning passes and stands in the output.

    Raises:
        OSError: If the file cannot be written.
    """
    counts = dict.fromkeys(("fault", "skipped"), 0)
    suite = Xml.Element("testsuite", name=f"homeostat probe {result.workload}")
    for number, check in enumerate(result.checks):
        if check.status in counts:
            counts[check.status] += 1
        suite.append(_case(result.workload, number, check))
    suite.set("tests", str(len(result.checks)))
    suite.set("failures", str(counts["fault"]))
    suite.set("skipped", str(counts["skipped"]))
    suite.set("errors", "0")
    suite.set("time", f"{result.seconds:.3f}")
    Xml.SubElement(suite, "system-out").text = _clean(result.verdict.sentence)
    Xml.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


def _case(workload: str, number: int, check: Check) -> Xml.Element:
    case = Xml.Element(
        "testcase",
        classname=_clean(f"homeostat.{workload}"),
        name=_clean(f"{title(check.name)} [{number}]"),
        time="0",
    )
    text = _clean(f"{check.saw}\n{check.remedy}".strip())
    if check.status == "fault":
        Xml.SubElement(case, "failure", message=_clean(check.saw), type=check.name).text = text
    elif check.status == "skipped":
        Xml.SubElement(case, "skipped", message=_clean(check.saw))
    else:
        Xml.SubElement(case, "system-out").text = f"{check.status}: {text}"
    return case


def _clean(text: str) -> str:
    """Without the characters that XML does not allow."""
    return _NOT_XML.sub("?", text)
