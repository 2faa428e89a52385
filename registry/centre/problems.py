"""Faults of the centre's API as problem+json (RFC 9457): a stable code, words, nothing sent.

`code` is for programs, `detail` for the city's clerk; `later` says that the same request may
succeed another time without anybody's doing.
"""

from __future__ import annotations

import json
import logging
from base64 import b64encode
from typing import Final

from flask import Response
from werkzeug.exceptions import HTTPException

from registry.centre.asking import Denial, Denied
from registry.centre.errors import (
    OtherDigest,
    PackageNotWhole,
    PackageTooLong,
    PieceRefused,
)
from registry.centre.examine import LATER
from registry.centre.history import History
from registry.centre.intake import CITY_ENDED
from registry.centre.waiting import Place
from registry.errors import RegistryError

PROBLEM_TYPE: Final = "application/problem+json"
LOG: Final = logging.getLogger("certreg.centre")
RETRY_SECONDS: Final = 60

TITLES: Final = {
    400: "请求有误",
    401: "未能确认是哪个地市",
    403: "不再接收",
    404: "没有此地址",
    405: "请求方式不对",
    409: "暂不能接收",
    411: "缺少长度",
    413: "过大",
    415: "类型不符",
    422: "不予接收",
    429: "请求过于频繁",
    500: "系统故障",
    503: "暂时不能办理",
}
DETAILS: Final = {
    Denial.MISSING: "请求没有签名 (the request is not signed)",
    Denial.MALFORMED: "签名格式不能识别 (the signature cannot be read)",
    Denial.UNCOVERED: "签名没有覆盖规定的内容，或者 nonce 不是 16 至 128 个字符 "
    "(the signature leaves out what must be signed)",
    Denial.UNKNOWN_KEY: "省中心没有登记这个上报密钥，请把最新的信任文件送省中心 "
    "(unknown key: give the centre the newest trust folder)",
    Denial.FALSE: "签名不成立 (the signature is false)",
    Denial.OTHER_BODY: "内容与摘要不符，可能在途中损坏，请重发 (the body is not the one signed)",
    Denial.CLOCK_SKEW: "时钟与省中心相差超过五分钟，请校准后重发 (clock skew: set the clock)",
    Denial.NONCE_USED: "这个请求已经收到过，请重新签名 (a request is taken once: sign anew)",
    Denial.KEY_REVOKED: "上报密钥已吊销 (the key is revoked)",
    Denial.KEY_RETIRED: "上报密钥已停用，请改用新密钥 (the key is retired)",
    Denial.KEY_NOT_IN_FORCE: "上报密钥不在有效期内 (the key is not in force)",
    Denial.CITY_ENDED: "省中心已停止接收该地市上报，请与省中心联系 (the city is ended)",
}
_STATUS: Final = {
    Denial.OTHER_BODY: 400,
    Denial.KEY_REVOKED: 403,
    Denial.KEY_RETIRED: 403,
    Denial.KEY_NOT_IN_FORCE: 403,
    Denial.CITY_ENDED: 403,
}
WHOLE: Final = {
    CITY_ENDED: DETAILS[Denial.CITY_ENDED],
    Place.GAP: "前面还有上报批未收到，请先补报 (an earlier upload has not come yet: send it first)",
    Place.TAKEN: "这个顺序号已有另一份清单，请人工核对 (another manifest has this place)",
    History.OTHER_ROOT: "同一大小的公开日志出现了两个不同的根，请人工核对 "
    "(the log signed two trees of one size)",
    History.INCONSISTENT: "检查点与省中心所存的不属于同一日志历史，请人工核对 "
    "(the checkpoint does not go on from the one the centre has)",
    History.UNPROVEN: "清单没有与上次检查点一致的证明，请与省中心联系 "
    "(no proof that the log goes on from the checkpoint the centre has)",
    Place.OTHER_PREVIOUS: "清单所接的上一份与省中心所收的不同，请人工核对 "
    "(the manifest follows another one than the centre has)",
}
_OF_PACKAGE: Final = "上报包未通过核验，原因见 code (the package was not accepted; see `code`)"
_LATER: Final = "上报包暂不能核验，原因见 code，可稍后原样重报 (cannot be judged yet; see `code`)"
_HTTP: Final = {
    400: "请求不符合接口说明 (not as the interface says)",
    404: "没有此地址或内容 (nothing here)",
    405: "此地址不用这种方法 (another method)",
    411: "请注明内容长度 (say how long the body is)",
    413: "一次请求最多 4 MiB (a request has at most 4 MiB)",
    415: "内容类型不符 (another content type is needed)",
    429: "请稍后再试 (try again in a while)",
    500: "故障已记录，请稍后原样重试 (our fault: try again)",
    503: "请稍后原样重试 (try again)",
}


def problem(
    status: int, code: str, detail: str, *, later: bool = False, signed: bytes = b""
) -> Response:
    """Make the answer; `later` ones say when to come again. `signed` is the refusal's proof."""
    body = {
        "type": "about:blank",
        "title": TITLES.get(status, TITLES[400]),
        "status": status,
        "detail": detail,
        "code": code,
        "later": later,
        **({"refusal": b64encode(signed).decode()} if signed else {}),
    }
    response = Response(
        json.dumps(body, ensure_ascii=False) + "\n", status, content_type=PROBLEM_TYPE
    )
    if later:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def of_package(code: str, *, later: bool, signed: bytes = b"") -> Response:
    """Answer for a package without a receipt: 409 if another time will do, else 422.

    `signed` is the signed refusal: without it a city takes a 422 for anybody's word.
    """
    detail = WHOLE.get(code, _LATER if later else _OF_PACKAGE)
    status, plain = (409 if later else 422), code.removeprefix(LATER)
    return problem(status, plain, detail, later=later, signed=signed)


def of_error(error: Exception) -> Response:
    """Turn any fault into its answer; the log gets what is ours to mend, by kind alone."""
    match error:
        case Denied():
            denial = error.denial
            return problem(_STATUS.get(denial, 401), denial.value, DETAILS[denial])
        case PieceRefused():
            response = problem(409, error.code, str(error))
            response.headers["Upload-Offset"] = str(error.size)
            return response
        case PackageTooLong():
            return problem(413, error.code, str(error))
        case OtherDigest() | PackageNotWhole():
            return problem(409, error.code, str(error))
        case HTTPException() if error.code is not None and error.code < 500:  # noqa: PLR2004
            return problem(error.code, f"http-{error.code}", _HTTP.get(error.code, _HTTP[400]))
        case _:
            LOG.error("centre: %s", type(error).__qualname__)
            known = isinstance(error, RegistryError)
            status = 503 if known or isinstance(error, OSError) else 500
            code = error.code if isinstance(error, RegistryError) else "server-error"
            return problem(status, code, _HTTP[status], later=True)
