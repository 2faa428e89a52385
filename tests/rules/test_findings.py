"""Findings are listed within bounds and counted truly."""

from __future__ import annotations

from registry.rules.findings import WARNINGS, Fault, FindingCode, Findings, Severity


def test_counts_stay_true_beyond_what_is_listed() -> None:
    findings = Findings(limit=10)
    for row in range(2, 102):
        findings.add(Fault(code=FindingCode.ID_CHECK_DIGIT), row=row, column="id_number")
        findings.add(Fault(code=FindingCode.DATE_OLD), row=row, column="issued")
    assert (findings.errors, findings.warnings) == (100, 100)
    assert len(findings.listed) == 20
    assert findings.counts[FindingCode.ID_CHECK_DIGIT] == 100


def test_warnings_cannot_crowd_out_an_error() -> None:
    findings = Findings(limit=5)
    for row in range(2, 50):
        findings.add(Fault(code=FindingCode.DATE_OLD), row=row)
    findings.add(Fault(code=FindingCode.VALUE_MISSING), row=60, column="name")
    assert [f.severity for f in findings.listed].count(Severity.ERROR) == 1


def test_extend_keeps_counts_and_limit() -> None:
    first, second = Findings(limit=3), Findings(limit=3)
    for findings in (first, second):
        for row in range(4):
            findings.add(Fault(code=FindingCode.NAME_DIGIT), row=row)
    first.extend(second)
    assert first.errors == 8
    assert len(first.listed) == 3


def test_listed_is_in_row_order_with_the_file_first() -> None:
    findings = Findings()
    findings.add(Fault(code=FindingCode.NAME_DIGIT), row=9)
    findings.add(Fault(code=FindingCode.ROSTER_EMPTY))
    findings.add(Fault(code=FindingCode.DATE_OLD), row=3)
    assert [f.where.row for f in findings.listed] == [None, 3, 9]


def test_severity_is_the_codes() -> None:
    assert FindingCode.DATE_OLD in WARNINGS
    assert FindingCode.ID_CHECK_DIGIT not in WARNINGS
