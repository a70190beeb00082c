"""The marks chat templates put around turns, as they leak into answers."""

import re
from typing import Final

BAR: Final = r"[|｜]"
END: Final = (
    rf"<{BAR}(?:im_end|eot_id|eom_id|end|endoftext|end_of_text|return|call|eos|EOT|"
    rf"END_OF_TURN_TOKEN|END_RESPONSE|end_of_turn|eod|end_of_solution|endofresponse|"
    rf"end▁of▁sentence|end_of_sentence|file_separator|file_sep|fim_suffix|fim_middle|fim_prefix|"
    rf"fim_pad|fim▁(?:begin|hole|end)|repo_name|cursor|im_sep){BAR}>|"
    r"</s>|<end_of_turn>|<eos>|<\|endoftext\|>|<EOT>|<｜end▁of▁sentence｜>|<fim_(?:prefix|suffix|middle|pad)>|"
    r"<file_sep>|<repo_name>|<end_of_utterance>|\[/?(?:EOT|EOS)\]|(?<!\w)<(?:MID|END)>|\[/INST\]|</INST>|"
    r"\[/?(?:PREFIX|SUFFIX|MIDDLE)\]|<\|/(?:assistant|user)\|>"
)
START: Final = (
    rf"<{BAR}(?:im_start|start_header_id|user|User|assistant|Assistant|system|start|"
    rf"START_OF_TURN_TOKEN|USER_TOKEN|CHATBOT_TOKEN|begin_of_text|startoftext){BAR}>|"
    r"<start_of_turn>|\[INST\]|<<SYS>>|<s>\[INST\]"
)
TOKEN: Final = re.compile(f"(?:{END})|(?P<start>{START})")
LEADING: Final = re.compile(
    rf"(?:<s>(?!.*</s>)|<bos>|<{BAR}(?:begin_of_text|startoftext|begin▁of▁sentence|endoftext|"
    rf"fim_middle|fim_prefix|fim_suffix|fim▁begin|eot_id|im_end|end|START_RESPONSE|"
    rf"begin_of_solution|START_OF_TURN_TOKEN|CHATBOT_TOKEN|content|response){BAR}>|"
    rf"<{BAR}im_start{BAR}>[ \t]*(?:assistant|model)?|"
    rf"<{BAR}(?:start_header_id){BAR}>[ \t]*(?:assistant|ipython)[ \t]*<{BAR}end_header_id{BAR}>|"
    rf"<{BAR}end_header_id{BAR}>|<{BAR}im_sep{BAR}>|<{BAR}start{BAR}>assistant|"
    rf"<{BAR}channel{BAR}>final[^<\n]*<{BAR}message{BAR}>|<{BAR}(?:assistant|Assistant){BAR}>|"
    r"<start_of_turn>[ \t]*(?:model|assistant)?|(?:<s>)?[ \t]*\[INST\](?=\s*\[/INST\])|\[/INST\]|</INST>|"
    r"<fim_(?:middle|prefix|suffix)>|<MID>|</s>|<end_of_turn>|\[/THINK\]|</think(?:ing)?>|"
    r"#{2,3}[ \t]*(?:Response|Assistant|Answer|Output)[ \t]*:(?=[ \t]*(?:\n|$|```))|#{2,3}[ \t]*(?:Response|Assistant)[ \t]*(?=\n)|"
    r"(?:GPT4 Correct )?(?:Assistant|ASSISTANT)[ \t]*:(?=\s)|(?:assistant|ASSISTANT)[ \t]*(?=\n|```|$)|"
    r"\*\*(?:Assistant|Response|Answer):?\*\*:?[ \t]*(?=\n|```))"
)
THINK_TAGS: Final = (
    "think|thinking|thought|thoughts|reasoning|reflection|scratchpad|seed:think|internal_thoughts?"
)
THINK_OPEN: Final = re.compile(
    rf"<(?P<tag>{THINK_TAGS})>|(?P<square>\[THINK\])|<{BAR}(?P<bar>begin_of_thought|START_THINKING|"
    rf"thinking|think){BAR}>|(?P<moon>◁think▷)|(?P<unused><unused94>)"
    r"|(?P<details><details type=\"reasoning\"[^>]*>)",
    re.IGNORECASE,
)
CLOSERS: Final = {
    "square": "[/THINK]", "moon": "◁/think▷", "unused": "<unused95>", "details": "</details>",
    "begin_of_thought": "<|end_of_thought|>", "start_thinking": "<|END_THINKING|>",
    "thinking": "<|/thinking|>", "think": "<|/think|>",
}  # fmt: skip


def closing_of(match: re.Match[str]) -> str:
    """Return the mark that closes the reasoning block a match of `THINK_OPEN` opened."""
    if match["tag"]:
        return f"</{match['tag']}>"
    if match["bar"]:
        return CLOSERS[match["bar"].lower()]
    return CLOSERS[str(match.lastgroup)]
