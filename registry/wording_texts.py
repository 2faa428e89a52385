"""The texts of all findings: code -> (Chinese, English), with facts in braces.

Each says what is wrong and what to do next, in the words of the office's forms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.rules.findings import FindingCode as Code
from registry.wording_batches import SCORE_TEXTS
from registry.wording_plans import PLAN_TEXTS
from registry.wording_registers import REGISTER_TEXTS

TEXTS: Final[Mapping[Code, tuple[str, str]]] = {
    **PLAN_TEXTS,
    **SCORE_TEXTS,
    **REGISTER_TEXTS,
    Code.FILE_EMPTY: (
        "文件是空的，请确认上传的是填好的表格。",
        "the file is empty; hand in the completed table.",
    ),
    Code.FILE_OLD_XLS: (
        (
            "这是旧版 .xls 格式（改扩展名无效）。请用 Excel 或 WPS 打开，“另存为”"
            "选择“Excel 工作簿（*.xlsx）”后重新提交。"
        ),
        (
            "this is the old .xls format, whatever its ending. Open it in Excel or WPS, save as "
            "“Excel Workbook (*.xlsx)” and hand it in again."
        ),
    ),
    Code.FILE_ENCRYPTED: (
        "文件设有打开密码，无法读取。请在“文件—信息—保护工作簿”中清除密码后另存，再重新提交。",
        (
            "the file is protected by a password; remove it under File – Info – Protect Workbook, "
            "save and hand it in again."
        ),
    ),
    Code.FILE_NOT_A_TABLE: (
        (
            "文件不是可识别的表格。请提交 .xlsx 文件，或用逗号分隔的 CSV 文件；"
            "网页、PDF、WPS 其他格式请先另存为 .xlsx。"
        ),
        "not a spreadsheet this system reads; save it as .xlsx, or as comma-separated CSV.",
    ),
    Code.FILE_DAMAGED: (
        "文件已损坏，或内容与格式不符。请用 Excel 或 WPS 打开后另存为新的 .xlsx 文件再提交。",
        "the file is damaged; open it in Excel or WPS, save it as a new .xlsx file and hand it in.",
    ),
    Code.FILE_TOO_LARGE: (
        "文件超过 {limit} MB。请删除图片和多余的工作表，或分成几个文件提交。",
        "the file is over {limit} MiB; remove pictures and other sheets, or split it.",
    ),
    Code.FILE_EXPANDS: (
        "文件展开后过大，为安全起见已停止读取。请把数据复制到新的模板（只粘贴数值）后重新提交。",
        (
            "the file unpacks to too much and reading was stopped; copy the data into a new "
            "template (values only) and hand that in."
        ),
    ),
    Code.FILE_ENCODING: (
        "无法识别文件的文字编码。请另存为“CSV UTF-8（逗号分隔）”或 .xlsx 后重新提交。",
        "the text encoding is not known; save as “CSV UTF-8 (comma delimited)” or as .xlsx.",
    ),
    Code.FILE_SEPARATOR: (
        "文件用{found}分隔各列，请改用逗号分隔的 CSV，或另存为 .xlsx 后重新提交。",
        "the columns are not separated by commas; save as comma-separated CSV or as .xlsx.",
    ),
    Code.FILE_TOO_MANY_ROWS: (
        "数据超过 {limit} 行，请分成几个文件提交。",
        "more than {limit} rows; split the file.",
    ),
    Code.SHEET_CHOICE: (
        (
            "有 {count} 个工作表含有内容，无法判断要提交哪一个。"
            "请把要提交的工作表命名为“{expected}”，或删除其余工作表。"
        ),
        (
            "{count} sheets have content; name the one to be handed in “{expected}”, or delete the "
            "others."
        ),
    ),
    Code.HEADER_NOT_FOUND: (
        "前 20 行内没有找到表头。请使用“{expected}”模板，表头文字请勿改动。",
        "no header row within the first 20 rows; use the template “{expected}” with its headers.",
    ),
    Code.COLUMN_MISSING: (
        "缺少这一列。请按模板补上“{column}”列。",
        "this column is missing; add it as in the template.",
    ),
    Code.COLUMN_RENAMED: (
        "缺少这一列；表中的“{found}”是否就是“{column}”？如是，请把表头改为“{column}”。",
        "this column is missing; if “{found}” is meant, rename that header as in the template.",
    ),
    Code.COLUMN_TWICE: (
        "表头重复（又见“{found}”）。请只保留一列，删除另一列。",
        "this column stands twice (again as “{found}”); keep one and delete the other.",
    ),
    Code.COLUMN_EXTRA: (
        "多出的列“{found}”不会被读取；如与办证无关，请删除。",
        "the extra column “{found}” is not read; delete it unless it is one of the template's.",
    ),
    Code.CELLS_MERGED: (
        "第 {first_row} 至 {last_row} 行有合并单元格。请取消合并，并在每一行填写完整。",
        "cells are merged (rows {first_row} to {last_row}); unmerge them and fill in every row.",
    ),
    Code.CELL_FORMULA: (
        "单元格是公式，结果可能与显示的不同。请复制后用“选择性粘贴—数值”改为固定内容。",
        "the cell is a formula; copy it and paste it as a value.",
    ),
    Code.ROSTER_EMPTY: (
        "表中没有人员。请在表头下逐行填写评定合格的人员后重新提交。",
        "the table has no persons; fill in one per row below the header.",
    ),
    Code.VALUE_MISSING: ("未填写，请补充。", "nothing is filled in; complete it."),
    Code.VALUE_TOO_LONG: (
        "内容有 {length} 个字，超过 {limit} 个字，证书上印不下。请核对是否粘贴了多余内容。",
        "{length} characters, at most {limit} fit; check for text pasted by mistake.",
    ),
    Code.TEXT_NOT_DRAWABLE: (
        (
            "第 {position} 个字（{codepoint}）无法印在证书上。"
            "请改用规范汉字，或联系技能鉴定办添加字体。"
        ),
        (
            "character {position} ({codepoint}) cannot be printed; use the standard character, or "
            "ask the office to add a font."
        ),
    ),
    Code.NAME_DIGIT: (
        "姓名中有数字（{value}，第 {position} 个字）。请按证件原件填写，同名人员不要加编号。",
        "the name has a digit ({value}, character {position}); write it as on the document.",
    ),
    Code.NAME_PRIVATE_USE: (
        (
            "姓名中第 {position} 个字（{value}，{codepoint}）是自造字，其他电脑上无法显示。"
            "请用支持生僻字的输入法按证件原件重新输入。"
        ),
        (
            "character {position} of the name ({value}, {codepoint}) is private to one computer; "
            "type it again with an input method that has rare characters."
        ),
    ),
    Code.NAME_UNASSIGNED: (
        (
            "姓名中第 {position} 个字（{value}，{codepoint}）不是有效的文字，"
            "可能在复制或转码时损坏。请按证件原件重新输入。"
        ),
        (
            "character {position} of the name ({value}, {codepoint}) is none, probably damaged in "
            "copying; type it again."
        ),
    ),
    Code.NAME_NOT_DRAWABLE: (
        (
            "姓名中第 {position} 个字（{value}，{codepoint}）现有字体无法印出。"
            "请核对是否为证件上的字；确认无误的，请联系技能鉴定办添加字体。"
        ),
        (
            "character {position} of the name ({value}, {codepoint}) is in no installed font; "
            "check it against the document and, if right, ask the office to add a font."
        ),
    ),
    Code.NAME_CHARACTER: (
        "姓名中第 {position} 个字符（{value}，{codepoint}）不应出现在姓名里。请按证件原件改正。",
        "character {position} of the name ({value}, {codepoint}) does not belong in a name.",
    ),
    Code.NAME_LATIN: (
        (
            "持居民身份证人员的姓名不应含拉丁字母（{value}，第 {position} 个字）。"
            "请填写汉字姓名，或核对证件类型。"
        ),
        (
            "a resident ID card has no Latin letters in the name ({value}, character {position}); "
            "write the Chinese name, or check the ID type."
        ),
    ),
    Code.NAME_SHORT: (
        "姓名只有一个字，请核对是否漏字；确与证件一致的可以保留。",
        "the name has a single character; check that none is missing.",
    ),
    Code.ID_TYPE_UNKNOWN: (
        (
            "证件类型“{value}”无法识别。请填居民身份证（或 201）、港澳台居民居住证、"
            "外国人永久居留身份证、护照之一；通行证请改用居住证或护照。"
        ),
        "the ID type “{value}” is not known; choose one from the template's list.",
    ),
    Code.ID_TYPE_CONTRADICTS: (
        "号码（{value}）与所填证件类型不一致。请核对证件类型和号码。",
        "the number ({value}) belongs to another kind of document; check type and number.",
    ),
    Code.ID_AS_NUMBER: (
        (
            "证件号码以数字格式存放，末几位已丢失，无法找回。"
            "请把该列设为“文本”格式，再按证件原件重新输入。"
        ),
        (
            "the ID number is stored as a number and its last digits are lost; format the column "
            "as text and type the number again from the document."
        ),
    ),
    Code.ID_LENGTH: (
        "号码（{value}）有 {length} 位，应为 18 位。请按证件原件改正；15 位旧号码请换用新证号码。",
        "the number ({value}) has {length} characters, not 18; correct it from the document.",
    ),
    Code.ID_FORM: (
        "号码（{value}）含有不应出现的字符。请按证件原件改正。",
        "the number ({value}) has characters that do not belong in it.",
    ),
    Code.ID_REGION: (
        "号码（{value}）前两位不是有效的省级代码。请按证件原件改正。",
        "the number ({value}) does not begin with a province's code; check it.",
    ),
    Code.ID_BIRTH: (
        "号码（{value}）第 7 至 14 位不是有效的出生日期。请按证件原件改正。",
        "digits 7 to 14 of the number ({value}) are no date of birth; check it.",
    ),
    Code.ID_CHECK_DIGIT: (
        "校验位不符（{value}），请核对原件后改正。",
        "the check digit does not agree ({value}); correct it from the document.",
    ),
    Code.ADMISSION_AS_NUMBER: (
        "准考证号以数字格式存放，末几位可能已丢失。请把该列设为“文本”格式后重新输入。",
        (
            "the admission number is stored as a number and may have lost digits; format the "
            "column as text and type it again."
        ),
    ),
    Code.ADMISSION_FORM: (
        "准考证号只能用字母、数字和“-”，不超过 32 位。请改正；没有的留空。",
        "an admission number has letters, digits and “-”, at most 32; leave it empty if none.",
    ),
    Code.OCCUPATION_CODE_FORM: (
        "职业编码“{value}”格式不对，应形如 6-31-01-03。请按职业分类大典填写。",
        "the occupation code “{value}” must look like 6-31-01-03.",
    ),
    Code.OCCUPATION_CODE_GROUP: (
        "职业编码 {value} 不属于技能类职业（第三至第六大类）。请核对编码。",
        "the occupation code {value} is outside main groups 3 to 6; check it.",
    ),
    Code.OCCUPATION_TWO_NAMES: (
        "编码 {value} 在第 {other_row} 行对应另一个职业名称。请核对哪一个是对的。",
        "code {value} has another occupation name in row {other_row}; check which is right.",
    ),
    Code.LEVEL_UNKNOWN: (
        (
            "等级“{value}”无法识别。请填五级/初级工、四级/中级工、三级/高级工、"
            "二级/技师、一级/高级技师之一。"
        ),
        "the level “{value}” is not known; choose one from the template's list.",
    ),
    Code.LEVEL_CONTRADICTS: (
        "等级“{value}”前后矛盾。请核对，如三级对应高级工。",
        "“{value}” names two different levels; check which is meant.",
    ),
    Code.LEVEL_WITHOUT_SYMBOL: (
        "“{value}”的证书编码规则尚未公布，暂不能编号。请另行与技能鉴定办联系。",
        "no numbering symbol has been published for “{value}”; ask the office.",
    ),
    Code.LEVEL_OUT_OF_SCOPE: (
        "{value} 不在本企业备案的等级范围内。请核对等级，或先办理备案变更。",
        "{value} is outside the levels this company is filed for; check it, or file for it first.",
    ),
    Code.CONCLUSION_NOT_PASSED: (
        "评定结论为“{value}”，只有“合格”人员可以发证。请删除该行或核对结论。",
        "the conclusion is “{value}”; only 合格 is certified. Delete the row, or check it.",
    ),
    Code.DATE_UNREADABLE: (
        "“{value}”不是可识别的日期。请填成 2026-11-23 的形式。",
        "“{value}” is not read as a date; write it like 2026-11-23.",
    ),
    Code.DATE_IMPOSSIBLE: (
        "日历上没有“{value}”这一天。请改正。",
        "there is no such day as “{value}”; correct it.",
    ),
    Code.DATE_IN_FUTURE: (
        "发证日期 {value} 晚于今天（{today}）。请改正。",
        "the date {value} is later than today ({today}); correct it.",
    ),
    Code.DATE_TOO_EARLY: (
        "发证日期 {value} 早于统一编码规则施行（{earliest}）。请改正。",
        "the date {value} is before the numbering rule came into force ({earliest}).",
    ),
    Code.DATE_OLD: (
        "发证日期 {value} 距今已超过一年，持证人可能已过补贴申领期限。请核对年份。",
        "the date {value} is over a year ago; the term for subsidies may be over. Check the year.",
    ),
    Code.PERSON_TWICE: (
        "与第 {other_row} 行是同一人、同一职业、同一等级。请删除其中一行。",
        "the same person, occupation and level as row {other_row}; delete one of the two.",
    ),
    Code.PERSON_OTHER_NAME: (
        "与第 {other_row} 行证件号码相同，姓名却不同。请核对两行的姓名和号码。",
        "the same ID number as row {other_row} under another name; check both rows.",
    ),
    Code.PERSON_ON_FILE_OTHER_NAME: (
        "该证件号码（{value}）在证书 {number} 上是另一姓名。请核对证件；原证有误的先办更正。",
        "this ID number ({value}) has another name on certificate {number}; check the document.",
    ),
    Code.ALREADY_HELD: (
        "此人（{value}）已持有该职业同等级证书 {number}。请删除该行。",
        "this person ({value}) already holds certificate {number} of this kind; delete the row.",
    ),
    Code.SERIALS_SHORT: (
        "{year} 年 {level} 级序列码剩 {free} 个，需要 {wanted} 个。请向省中心申请新机构代码。",
        "level {level} of {year} has {free} of {wanted} serials left; ask for a new body code.",
    ),
    Code.NUMBER_LENGTH: (
        "证书编号应为 22 位，现有 {length} 位。请核对是否漏输或多输。",
        "a certificate number has 22 characters, this one {length}.",
    ),
    Code.NUMBER_CHARACTER: (
        "证书编号第 {position} 位的字符不对。首位为字母，其余为数字（第 16 位可为字母）。",
        "character {position} of the certificate number does not belong there.",
    ),
    Code.NUMBER_OLD_FORM: (
        "这是 16 位的旧版职业资格证书编号，不在本系统。请到国家职业资格证书全国联网查询系统查询。",
        (
            "this is a 16-digit number of the former qualification certificates; look it up in the "
            "national system."
        ),
    ),
    Code.NUMBER_SERIAL_ZERO: (
        "证书编号末 6 位序列码应在 000001 至 999999 之间。",
        "the last six digits of a certificate number run from 000001 to 999999.",
    ),
    Code.NUMBER_PREFIX: (
        "证书编号前 13 位为 {value}，与备案的机构编码 {expected} 不一致。请核对。",
        "the number begins with {value}, not with the filed prefix {expected}.",
    ),
    Code.NUMBER_YEAR: (
        "证书编号第 14–15 位为 {value}，与发证年份 {expected} 不一致。请核对。",
        "the number's year is {value}, the date of issue says {expected}.",
    ),
    Code.NUMBER_LEVEL: (
        "证书编号第 16 位为 {value}，与等级代码 {expected} 不一致。请核对。",
        "the number's level is {value}, the record says {expected}.",
    ),
    Code.NUMBER_REPEATED: (
        "证书编号 {value} 与第 {other_row} 行相同。一个编号只能对应一本证书，请核对两行。",
        "the same certificate number as row {other_row}; check both rows.",
    ),
    Code.NUMBER_HELD: (
        "证书编号 {value} 已在本系统登记，不能再次补录。请核对编号；已登记的请删除该行。",
        "certificate number {value} is registered here already; check it, or delete the row.",
    ),
    Code.NUMBER_JUMP: (
        "补录后，{year} 年 {level} 级的新证书将从 {number} 号起编，其间 {count} 个号不再使用。",
        "new certificates of {year}, level {level}, will go on from {number}; {count} are skipped.",
    ),
    Code.NUMBER_JUMP_FAR: (
        (
            "证书编号 {value} 比现有编号多跳 {count} 个号，{year} 年 {level} 级只剩 {free} 个号。"
            "请核对编号。"
        ),
        "number {value} skips {count} and leaves {free} of {year}, level {level}; check it.",
    ),
    Code.NUMBER_WAITING: (
        "证书编号 {value} 也在补录 {found} 中，该件尚未办结。请核对两件，只补录一次。",
        "number {value} stands in import {found} too, which is not decided; check both.",
    ),
    Code.IMPORT_UNREADABLE: (
        "补录 {found} 的补录表无法读取，证书编号未与其核对。请先办结该件。",
        "the rows of import {found} cannot be read: numbers were not compared with it.",
    ),
    Code.DATE_SINCE_ISSUING: (
        "该机构自 {limit} 起由本系统核发证书，发证日期 {value} 不早于此日，不能补录。请核对日期。",
        "this body's certificates are issued here since {limit}; one of {value} is not imported.",
    ),
    Code.ISSUER_UNLISTED: (
        "企业不在备案名单内（{found}）。此前颁发的证书可以补录，请核对发证日期和原发证记录。",
        "the company is not on the list ({found}); check the dates against its own records.",
    ),
    Code.ASSESSOR_UNFILED: (
        "“{value}”不是该机构现用或者曾用的备案名称。请与证书原件核对。",
        "“{value}” is no name this body is or was filed under; check it with the certificate.",
    ),
    Code.OCCUPATION_NAME_DIFFERS: (
        "职业目录中，编码 {value} 的职业名称是“{expected}”。请与证书原件核对职业名称和职业编码。",
        "the catalogue calls occupation {value} “{expected}”; check both with the certificate.",
    ),
    Code.OCCUPATION_UNLISTED: (
        "职业目录中没有编码 {value}。请核对；属旧版目录的，请先在职业目录中补充。",
        "no occupation {value} in the catalogue; check it, or add the occupation there first.",
    ),
    Code.LEVEL_UNLISTED: (
        "职业目录中，职业 {value} 没有 {level} 级。请核对等级和职业编码。",
        "occupation {value} has no level {level} in the catalogue; check both.",
    ),
    Code.CATALOGUE_ABSENT: (
        "本系统尚未导入职业目录，职业编码、名称和等级未与目录核对。",
        "no catalogue of occupations is loaded: codes, names and levels were not compared.",
    ),
}
