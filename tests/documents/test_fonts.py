from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from registry.documents import fonts as module
from registry.documents.errors import FontsMissing
from registry.documents.fonts import PACKAGE_FAMILY, FontSet, drawable_codepoints, font_set

RARE = "㛃𬭎䶮"


def test_a_bare_machine_has_a_font(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "DEBIAN_DIRECTORY", tmp_path / "none")
    bare = font_set.__wrapped__()
    assert bare.families == (PACKAGE_FAMILY,)
    assert drawable_codepoints(bare) >= {ord(sign) for sign in RARE + "·-/（）X0"}


def test_the_operators_fonts_come_first(tmp_path: Path) -> None:
    package = font_set().directories[-1]
    shutil.copy(package / "NotoSansSC[wght].ttf", tmp_path)
    own = font_set(tmp_path)
    assert own.families[0] == PACKAGE_FAMILY
    assert own.directories[0] == tmp_path


def test_an_operators_directory_without_a_font_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FontsMissing, match=str(tmp_path)):
        font_set(tmp_path)


def test_a_machine_without_fonts_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "_places", lambda operator: [(tmp_path, "")])
    with pytest.raises(FontsMissing, match="justmytype-intl-cjk"):
        font_set.__wrapped__()


def test_what_cannot_be_seen_or_is_private_is_not_drawable(fonts: FontSet) -> None:
    drawable = drawable_codepoints(fonts)
    for banned in "\ue000\U000f0000\u200b\u202e\ufeff\ufe00\U000e0100\x00\n\x7f":
        assert ord(banned) not in drawable
