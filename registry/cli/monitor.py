"""``certreg monitor``: an outsider's eye on a log, for cron. Needs no home and no database."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import click

from keys.errors import KeysError
from keys.model import is_prefix
from keys.policy import Policy, parse_policy
from registry.cli.base import CLOCK, Exit, json_option
from registry.ledger.monitor.errors import CannotMonitor, LogUnreachable
from registry.ledger.monitor.findings import FINDINGS_AT_MOST
from registry.ledger.monitor.source import FolderSource, HttpSource, LogSource
from registry.ledger.monitor.state import Issued, MonitorState
from registry.ledger.monitor.watching import MonitorReport, Watch, monitor

MAX_AGE_DAYS = 3
"""A log brings a status entry a day; over a long weekend somebody should still notice."""


@click.command("monitor")
@click.argument("log", metavar="URL|DIR")
@click.option(
    "--policy",
    "policy_file",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The log.policy had from the office by another way than its site.",
)
@click.option(
    "--state",
    "folder",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where this monitor keeps what it has seen, findings and evidence.",
)
@click.option("--watch", "prefixes", multiple=True, metavar="PREFIX", help="Tell what it issues.")
@click.option(
    "--max-age",
    "days",
    type=click.IntRange(min=1),
    default=MAX_AGE_DAYS,
    show_default=True,
    metavar="DAYS",
    help="Oldest that the newest status entry may be.",
)
@json_option
def monitor_command(
    log: str,
    policy_file: Path,
    folder: Path,
    prefixes: tuple[str, ...],
    days: int,
    *,
    as_json: bool,
) -> int:
    """Replay the log at URL or in DIR from where the last run stopped; report all findings.

    Exit status: 0 nothing found, 1 findings, 2 could not be done (no answer, no quorum).
    """
    policy = _policy(policy_file)
    watch = Watch(now=CLOCK.now(), max_age=timedelta(days=days), prefixes=_watched(prefixes))
    with closing(_source(log)) as source, MonitorState.open(folder) as state:
        report = monitor(source, policy, state, watch)
        issued = list(state.issued())
        if as_json:
            _print_json(report, issued)
        else:
            _print(report, issued)
        if issued:
            # Struck off only once it is out of our hands: a full disk must not swallow it.
            sys.stdout.flush()
            state.told(issued[-1].leaf)
    return _judge(report)


def _policy(file: Path) -> Policy:
    try:
        return parse_policy(file.read_bytes())
    except (KeysError, OSError) as error:
        # Not status 1: for cron that means that something was found.
        msg = f"the policy {file} cannot be used: {error}"
        raise CannotMonitor(msg) from error


def _watched(given: tuple[str, ...]) -> frozenset[str]:
    """Return the prefixes in capitals. One that is none would be watched in vain for ever."""
    prefixes = frozenset(map(str.upper, given))
    for prefix in sorted(prefixes):
        if not is_prefix(prefix):
            msg = f"--watch {prefix}: a company's prefix is a letter and 12 digits"
            raise CannotMonitor(msg)
    return prefixes


def _source(log: str) -> LogSource:
    if "://" in log:
        return HttpSource(log)
    if not Path(log).is_dir():
        msg = f"there is no folder {log}: name a log's folder, or its address with https://"
        raise LogUnreachable(msg)
    return FolderSource(Path(log))


def _judge(report: MonitorReport) -> int:
    """Turn the report into the exit status, with one line on standard error unless 0."""
    if report.findings:
        said = f"; and this time: {report.obstacle}" if report.obstacle else ""
        count = len(report.findings)
        more = " or more" if count >= FINDINGS_AT_MOST else ""
        click.echo(f"certreg: {count}{more} finding(s) against this log{said}", err=True)
        return Exit.REFUSED
    if report.obstacle:
        click.echo(f"certreg: nothing can be said of this log: {report.obstacle}", err=True)
        return Exit.CANNOT_SAY
    return Exit.DONE


def _print(report: MonitorReport, issued: list[Issued]) -> None:
    click.echo(f"log            {report.origin or 'unknown'}")
    click.echo(f"entries        {report.size}, {report.size - report.old_size} of them new")
    click.echo(f"newest status  {report.newest or 'none'}")
    for one in issued:
        edition = f"edition {one.edition}"
        click.echo(f"issued         {one.number} {edition} batch {one.batch} leaf {one.leaf}")
    for kept in report.findings:
        click.echo(f"FOUND          {kept.finding} (since {kept.since})")
    if report.obstacle:
        click.echo(f"cannot say     {report.obstacle}")
    elif not report.findings:
        click.echo("findings       none")


def _print_json(report: MonitorReport, issued: list[Issued]) -> None:
    facts = {
        "log": report.origin,
        "size": report.size,
        "old_size": report.old_size,
        "newest_status": report.newest,
        "obstacle": report.obstacle,
        "findings": [
            {
                "kind": kept.finding.kind.value,
                "where": kept.finding.where,
                "what": kept.finding.what,
                "since": kept.since,
            }
            for kept in report.findings
        ],
        "issued": [
            {"leaf": one.leaf, "number": one.number, "edition": one.edition, "batch": one.batch}
            for one in issued
        ],
    }
    click.echo(json.dumps(facts, ensure_ascii=False, indent=2))
