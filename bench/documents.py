"""The holder's PDF: how many a second and core, and how large, beside a floor in the same run.

Floor: what nobody can leave out, typst drawing the same page from facts that are ready, one bare
P-256 signature and one SHA-256 over the file. Sealed: facts, QR code, page, PAdES B-B by pyHanko
with a cached signer. Released: the same with the print gate. Every certificate is drawn once in the
whole run, for typst remembers what it drew.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from random import Random

from measure import PREFIX, make_services, ratio, timed, today
from PIL import Image, ImageFilter

from registry.cli.base import CLOCK
from registry.cli.batches import CHINA, check_file, issue_file
from registry.cli.demo_people import demo_people
from registry.cli.demo_sheets import row_of, write_xlsx
from registry.cli.ledger import evidence_for
from registry.cli.press import press_of
from registry.cli.services import Services
from registry.documents.certificate import (
    Press,
    annotated_copy,
    face_of,
    make_certificate_pdf,
)
from registry.documents.face import draw_face, face_inputs, places_of
from registry.documents.rehearsal import rehearse
from registry.documents.template import compile_pdf
from signing.bundle import Evidence
from signing.pdf import seal_pdf
from signing.record import parse_record

TOKEN = "abcdefghij234567"  # noqa: S105 -- of no page
ROUNDS = 7
BAR_RATE, BAR_BYTES = 20, 150_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The three sides over one press; each call takes as many new certificates as it is given."""

    press: Press
    now: datetime
    evidences: Iterator[Evidence]

    def floor(self, count: int) -> Callable[[], object]:
        """Make the work of the floor."""
        press, ready = self.press, []
        for evidence in self._next(count):
            face = face_of(press, evidence, parse_record(evidence.envelope.payload), token=TOKEN)
            ready.append(face_inputs(face, press.fonts))
        moment = datetime(2026, 11, 23, tzinfo=UTC)

        def work() -> None:
            for inputs in ready:
                pdf = compile_pdf(press.template, press.fonts, inputs, moment)
                press.seal_signer.sign(hashlib.sha256(pdf).digest())

        return work

    def sealed(self, count: int) -> Callable[[], object]:
        """Make the work of drawing and sealing."""
        press, taken = self.press, self._next(count)
        box = places_of(press.template, press.fonts).seal.points

        def work() -> None:
            for evidence in taken:
                record = parse_record(evidence.envelope.payload)
                drawn = draw_face(face_of(press, evidence, record, token=TOKEN), press.fonts)
                seal_pdf(
                    drawn, press.seal_signer, root=press.root, now=self.now, reason="x", box=box
                )

        return work

    def released(self, count: int) -> Callable[[], object]:
        """Make the work of the whole, print gate included."""
        taken = self._next(count)
        return lambda: [self.make(evidence) for evidence in taken]

    def make(self, evidence: Evidence, photo: bytes | None = None) -> bytes:
        """Make an original."""
        return make_certificate_pdf(
            press=self.press,
            evidence=evidence,
            record=parse_record(evidence.envelope.payload),
            token=TOKEN,
            now=self.now,
            photo=photo,
        )

    def copy(self, evidence: Evidence) -> bytes:
        """Make an annotated copy."""
        return annotated_copy(
            press=self.press,
            evidence=evidence,
            record=parse_record(evidence.envelope.payload),
            token=TOKEN,
            purpose="办理入职手续",
            recipient="深圳市另一示例科技有限公司",
            valid_until=date(2099, 12, 31),
            now=self.now,
        )

    def _next(self, count: int) -> list[Evidence]:
        return [next(self.evidences) for _ in range(count)]


def issued(services: Services, folder: Path, count: int) -> Iterator[Evidence]:
    """Issue and anchor `count` certificates; give the evidence of each."""
    day = today().astimezone(CHINA).date() - timedelta(days=3)
    sheet = folder / "list.xlsx"
    people = demo_people(count, offset=0, issued=day)
    write_xlsx(sheet, [row_of(number, person) for number, person in enumerate(people, 1)])
    batch = issue_file(
        services, check_file(services, sheet, PREFIX, today()), "深技鉴备〔2026〕第001号"
    )
    assert batch is not None
    services.anchor()
    for first, last in batch.ranges:
        for serial in range(int(first[-6:]), int(last[-6:]) + 1):
            yield evidence_for(services, f"{first[:-6]}{serial:06}")


def portrait() -> bytes:
    """Draw a picture as hard to pack as a face: soft noise on white."""
    noise = Image.frombytes("RGB", (295, 413), Random(1).randbytes(295 * 413 * 3))
    picture = noise.filter(ImageFilter.GaussianBlur(2))
    picture.paste("white", (0, 0, 295, 60))
    target = BytesIO()
    picture.save(target, "PNG")
    return target.getvalue()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    each = 2 if parser.parse_args().quick else 12
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        services = make_services(folder)
        evidences = issued(services, folder, 3 * ROUNDS * each + 8)
        first = next(evidences)
        work = Work(press=press_of(services, PREFIX), now=CLOCK.now(), evidences=evidences)
        assert work.make(first) == work.make(first)  # and fonts are loaded once in a process's life
        spent: dict[str, list[float]] = {"floor": [], "sealed": [], "released": []}
        wall: dict[str, list[float]] = {side: [] for side in spent}
        for turn in range(ROUNDS):
            sides = list(spent) if turn % 2 else list(reversed(spent))
            for side in sides:
                took = timed(getattr(work, side)(each))
                spent[side].append(took.cpu / each)
                wall[side].append(took.wall / each)
        for side, times in spent.items():
            median = statistics.median(times)
            print(
                f"{side:9} {median * 1000:6.1f} ms CPU, {1 / median:5.1f} a CPU second;"
                f" {statistics.median(wall[side]) * 1000:6.1f} ms wall"
            )
        print(f"floor / sealed {ratio(spent['floor'], spent['sealed'])}", end="; ")
        print(f"floor / released {ratio(spent['floor'], spent['released'])}")
        rate = 1 / statistics.median(spent["released"])
        print(f"PDFs a second and core, gate included: {rate:.1f} (bar {BAR_RATE})")
        _sizes(work)


def _sizes(work: Work) -> None:
    found = {
        "original": work.make(next(work.evidences)),
        "with photo": work.make(next(work.evidences), portrait()),
        "annotated": work.copy(next(work.evidences)),
    }
    for sample in rehearse(work.press.template, work.press.fonts, work.now):
        found[f"sample {sample.name}"] = sample.pdf
    largest = max(map(len, found.values()))
    print("bytes: " + ", ".join(f"{name} {len(pdf):,}" for name, pdf in found.items()))
    print(f"largest {largest:,} (bar {BAR_BYTES:,})")


if __name__ == "__main__":
    main()
