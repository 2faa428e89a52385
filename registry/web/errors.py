"""The one place where a fault at a desk becomes a page or problem+json (RFC 9457).

A registry error's message is written for the person who reads it and holds no personal value, so
it is shown; anything unexpected shows a fixed text, and the log gets its kind and line alone.
Submitted values are never echoed.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from dataclasses import dataclass
from typing import Final

from flask import Flask, Response, g, render_template, request
from werkzeug.exceptions import HTTPException

from registry.errors import NotFound, Overtaken, Refused, RegistryError
from registry.office.cases import CaseMoved
from registry.office.guessing import TooManyAttempts
from registry.office.identity import NotAllowed
from registry.rules.errors import RulesError
from registry.upload.errors import PackageLost, UploadError

_CASE: Final = re.compile(r"/(?:cases|filings|schemes|plans|batches)/([0-9]+)(?:/|$)", re.ASCII)
PROBLEM_TYPE: Final = "application/problem+json"
LOG: Final = logging.getLogger("certreg.desk")

_TITLES: Final = {
    400: "请求有误",
    401: "请先登录",
    403: "无权办理",
    404: "没有此页",
    405: "请求方式不对",
    409: "已被他人办理",
    413: "文件过大",
    415: "文件类型不符",
    422: "不能办理",
    429: "操作过于频繁",
    500: "系统故障",
    503: "暂时不能办理",
}
_ADVICE: Final = {
    400: "请返回上一页，重新填写后提交。",
    404: "请核对网址，或者从首页进入。",
    405: "请从页面上的按钮办理。",
    413: "请压缩或者拆分后重新上传。",
    500: "故障已记录，您已提交的内容未受影响。请稍后再试；仍不行时请联系系统管理员。",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What went wrong, as a person and a program are told it."""

    status: int
    code: str
    detail: str

    @property
    def title(self) -> str:
        """The heading of the page."""
        return _TITLES.get(self.status, _TITLES[400])


def install(app: Flask) -> None:
    """Make every fault, expected or not, end here."""
    app.register_error_handler(Exception, lambda error: respond(classify(error), error))


_STATUS: Final = (
    (NotAllowed, 403),
    (TooManyAttempts, 429),
    (NotFound, 404),
    (CaseMoved, 409),
    (Overtaken, 409),
    (Refused, 422),
    (RulesError, 422),
    (PackageLost, 503),
    (UploadError, 422),
    (RegistryError, 503),
)
"""By class, the narrower first: not allowed, no such case, somebody was faster, forbidden."""


_DATA: Final = frozenset({"DataError", "OverflowError"})
"""What PostgreSQL says of a NUL and of what is larger than its column, SQLite of a number over 64
bits. By name: SQLAlchemy's class and the driver's, which may not be installed."""

UNSTORABLE: Final = "unstorable"
_NOT_STORED: Final = "填写的内容含有无法保存的字符，或者数字过大、文字过长，请改正后重新提交。"


def classify(error: Exception) -> Problem:
    """Turn a fault into its problem."""
    if any(kind.__name__ in _DATA for kind in type(error).__mro__):
        return Problem(status=400, code=UNSTORABLE, detail=_NOT_STORED)
    for kind, status in _STATUS:
        if isinstance(error, kind):
            code = getattr(error, "code", "registry")
            return Problem(status=status, code=code, detail=str(error))
    if isinstance(error, HTTPException) and error.code and error.code < 500:  # noqa: PLR2004
        known = error.code if error.code in _TITLES else 400
        advice = _ADVICE.get(known, _ADVICE[400])
        return Problem(status=error.code, code=f"http-{error.code}", detail=advice)
    return Problem(status=500, code="server-error", detail=_ADVICE[500])


def respond(problem: Problem, error: Exception) -> Response:
    """Answer with a page, or with problem+json where the API was asked."""
    g.problem = problem
    note(problem, error)
    if request.path.startswith("/api/"):
        body = json.dumps(
            {
                "type": "about:blank",
                "title": problem.title,
                "status": problem.status,
                "detail": problem.detail,
                "code": problem.code,
            },
            ensure_ascii=False,
        )
        return Response(body, problem.status, content_type=PROBLEM_TYPE)
    case = _CASE.match(request.path)
    page = render_template("problem.html", problem=problem, case=case[1] if case else "")
    return Response(page, problem.status)


def note(problem: Problem, error: Exception) -> None:
    """Put into the log what is ours to mend: kind and line, no message."""
    # What the database would not take may be a check that is missing here.
    if problem.status >= 500 or problem.code == UNSTORABLE:  # noqa: PLR2004 - ours to mend
        LOG.error("%s: %s at %s", problem.code, type(error).__qualname__, _origin(error))


def _origin(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "nowhere"
