"""The words with which models say that they left code out, in the languages they say it in."""

import re
from typing import Final

DOTS: Final = r"(?:\.{2,}|…)"
CODE: Final = (
    r"(?:code|file|class|classes|functions?|methods?|impl|implementations?|module|script|components?|"
    r"styles?|stylesheet|css|html|jsx|logic|imports?|routes?|handlers?|program|document|page|body|"
    r"definitions?|declarations?|endpoints?|markup|template|readme|statements?|tests?)"
)
ANY: Final = (
    rf"(?:{CODE}|contents?|config|configuration|fields?|properties|rows|entries|items|sections?|lines?|"
    r"text|data|stuff|rules?|views?|models?|cases?|options?|setup|settings|elements?|dependencies)"
)
OF: Final = r"(?:of )?(?:the |your |this |my |all |other |same |our )*(?:\w+ ){0,3}?"
LEFT: Final = (
    r"(?:(?:is|are|was|were|remains?|stays?|keeps?)(?: exactly| all)? (?:the same|unchanged|same|"
    r"as (?:before|is|above|it was)|omitted|identical|untouched|unmodified|here|not shown|similar|"
    r"skipped|left out)|(?:goes?|comes?) here|follows?|continues?(?: here| below)?|omitted|unchanged|"
    r"unmodified|untouched|as (?:before|above|is|previously)|same as \w+|here|not shown|skipped|"
    r"left out|elided|truncated|identical|the same)(?: .{0,60})?"
)
STRONG_WORDS: Final = (
    rf"(?:the )?(?:rest|remainder|remaining part) of {OF}{CODE}(?:\s*[(,:-]?\s*{LEFT}\)?)?",
    r"(?:the )?remaining code",
    rf"(?:the )?(?:rest|remainder|remaining(?: part)?)(?: {OF}\w+)?\s*[(,:-]?\s*{LEFT}\)?",
    (rf"(?:keep|include|retain|preserve|copy|paste|leave) (?:all |the |your |any |rest of )*"
    rf"(?:existing|previous|original|remaining|rest|same|other) (?:\w+ ){{0,3}}?{CODE}(?:\s*[(,:-]?\s*{LEFT}\)?)?"),
    rf"(?:all |the |your |any |and )*(?:existing|unchanged|omitted) (?:\w+ ){{0,3}}?{CODE}(?:\s*[(,:-]?\s*{LEFT}\)?)?",
    rf"(?:all |the |your )*(?:previous|original|remaining|same|other) (?:code|implementation)(?:\s*[(,:-]?\s*{LEFT}\)?)?",
    (rf"(?:all |the |your )*(?:existing|previous|original|remaining|same|other|more|additional|similar) (?:\w+ ){{0,2}}?{ANY} "
    r"(?:(?:remains?|stays?|is|are|was|were) )?(?:the same|unchanged|omitted|not shown|as before|as above|"
    r"(?:goes? )?here|unmodified|untouched|follow|for brevity)(?: .{0,60})?"),
    (r"(?:everything|all|anything)(?: else| other \w+| the rest)? (?:(?:remains?|stays?|is|are) )?"
    r"(?:the same|unchanged|same as before|as before|omitted)(?: .{0,40})?"),
    (rf"{CODE} (?:\w+ )?(?:is |are |was |were |has been |remains? |stays? )?(?:omitted|unchanged|elided|not shown|truncated|"
    r"unmodified|(?:goes )?here)(?: (?:for|here|in|to|due|as|since|below|from|because)\b.{0,60})?"),
    (r"unchanged|unchanged (?:code|from .{0,40})|no changes?(?: (?:here|needed|required|below|above|from here|in this .{0,30}))|"
    r"same (?:code )?as (?:before|previous(?:ly)?|(?:the )?original|in the (?:original|previous) .{0,30})|omitted|snip(?:ped)?|"
    r".{0,70}for brevity|to be continued|code continues.{0,40}"),
    rf"(?:your|actual|full|real|main|the) (?:\w+ ){{0,2}}?{CODE} (?:goes |comes )?here",
    rf"(?:insert|put|place|paste|write) (?:your |the |in )*(?:\w+ ){{0,2}}?{CODE} (?:here|below)",
    (r"(?:der )?rest(?:licher?)?(?: (?:des|der|vom))?(?: \w+){0,2} (?:bleibt|wie (?:zuvor|vorher|bisher|oben)|unverändert).{0,40}|"
    r"rest (?:des|der|vom) (?:codes?|datei|klasse|funktion).{0,30}|(?:restlicher|bestehender|vorhandener|übriger|weiterer) code.{0,40}|unverändert.{0,20}"),
    (r"(?:el |o |il )?(?:resto|restante) (?:del?|de la|do|da|dello?|de l) (?:código|codigo|archivo|codice|file|arquivo|clase|función).{0,60}|"
    r"(?:código|codigo) (?:existente|restante|anterior|sin cambios|omitido).{0,40}|sin cambios|(?:sem|senza) (?:alterações|modifiche)"),
    r"(?:le )?reste du (?:code|fichier).{0,60}|code (?:existant|inchangé|précédent|restant).{0,40}|inchangé",
    r"(?:其余|其他|剩余|剩下|原有|现有|之前|后续)的?(?:代码|部分|内容|函数|方法|逻辑|实现).{0,14}|(?:此处)?省略.{0,14}|(?:代码|内容).{0,3}(?:省略|不变|同上).{0,6}|保持(?:原样|不变)",
    r"(?:残りの|既存の|その他の|以下の?)(?:コード|部分|実装|処理).{0,14}|以下省略|省略|変更なし|(?:나머지|기존) (?:코드|부분).{0,16}|생략",
    r"(?:остальной|существующий|остальная|прежний) (?:код|часть).{0,40}|без изменений",
)  # fmt: skip
WEAK_WORDS: Final = (
    (r"(?:and |the |all |your |any |some )*(?:rest|remaining|other|more|additional|existing|previous|original|same|similar|"
    r"further|the)\b(?: .{0,60})?"),
    (r"etc\.?|and so on|continued?(?: .{0,40})?|truncated(?: .{0,40})?|as (?:before|above)(?: .{0,40})?|same as .{0,40}|"
    r"und so weiter|usw|etcétera|等|等等|など"),
    rf"{ANY}(?: .{{0,40}})?|your .{{0,50}}|implementation.{{0,50}}|full .{{0,50}}",
)  # fmt: skip
STRONG: Final = re.compile("|".join(STRONG_WORDS), re.IGNORECASE)
WEAK: Final = re.compile("|".join(WEAK_WORDS), re.IGNORECASE)
LEFT_OUT: Final = (
    r"(?:insert|add your|your|the rest|rest of|remaining|previous|existing|truncated|omitted|snip|"
    r"content|code|file content|continued?|additional|actual|same|unchanged|placeholder|full)"
)
MARKER: Final = re.compile(
    rf"(?:[\[<{{(]+\s*{LEFT_OUT}[ _-][^\[\]<>{{}}()=/\n]{{0,80}}[\]>}})]+|"
    rf"{DOTS}\s*[\[(<]\s*(?:{LEFT_OUT}|output|more)\b[^\n]{{0,60}}[\])>]\s*{DOTS}?|"
    rf"[\[(]\s*{DOTS}[^\n\[\]()]{{0,80}}[\])]|"
    rf"{DOTS}\s*\(?(?:the )?(?:rest|remaining|existing|previous|unchanged|omitted|truncated|same|other code|"
    rf"more code)\b[^\n;={{}}]{{0,80}}?\s*{DOTS}?)",
    re.IGNORECASE,
)  # fmt: skip
CUT_MARKER: Final = re.compile(
    r"(?:\.{3}|…)\s*[\[(<](?:content |output |file |code |text )?(?:truncated|omitted|snipped|cut off|continues)"
    r"[^\n]{0,40}[\])>]\s*$|^\s*[\[<](?:content |output |file |code )?truncated\b[^\n]{0,40}[\]>]\s*$",
    re.IGNORECASE,
)
