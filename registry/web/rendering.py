"""How templates are compiled: what stands in them is escaped at a fraction of the usual cost.

A list has a thousand small values; to make a marked-up string of each, and to ask each whether it
is one, costs more than the rest of the page. Most are plain text without a special character, or
numbers: these are written as they are. Everything else goes the usual way.
"""

from __future__ import annotations

import re
from typing import Any, Final

from flask.templating import Environment
from jinja2.compiler import CodeGenerator, Frame
from jinja2.nodes import Expr
from markupsafe import escape

_SPECIAL: Final = re.compile("[&<>\"']").search


def written(value: object) -> str:
    """Return a value as it stands in HTML, as `markupsafe.escape` writes it."""
    kind = type(value)
    # Not `isinstance`: a marked-up string is one too. Not `cast`, which is called.
    if kind is str and not _SPECIAL(value):  # type: ignore[call-overload]
        return value  # type: ignore[return-value]
    return str(value) if kind is int else escape(value)


class DeskCode(CodeGenerator):
    """Templates' code with `written` where autoescaping would call `escape`."""

    def _output_child_pre(self, node: Expr, frame: Frame, finalize: Any) -> None:
        if frame.eval_ctx.autoescape and not frame.eval_ctx.volatile:
            self.write("environment.written(")
            if finalize.src is not None:
                self.write(finalize.src)
            return
        super()._output_child_pre(node, frame, finalize)


class DeskEnvironment(Environment):
    """Flask's environment over such code."""

    code_generator_class = DeskCode
    written = staticmethod(written)
