"""``certreg upload``: from what is owed to a package that can be sent to the provincial centre."""

from __future__ import annotations

import os
from pathlib import Path

import click

from registry.cli.base import home_option, json_option, out_option, show
from registry.cli.home import Home
from registry.cli.services import Services
from registry.cli.upload_keys import upload_key_group
from registry.cli.upload_kit import MAPPING, make_doing, make_kit
from registry.cli.upload_sending import SENDING_COMMANDS
from registry.cli.upload_templates import check_template_file
from registry.store.base import read_unit, write_unit
from registry.store.uploads import Upload, UploadState
from registry.upload.freezing import freeze, hand_out
from registry.upload.mapping import load_mapping
from registry.upload.outbox import assemble, dissolve, events_of, get_upload, owed, uploads
from signing.tlog.entry import format_time
from signing.upload.manifest import open_manifest

STATES = {
    UploadState.PREPARED: "已组批 prepared",
    UploadState.DISSOLVED: "已取消 dissolved",
    UploadState.FROZEN: "已定稿 frozen",
    UploadState.SENDING: "上报中 sending",
    UploadState.SENT: "已上报 sent",
    UploadState.ACKNOWLEDGED: "已回执 acknowledged",
    UploadState.REFUSED: "整批退回 refused",
    UploadState.DEAD: "需人工处理 dead",
}
_upload = click.argument("upload_id", metavar="UPLOAD")
_batch = click.option(
    "--batch", default="", metavar="NUMBER", help="The batch number that the centre gave (批次号)."
)


@click.group("upload")
def upload_group() -> None:
    """Report certificates to the provincial centre (上报): prepare, freeze, send, receipts."""


upload_group.add_command(upload_key_group)
for sending_command in SENDING_COMMANDS:
    upload_group.add_command(sending_command)


@upload_group.command("list")
@home_option
@json_option
def list_command(home: Home, *, as_json: bool) -> None:
    """List what is still owed by each organisation, and the newest uploads."""
    services = Services.open(home)
    with read_unit(services.engine) as session:
        waiting, made = owed(session), uploads(session)
    if as_json:
        rows: list[object] = [
            {"prefix": one.prefix, "kind": one.kind.value, "rows": one.rows} for one in waiting
        ]
        listed: list[object] = [_facts(upload) for upload in made]
    else:
        rows = [f"{one.prefix}  {one.kind.value}  {one.rows} 条  {one.name}" for one in waiting]
        listed = [_line(upload) for upload in made]
    show({"owed": rows, "uploads": listed}, as_json=as_json)


@upload_group.command("prepare")
@click.argument("prefix")
@_batch
@home_option
@json_option
def prepare_command(home: Home, prefix: str, batch: str, *, as_json: bool) -> None:
    """Put the owed rows of organisation PREFIX, at most 20,000, into a new upload."""
    services = Services.open(home)
    services.require_head()
    with write_unit(services.engine) as session:
        upload = assemble(session, prefix, make_doing(services), batch=batch)
    follow = f"run `certreg upload freeze {upload.upload_id}`, with --batch if the number is known"
    show({**_facts(upload), "next": follow}, as_json=as_json)


@upload_group.command("freeze")
@_upload
@_batch
@home_option
@json_option
def freeze_command(home: Home, upload_id: str, batch: str, *, as_json: bool) -> None:
    """Fix an upload's bytes for good and sign its manifest (定稿)."""
    services = Services.open(home)
    services.require_head()
    kit, doing = make_kit(services), make_doing(services)
    upload = freeze(services.engine, upload_id, kit, doing, batch=batch)
    follow = f"run `certreg upload package {upload_id} -o FILE.zip`"
    show({**_facts(upload), "next": follow}, as_json=as_json)


@upload_group.command("cancel")
@_upload
@home_option
@json_option
def cancel_command(home: Home, upload_id: str, *, as_json: bool) -> None:
    """Take an upload apart that is not frozen yet: its rows are owed again."""
    services = Services.open(home)
    with write_unit(services.engine) as session:
        dissolve(session, upload_id, make_doing(services))
        upload = get_upload(session, upload_id)
    show(_facts(upload), as_json=as_json)


@upload_group.command("show")
@_upload
@home_option
@json_option
def show_command(home: Home, upload_id: str, *, as_json: bool) -> None:
    """Show an upload: its state, digests, proofs and what happened to it."""
    services = Services.open(home)
    with read_unit(services.engine) as session:
        upload, events = get_upload(session, upload_id), events_of(session, upload_id)
    facts = _facts(upload)
    if upload.manifest is not None:
        manifest = open_manifest(upload.manifest).manifest
        facts["ranges"] = [f"leaves {part.first} … {part.end - 1}" for part in manifest.ranges[:20]]
        facts["previous"] = manifest.previous
    facts["events"] = [
        f"{format_time(event.at)}  {event.kind}  {event.actor}  {event.detail}" for event in events
    ]
    show(facts, as_json=as_json)


@upload_group.command("package")
@_upload
@out_option("FILE.zip")
@home_option
@json_option
def package_command(home: Home, upload_id: str, out: Path, *, as_json: bool) -> None:
    """Write a frozen upload's package, the same bytes every time."""
    services = Services.open(home)
    kit = make_kit(services)
    part = out.with_name(f".{out.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            upload = hand_out(services.engine, upload_id, kit, make_doing(services), file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    show({"file": str(out), "sha256": upload.package, **_facts(upload)}, as_json=as_json)


@upload_group.command("template")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def template_command(file: Path, *, as_json: bool) -> None:
    """Compare the centre's empty template FILE (.xlsx or .csv) with the mapping, cell by cell."""
    mapping = load_mapping(MAPPING)
    row = check_template_file(mapping, file)
    show(
        {
            "template": file.name,
            "mapping": mapping.label,
            "heading in row": row,
            "columns": len(mapping.columns),
        },
        as_json=as_json,
    )


def _facts(upload: Upload) -> dict[str, object]:
    return {
        "upload": upload.upload_id,
        "organisation": upload.prefix,
        "state": upload.state,
        "rows": upload.row_count,
        "batch": upload.authority_batch or "",
        "sequence": upload.sequence,
        "snapshot": upload.snapshot,
        "package": upload.package,
        "manifest": upload.manifest_digest,
    }


def _line(upload: Upload) -> str:
    words = STATES[UploadState(upload.state)]
    batch = upload.authority_batch or "—"
    return f"{upload.upload_id}  {words}  {upload.prefix}  {upload.row_count} 条  批次号 {batch}"
