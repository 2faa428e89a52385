"""The English of the site's texts, from the gettext catalogues under `locale/`.

A text is written in Chinese where it is used; its English stands under that very Chinese in a
`.po` file. A text that no catalogue has stays Chinese: a page in two languages is a blemish, a
page that fails is worse. `tests/verify_web/test_site_catalogue.py` lets neither happen.
"""

from __future__ import annotations

from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from signing.wording import Words

CATALOGUES: Final = Path(__file__).parent / "locale" / "en" / "LC_MESSAGES"
"""All `.po` files in this folder count: one for each room that has texts of its own."""


NOTHING: Final = Words("", "")
"""No text, where there might be one."""


@cache
def english() -> NullTranslations:
    """Read the catalogues, once in a process. Raises babel's PoFileError for a malformed one."""
    whole = NullTranslations()
    for file in sorted(CATALOGUES.glob("*.po")):
        compiled = BytesIO()
        with file.open("rb") as opened:
            write_mo(compiled, read_po(opened, locale="en", abort_invalid=True))
        compiled.seek(0)
        whole.add_fallback(GNUTranslations(compiled))
    return whole


def both(chinese: str) -> Words:
    """Give a text of the site's Python code in both languages; extraction knows it by this name."""
    return Words(chinese, english().gettext(chinese))


def fill(text: Words, **facts: str | int | Words) -> Words:
    """Put facts into a text's `{names}`; a fact that is itself Words goes in by language."""
    zh = {name: fact.zh if isinstance(fact, Words) else fact for name, fact in facts.items()}
    en = {name: fact.en if isinstance(fact, Words) else fact for name, fact in facts.items()}
    return Words(text.zh.format_map(zh), text.en.format_map(en))
