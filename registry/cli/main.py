"""``certreg``: all commands in one tree."""

from __future__ import annotations

from typing import NoReturn

import click

from registry.cli.anchoring import anchor_command
from registry.cli.base import run
from registry.cli.batches import (
    check_command,
    issue_command,
    template_command,
    upload_file_command,
)
from registry.cli.certificates import show_command
from registry.cli.daily import daily_command
from registry.cli.demo import demo_command
from registry.cli.desks import account_group, desk_group
from registry.cli.draws import draw_group
from registry.cli.importing import import_command
from registry.cli.later import LaterGroup
from registry.cli.layouts import layout_group
from registry.cli.ledger import log_group, prove_command
from registry.cli.milestones import milestone_group
from registry.cli.monitor import monitor_command
from registry.cli.papers import copy_command, pdf_command, timestamps_command
from registry.cli.reconcile import reconcile_command
from registry.cli.revising import (
    correct_command,
    reinstate_command,
    reissue_command,
    revoke_command,
    suspend_command,
)
from registry.cli.serve import serve_command
from registry.cli.setup import init_command, issuer_group
from registry.cli.uploads import upload_group
from registry.cli.witness import witness_group


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="certreg")
def certreg() -> None:
    """Certificate registry with a verification ledger (职业技能等级证书登记与核验).

    Exit status: 0 done or valid, 1 refused or invalid, 2 cannot say.
    """


for command in (
    init_command,
    demo_command,
    template_command,
    issuer_group,
    check_command,
    issue_command,
    import_command,
    anchor_command,
    show_command,
    prove_command,
    pdf_command,
    copy_command,
    layout_group,
    timestamps_command,
    revoke_command,
    suspend_command,
    reinstate_command,
    correct_command,
    reissue_command,
    upload_file_command,
    upload_group,
    reconcile_command,
    milestone_group,
    draw_group,
    log_group,
    monitor_command,
    witness_group,
    serve_command,
    desk_group,
    account_group,
):
    certreg.add_command(command)


for name, module, words in (
    (
        "centre",
        "centre",
        "Run a provincial centre (省中心): take uploads, answer by signed receipts.",
    ),
    ("site", "site", "Run the public site's own work; its key and audit lines."),
    (
        "employer",
        "site",
        "Organisations that check in bulk with a key (批量查验单位).",
    ),
    ("holder", "holders", "Serve holders of certificates (持证人服务)."),
):
    group = LaterGroup(name, words, module=f"registry.cli.{module}", attribute=f"{name}_group")
    certreg.add_command(group)

desk_group.add_command(daily_command)


def main() -> NoReturn:
    """Run the command line."""
    run(certreg)
