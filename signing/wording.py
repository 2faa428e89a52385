"""The words for verdicts, steps and reasons, Chinese and English, as an official would write.

Codes are what programs compare; these texts are what people read, on the public page and in
`certverify`. A reason says what was found and, where something can be done, what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, assert_never

from signing.record import IdType
from signing.report import Answer, Reason, StepCode, Verdict


@dataclass(frozen=True, slots=True)  # positional: a text and the same text in English
class Words:
    """One text in both languages."""

    zh: str
    en: str


_VERDICTS: Final[Mapping[Verdict, tuple[str, str]]] = {
    Verdict.VALID: ("有效", "Valid"),
    Verdict.CORRECTED: ("已更正", "Corrected: a newer edition replaces this one"),
    Verdict.REVOKED: ("已撤销", "Revoked"),
    Verdict.SUSPENDED: ("已暂停", "Suspended"),
    Verdict.COPY_EXPIRED: ("副本已过有效期", "This annotated copy has expired"),
    Verdict.COPY_FOR_ANOTHER: (
        "副本非供本单位使用",
        "This annotated copy was made for another recipient",
    ),
    Verdict.INVALID: ("无效", "Not genuine"),
    Verdict.CANNOT_SAY: ("暂无法确认", "Cannot be confirmed now"),
}

_ANSWERS: Final[Mapping[Answer, tuple[str, str]]] = {
    Answer.VALID: ("通过", "passed"),
    Answer.INVALID: ("不通过", "failed"),
    Answer.CANNOT_SAY: ("无法确认", "no answer"),
}

_STEPS: Final[Mapping[StepCode, tuple[str, str]]] = {
    StepCode.RECORD: ("证书记录", "Record"),
    StepCode.SIGNATURE: ("评价机构签名", "Issuer's signature"),
    StepCode.INCLUSION: ("登记入册", "Entry in the public log"),
    StepCode.CHECKPOINT: ("备案机构签名", "Registry's signature"),
    StepCode.STATUS: ("当前状态", "Current status"),
    StepCode.SEAL: ("电子签章", "Electronic seal"),
    StepCode.COPY: ("文件性质", "Original or copy"),
}

_REASONS: Final[Mapping[Reason, tuple[str, str]]] = {
    Reason.RECORD_GOOD: (
        "记录完整，编号与机构、年份、等级一致。",
        "The record is whole; its number agrees with issuer, year and level.",
    ),
    Reason.RECORD_MISSING: (
        "文件内没有证书记录。",
        "There is no certificate's record in the file.",
    ),
    Reason.RECORD_OTHER_TYPE: ("签名内容不是证书记录。", "What was signed is not a certificate."),
    Reason.RECORD_MALFORMED: ("记录已损坏或被改动。", "The record is damaged or was changed."),
    Reason.RECORD_DISAGREES: (
        "证书编号与机构、年份、等级或版次不一致。",
        "The number does not agree with issuer, year, level or edition.",
    ),
    Reason.RECORD_IN_FUTURE: (
        "发证日期尚未到来；请检查本机时间。",
        "The date of issue has not come yet; check this machine's clock.",
    ),
    Reason.RECORD_FOREIGN_HOST: (
        "二维码网址不是备案机构的查询网址，请勿打开；请在官方网址查询。",
        "The QR code's address is not the registry's: do not open it, use the official address.",
    ),
    Reason.SIGNATURE_GOOD: (
        "由该评价机构登记的密钥签名，内容未被改动。",
        "Signed with a key registered to this issuer; nothing was changed.",
    ),
    Reason.SIGNATURE_IMPORTED: (
        "由该评价机构在补录时持有的密钥签名，补录后内容未被改动。",
        "Signed with a key the issuer held at registration; nothing was changed since.",
    ),
    Reason.SIGNATURE_NO_RECORD: (
        "记录无法读取，签名无从核对。",
        "There is no readable record to check a signature on.",
    ),
    Reason.SIGNATURE_UNKNOWN_ISSUER: (
        "信任文件中没有该评价机构；请更新信任文件后重试。",
        "The trust file does not list this issuer; get the latest trust file and try again.",
    ),
    Reason.SIGNATURE_UNKNOWN_KEY: (
        "信任文件中没有该签名密钥；请更新信任文件后重试。",
        "The trust file does not list this key; get the latest trust file and try again.",
    ),
    Reason.SIGNATURE_OTHER_ISSUER: (
        "签名密钥属于另一评价机构。",
        "The key belongs to another issuer.",
    ),
    Reason.SIGNATURE_OTHER_PURPOSE: (
        "该密钥不用于签发证书。",
        "The key is not one for signing certificates.",
    ),
    Reason.SIGNATURE_FALSE: (
        "签名不符：记录或签名被改动，或系伪造。",
        "The signature is false: the record was changed or forged.",
    ),
    Reason.SIGNATURE_KEY_NOT_IN_FORCE: (
        "发证日期不在该密钥有效期内。",
        "The key was not in force on the date of issue.",
    ),
    Reason.SIGNATURE_KEY_REVOKED: (
        "发证时该密钥已被吊销。",
        "The key had been revoked by the date of issue.",
    ),
    Reason.SIGNATURE_KEY_NOT_ANNOUNCED: (
        "公开日志显示，该条目入册时此密钥尚未公布。",
        "By the public log, the key was not yet announced when this entry was made.",
    ),
    Reason.SIGNATURE_KEY_ENDED: (
        "公开日志显示，该条目入册时此密钥已停用或已被吊销。",
        "By the public log, the key had been retired or revoked before this entry was made.",
    ),
    Reason.SIGNATURE_BEFORE_REVOCATION: (
        "密钥后来被吊销；公开日志证明本记录在吊销之前已入册，签名有效。",
        "The key was revoked later; the public log proves that this record was signed before.",
    ),
    Reason.SIGNATURE_NO_PLACE: (
        "密钥已被吊销，且没有登记证明签名作于吊销之前；请核验完整文件或在官方网址查询。",
        "The key has been revoked, and nothing proves that this was signed before; check the file.",
    ),
    Reason.INCLUSION_GOOD: (
        "该版证书已登记入册，登记内容与本记录一致。",
        "This edition stands in the public log, and the entry is about this very record.",
    ),
    Reason.INCLUSION_IMPORTED: (
        "补录：本证书由评价机构此前颁发，后补录入库；公开日志只证明补录之后未被更改。",
        "Issued earlier by the assessing body, registered later: the log proves no change since.",
    ),
    Reason.INCLUSION_MISSING: (
        "缺少登记证明；请向持证人索取完整文件或在官方网址查询。",
        "The proof of registration is missing; ask for the full file or use the official address.",
    ),
    Reason.INCLUSION_NO_OPENING: (
        "缺少登记核对码，无法确认登记内容即本记录。",
        "The value that ties the entry to this record is missing.",
    ),
    Reason.INCLUSION_NO_TREE: (
        "缺少可读的公开日志签名，无法核对登记证明。",
        "There is no readable checkpoint to check the proof against.",
    ),
    Reason.INCLUSION_OTHER_ENTRY: (
        "所附登记条目不是发证条目。",
        "The log's entry is not one of a certificate's issue.",
    ),
    Reason.INCLUSION_OTHER_CERTIFICATE: (
        "所附登记条目属于另一证书或另一版次。",
        "The log's entry is about another certificate or edition.",
    ),
    Reason.INCLUSION_COMMITMENT_DIFFERS: (
        "登记内容与本记录不一致。",
        "What was registered is not this record.",
    ),
    Reason.INCLUSION_PATH_FALSE: (
        "登记证明不成立：该条目不在公开日志中。",
        "The proof fails: this entry is not in the public log.",
    ),
    Reason.CHECKPOINT_GOOD: (
        "公开日志由备案机构签名，见证方数量符合要求。",
        "The public log is signed by the registry and by as many witnesses as required.",
    ),
    Reason.CHECKPOINT_ED25519_ONLY: (
        "公开日志由备案机构签名（Ed25519），见证方数量符合要求；第二重签名（ML-DSA-44，抗量子）未核对。",
        "Signed by the registry (Ed25519) and enough witnesses; its quantum-safe one is unchecked.",
    ),
    Reason.CHECKPOINT_MISSING: ("缺少公开日志签名。", "The public log's checkpoint is missing."),
    Reason.CHECKPOINT_MALFORMED: (
        "公开日志签名已损坏。",
        "The public log's checkpoint is damaged.",
    ),
    Reason.CHECKPOINT_UNTRUSTED: (
        "公开日志签名不是所信任备案机构的有效签名；如信任文件较旧，请重新获取后再核验。",
        "Not truly signed by the registry you trust; if your trust folder is old, get it again.",
    ),
    Reason.CHECKPOINT_FROZEN_LOG: (
        "证明出自已停用的公开日志，该公开日志已由新公开日志接续；请在官方网址重新获取证明。",
        "The public log of this proof was closed and replaced: get a new proof.",
    ),
    Reason.CHECKPOINT_NO_QUORUM: (
        "备案机构已签名，见证方签名不足；请稍后重新获取证明。",
        "The registry has signed, too few witnesses have; get a newer proof later.",
    ),
    Reason.CHECKPOINT_UNCHECKABLE: (
        "本机软件无法核对 ML-DSA-44（抗量子）签名；请更新软件，或在官方网址查询。",
        "This machine cannot check ML-DSA-44 signatures: update it, or use the official address.",
    ),
    Reason.STATUS_IN_FORCE: ("证书有效，未被撤销。", "In force, not revoked."),
    Reason.STATUS_REVOKED: ("证书已被撤销。", "The certificate has been revoked."),
    Reason.STATUS_SUSPENDED: ("证书已被暂停。", "The certificate is suspended."),
    Reason.STATUS_SUPERSEDED: (
        "本版已由更正或补发的新版取代，请以新版为准。",
        "A newer edition replaces this one; go by that.",
    ),
    Reason.STATUS_MISSING: (
        "缺少状态证明，无法确认是否已撤销；请在官方网址查询。",
        "There is no status proof, so a revocation cannot be ruled out; use the official address.",
    ),
    Reason.STATUS_NO_TREE: (
        "缺少可读的公开日志签名，无法核对状态证明。",
        "There is no readable checkpoint to check the status against.",
    ),
    Reason.STATUS_OTHER_CERTIFICATE: (
        "状态证明属于另一证书。",
        "The status proof is about another certificate.",
    ),
    Reason.STATUS_FALSE: (
        "状态证明不成立：已损坏或被改动。",
        "The status proof fails: it is damaged or was changed.",
    ),
    Reason.STATUS_NOT_COVERING: (
        "状态公布早于本证书登记；请待下次公布后重试。",
        "The status was published before this certificate; try again after the next publication.",
    ),
    Reason.STATUS_TOO_OLD: (
        "状态证明已过期；请在官方网址获取最新证明。",
        "The status proof is too old; get a fresh one at the official address.",
    ),
    Reason.STATUS_IN_FUTURE: (
        "状态时间晚于本机时间；请检查本机时间。",
        "The status is from the future; check this machine's clock.",
    ),
    Reason.STATUS_FILE_OTHER_PAGE: (
        "所给的状态证明文件不含本证书；请按证书的状态序号重新下载。",
        "The status file does not hold this certificate: fetch the one of its status index.",
    ),
    Reason.STATUS_FILE_OTHER_LOG: (
        "所给的状态证明文件出自另一公开日志。",
        "The status file is of another public log than this certificate.",
    ),
    Reason.STATUS_FILE_UNTRUSTED: (
        "所给的状态证明文件未经所信任的备案机构签名，或见证方签名不足；请重新下载。",
        "The status file is not signed by the registry and witnesses you trust; fetch it again.",
    ),
    Reason.STATUS_FILE_CONTRADICTS: (
        "状态证明文件与证书所附的公开日志签名互相矛盾；请保留两份文件并告知备案机构和见证方。",
        "Status file and certificate show two histories: keep both, tell registry and witnesses.",
    ),
    Reason.STATUS_FILE_FALSE: (
        "所给的状态证明文件已损坏或被改动；请重新下载。",
        "The status file is damaged or was changed; fetch it again.",
    ),
    Reason.SEAL_GOOD: (
        "签章有效，文件自签章后未被改动。",
        "The seal is good; no byte has changed since.",
    ),
    Reason.SEAL_MISSING: ("文件没有电子签章。", "The file bears no electronic seal."),
    Reason.SEAL_BROKEN: (
        "签章已损坏，或文件在签章后被改动。",
        "The seal is broken, or the file was changed after sealing.",
    ),
    Reason.SEAL_RELEASED: (
        "与评价机构发出的文件逐字节一致（SHA-256）。",
        "Byte for byte the file that the issuer let out (SHA-256).",
    ),
    Reason.SEAL_REWRITTEN: (
        "文件被软件另存改写，签章已不能核对；请持证人提供原始文件。",
        "A program has written the file anew and the seal no longer fits; ask for the original.",
    ),
    Reason.SEAL_UNCHECKED: (
        "签章未能核对完毕，不能确认是否有效；请持证人提供原始文件后重试。",
        "The check of the seal did not come to an end; ask for the original file and try again.",
    ),
    Reason.SEAL_PARTIAL: (
        "签章未覆盖整个文件，其后添加了内容。",
        "The seal does not cover the whole file: something was added.",
    ),
    Reason.SEAL_UNTRUSTED: (
        "签章证书不是由所信任备案机构颁发，或已失效。",
        "The seal's certificate is not one of the registry you trust, or no longer holds.",
    ),
    Reason.SEAL_OTHER_ISSUER: (
        "签章属于另一机构，不是本证书的评价机构。",
        "The seal is another company's, not this certificate's issuer's.",
    ),
    Reason.SEAL_IN_FUTURE: (
        "签章时间晚于本机时间；请检查本机时间。",
        "The seal is from the future; check this machine's clock.",
    ),
    Reason.SEAL_REVOKED: (
        "签章密钥已被吊销；请重新下载证书文件。",
        "The seal's key has been revoked; download the certificate again.",
    ),
    Reason.SEAL_BEFORE_REVOCATION: (
        "签章密钥后来被吊销；可信时间戳证明本签章作于吊销之前，签章有效。",
        "The seal's key was revoked later; a trusted timestamp proves the seal was put on before.",
    ),
    Reason.SEAL_UNKNOWN_AUTHORITY: (
        "签章之后附有时间戳，但信任文件中没有该时间戳机构；请更新信任文件后重试。",
        "A timestamp follows the seal, by an authority the trust file does not list; update it.",
    ),
    Reason.SEAL_UNKNOWN_ISSUER: (
        "信任文件中没有该评价机构，无法核对签章属于谁。",
        "The trust file does not list the issuer, so whose seal it should be is unknown.",
    ),
    Reason.SEAL_NO_ROOT: (
        "信任文件中没有签章根证书，无法核对签章。",
        "The trust file has no seal root, so the seal cannot be checked.",
    ),
    Reason.COPY_ORIGINAL: ("证书原件，未加注。", "The original, without an annotation."),
    Reason.COPY_ANNOTATED: (
        "加注副本，在有效期内；请核对用途和接收单位是否相符。",
        "An annotated copy within its term; compare the purpose and the recipient.",
    ),
    Reason.COPY_NAMED: (
        "加注副本，在有效期内，接收单位相符；请核对用途。",
        "An annotated copy for this recipient, within its term; compare the purpose.",
    ),
    Reason.COPY_OTHER_RECIPIENT: (
        "加注副本系供其他单位使用；请持证人为本单位另行下载。",
        "The copy was made for another recipient; ask the holder for one made out to you.",
    ),
    Reason.COPY_EXPIRED: (
        "加注副本已过有效期；请持证人重新下载，证书状态请另行查询。",
        "The copy's term is over; ask the holder for a new one, and look the certificate up.",
    ),
    Reason.COPY_IN_FUTURE: (
        "加注日期晚于本机日期；请检查本机时间。",
        "The copy is dated later than today; check this machine's clock.",
    ),
    Reason.COPY_OTHER_CERTIFICATE: (
        "加注内容属于另一证书。",
        "The annotation belongs to another certificate.",
    ),
    Reason.COPY_MALFORMED: ("加注内容无法读取。", "The annotation cannot be read."),
    Reason.COPY_NOT_SEALED: (
        "签章未通过核验，无法确认是原件还是加注副本。",
        "Without a good seal nothing says whether this is the original or a copy.",
    ),
    Reason.ONLY_OFFLINE: (
        "二维码不含此项；请在官方网址查询或核验完整文件。",
        "A QR code does not carry this; use the official address or check the full file.",
    ),
}

_ID_TYPES: Final[Mapping[IdType, tuple[str, str]]] = {
    IdType.RESIDENT: ("居民身份证", "Resident identity card"),
    IdType.RESIDENCE_PERMIT: ("港澳台居民居住证", "Residence permit"),
    IdType.FOREIGN_PERMANENT: ("外国人永久居留身份证", "Foreign permanent resident ID card"),
    IdType.PASSPORT: ("护照", "Passport"),
}

_LEVELS: Final[Mapping[str, tuple[str, str]]] = {
    "5": ("五级/初级工", "Level 5, junior worker"),
    "4": ("四级/中级工", "Level 4, intermediate worker"),
    "3": ("三级/高级工", "Level 3, senior worker"),
    "2": ("二级/技师", "Level 2, technician"),
    "1": ("一级/高级技师", "Level 1, senior technician"),
}


@lru_cache(maxsize=None, typed=True)  # typed: an answer and a verdict of one value are equal
def words(code: Verdict | Answer | StepCode | Reason | IdType) -> Words:
    """Give the words of a verdict, answer, step, reason or kind of identity document."""
    # A table for each type, for the same reason.
    match code:
        case Verdict():
            return Words(*_VERDICTS[code])
        case Answer():
            return Words(*_ANSWERS[code])
        case StepCode():
            return Words(*_STEPS[code])
        case Reason():
            return Words(*_REASONS[code])
        case IdType():
            return Words(*_ID_TYPES[code])
        case _:
            assert_never(code)


_LEVEL_WORDS: Final = {level: Words(*names) for level, names in _LEVELS.items()}


def level_words(level: str) -> Words:
    """Give a level's name as printed; a symbol assigned later stands for itself."""
    return _LEVEL_WORDS.get(level) or Words(level, f"Level {level}")
