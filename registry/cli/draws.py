"""``certreg draw run|file|verify``: supervision's random draws from the shell (双随机抽取).

``verify`` needs no home: anyone runs it over the draw's file and a copy of the public log.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from keys.policy import parse_policy
from registry.cli.base import Exit, home_option, json_option, out_option, show, stop
from registry.cli.draw_check import Answer, OpenLog, check_draw, open_log
from registry.cli.home import Home
from registry.cli.services import Services
from registry.office.draw_papers import LONGEST, checkpoint_of, parse_draw_file
from registry.office.draws import draw_file, find_draw, make_draw, seed_size, waiting_draws
from registry.store.base import read_unit, write_unit

_POLICY = Path("../trust/log.policy")
"""Where a published log's policy lies, seen from the log's folder."""


@click.group("draw")
def draw_group() -> None:
    """Draw plans and supervisors (双随机抽取), and check a draw."""


@draw_group.command("run")
@click.argument("reference", required=False)
@home_option
@json_option
def run_command(home: Home, reference: str | None, *, as_json: bool) -> int:
    """Draw from the pool REFERENCE, or from every pool that waits and is in the log.

    The seed is the first checkpoint over the pool, however much later this is run.
    """
    services = Services.open(home)
    services.require_head()
    with read_unit(services.engine) as session:
        draws = [find_draw(session, reference)] if reference else waiting_draws(session)
        sizes = {draw.draw_id: seed_size(session, draw) for draw in draws}
    found: dict[str, object] = {}
    for draw in draws:
        size = sizes[draw.draw_id]
        note = b"" if size is None else _checkpoint(services, size)
        if not note and not reference:
            found[draw.reference] = "not in the log yet: run `certreg anchor`, then this again"
            continue
        with write_unit(services.engine) as session:
            paper = make_draw(session, draw.draw_id, note, by=None, context=services.context)
        found[draw.reference] = [f"{pair.plan} {pair.supervisor}" for pair in paper.drawn]
    show(found or {"draws": "none waits"}, as_json=as_json)
    return Exit.DONE


@draw_group.command("file")
@click.argument("reference")
@out_option("FILE")
@home_option
def file_command(home: Home, reference: str, *, out: Path) -> None:
    """Write the file by which anyone checks the draw REFERENCE."""
    services = Services.open(home)
    with read_unit(services.engine) as session:
        data = draw_file(session, find_draw(session, reference), services.context)
    out.write_bytes(data)
    show({"draw": reference, "file": str(out)}, as_json=False)


@draw_group.command("verify")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--log",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="A copy of the public log's folder; without it only the drawing itself is checked.",
)
@click.option(
    "--policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The log's trust policy; without it DIR/../trust/log.policy.",
)
@json_option
def verify_command(file: Path, folder: Path | None, policy: Path | None, *, as_json: bool) -> int:
    """Compute a draw again from its published FILE, and look its papers up in the log."""
    with file.open("rb") as handle:
        draw = parse_draw_file(handle.read(3 * LONGEST + 1))
    log = None if folder is None else _open(folder, policy)
    checks = check_draw(draw, log)
    if as_json:
        click.echo(
            json.dumps(
                [
                    {"answer": one.answer.value, "found": one.found, "question": one.question}
                    for one in checks
                ],
                indent=2,
            )
        )
    else:
        show({one.question: f"{one.answer.value}: {one.found}" for one in checks}, as_json=False)
    for answer, status in ((Answer.INVALID, Exit.REFUSED), (Answer.CANNOT_SAY, Exit.CANNOT_SAY)):
        bad = next((one for one in checks if one.answer is answer), None)
        if bad is not None:
            stop(status, f"{answer.value}: {bad.question}: {bad.found}")
    return Exit.DONE


def _open(folder: Path, policy: Path | None) -> OpenLog:
    file = policy if policy is not None else folder / _POLICY
    return open_log(lambda path: (folder / path).read_bytes(), parse_policy(file.read_bytes()))


def _checkpoint(services: Services, size: int) -> bytes:
    """Return the log's checkpoint of a size: the note if it is the newest, else its text."""
    note = services.log.storage.read("checkpoint")
    if checkpoint_of(note).size == size:
        return note
    # No note of that size was kept, but the tree still says what its text was.
    return open_log(services.log.storage.read, services.policy).text_at(size).encode()
