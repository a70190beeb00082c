"""An answer is parsed once: its turn, its fences and blocks, and what stands around them."""

import pytest

from smol_dev.replies.answer import Block, Span, parse


def test_parts_are_the_whole_text_in_order() -> None:
    raw = "Sure:\n\n**app.py**\n```python\nx = 1\n```\nDone."
    answer = parse(raw)
    block = Block("python", "x = 1", "```", 18, 37, closed=True, above=("**app.py**", "Sure:"))
    assert answer.parts == (Span(raw[:18], 0), block, Span("\nDone.", 37))


@pytest.mark.parametrize(
    ("raw", "blocks"),
    [
        pytest.param("```\na\n```", [("", "a", True)], id="bare"),
        pytest.param("~~~go\n\ta\n~~~\n", [("go", "\ta", True)], id="tildes"),
        pytest.param("```\na\n\n```", [("", "a\n", True)], id="its own empty line stays"),
        pytest.param("```py\n```", [("py", "", True)], id="empty"),
        pytest.param("```js\nf(", [("js", "f(", False)], id="never closed"),
        pytest.param("```\n/\\\n>  <```", [("", "/\\\n>  <", True)], id="closer glued to the end"),
        pytest.param("````md\n```\na\n```\n````", [("md", "```\na\n```", True)], id="shorter fences are text"),
        pytest.param(
            "```md\n# A\n```sh\nb\n```\nc\n```",
            [("md", "# A\n```sh\nb\n```\nc", True)],
            id="an info string opens inside",
        ),
        pytest.param(
            "```yaml\na: |\n  ```\n  b\n  ```\nc: d\n```",
            [("yaml", "a: |\n  ```\n  b\n  ```\nc: d", True)],
            id="deeper fences are text",
        ),
        pytest.param("1. A:\n   ```py\n   x\n   ```", [("py", "x", True)], id="in a list item"),
        pytest.param("Title\n~~~~~\n\ntext\n", [], id="underlined title"),
        pytest.param("x = '```'\ny = 1 ```b``` c", [], id="ticks in a line are no fence"),
    ],
)
def test_blocks(raw: str, blocks: list[tuple[str, str, bool]]) -> None:
    found = [(one.info, one.text, one.closed) for one in parse(raw).blocks]
    assert found == blocks


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        pytest.param("\ufeffa\r\nb\r\r\nc\n", "a\nb\nc\n", id="S044 BOM and CRLF"),
        pytest.param("<think>\nx\n```\ny\n```\n</think>\n\na", "\n\na", id="S031 reasoning"),
        pytest.param("[THINK]x[/THINK]a", "a", id="Magistral"),
        pytest.param("Okay, I see.\nLet me write.\n</think>\na", "\na", id="S032 opened in the prompt"),
        pytest.param("x = 1\ny = '''\n</think>\n'''\n", "x = 1\ny = '''\n</think>\n'''\n", id="tag in code"),
        pytest.param("<think>I close with `</think>` later.</think>a", "a", id="a quoted tag"),
        pytest.param(" [/INST] ```\na\n```</s>", "```\na\n```", id="S035"),
        pytest.param("<|start_of_role|>assistant<|end_of_role|>```\na\n```<|end_of_text|>", "```\na\n```", id="D05"),
        pytest.param(
            "```\na\n```<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nThanks", "```\na\n```", id="S036"
        ),
        pytest.param("<｜Assistant｜>a<｜end▁of▁sentence｜>", "a", id="G52"),
        pytest.param("<|begin_of_box|>a<|end_of_box|>", "a", id="GLM"),
        pytest.param("<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>a<|END_OF_TURN_TOKEN|>", "a", id="G54"),
        pytest.param(
            "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>a<|return|>",
            "a",
            id="gpt-oss",
        ),
        pytest.param("analysisWe need.assistantfinal```\na\n```", "```\na\n```", id="its words alone"),
        pytest.param("<|im_start|>system\nYou", "<|im_start|>system\nYou", id="a chat template"),
        pytest.param("<p><s>old</s>", "<p><s>old</s>", id="struck text"),
        pytest.param("    art\n  .", "    art\n  .", id="G29 the first indentation"),
    ],
)
def test_only_the_turn_is_read(raw: str, text: str) -> None:
    assert parse(raw).text.rstrip(" ") == text


def test_an_answer_that_stays_in_its_reasoning_is_lost() -> None:
    assert parse("<think>\n```python\nx = 1\n```\nHmm").lost


def test_a_turn_made_up_behind_a_bare_text_is_marked() -> None:
    answer = parse("a = 1<|im_end|>\n<|im_start|>user\nThanks!<|im_end|>")
    assert answer.text[: answer.next_turn] == "a = 1"
