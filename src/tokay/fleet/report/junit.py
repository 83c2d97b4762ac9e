"""The verdict as JUnit XML: a test case a threshold, which every CI knows how to show."""

from xml.sax.saxutils import quoteattr

from tokay.fleet.report.document import Report


def junit(report: Report) -> str:
    """Return the XML."""
    name = quoteattr(f"tokay fleet {report.scenario}")
    failures = sum(not threshold.holds for threshold in report.thresholds)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuite name={name} tests="{len(report.thresholds)}" failures="{failures}">',
        " <properties>",
        f'  <property name="seed" value="{report.seed}"/>',
        f'  <property name="devices" value="{report.devices}"/>',
        " </properties>",
    ]
    for threshold in report.thresholds:
        case = f" <testcase classname={name} name={quoteattr(threshold.text)}"
        if threshold.holds:
            lines.append(f"{case}/>")
        else:
            said = quoteattr(f"it was {threshold.told}")
            lines.append(f"{case}><failure message={said}/></testcase>")
    return "\n".join([*lines, "</testsuite>", ""])
