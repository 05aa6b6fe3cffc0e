"""Chat templates that break out, beside those that models have."""

from __future__ import annotations

import json
import struct
import time

import pytest
from builders import check, view

from hubkit.validate.code_templates import reaches_inside
from hubkit.validate.finding import Severity

CALL = "popen('id')"
BAD = [
    f"{{{{ cycler.__init__.__globals__.os.{CALL} }}}}",
    f"{{% for x in ().__class__.__base__.__subclasses__() %}}{{% if 'warning' in x.__name__ %}}{{{{ x()._module.{CALL} }}}}{{% endif %}}{{% endfor %}}",
    "{{ messages|attr('__class__') }}",
    "{{ messages | attr('_' ~ '_class_' ~ '_') }}".replace("attr('_'", "attr(x"),
    "{{ self._TemplateReference__context }}",
    "{{ messages['__cl' + 'ass__'] }}",
    "{{ messages['__cl' 'ass__'] }}",
    "{{ lipsum['_' ~ '_glob' ~ 'als_' ~ '_'] }}",
    r"{{ messages['\137\137cl\141ss\137\137'] }}",
    r"{{ messages['\N{LOW LINE}\N{LOW LINE}class\U0000005f_'] }}",
    "{{ messages | attr('XXclassXX' | replace('X', '_')) }}",
    "{{ messages['XXclassXX' | replace('X', '_')] }}",
    "{{ messages['_' * 2 ~ 'class' ~ '_' * 2] }}",
    "{{ ('{0.__cl' ~ 'ass__}').format(messages) }}",
    "{{ messages['__end__' | replace('end', 'class')] }}",
    "{{ messages.__end__ }}{{ messages['__start__'] }}",
    "{{ messages | attr('__end__') }}",
    "{{ '{0.__xx__}' | replace('xx', 'class') }}",
    "{% set a = '__dict__' %}{{ messages[a] }}",
]
GOOD = [
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] }}{{ m.content | trim }}{% endfor %}",
    "{{ bos_token }}A function is written def __init__(self): {{ eos_token }}",
    "{{ tools | map(attribute='name') | join(', ') }} __main__ {% if x is defined %}y{% endif %}",
    "{{ a | attr('role') }}",
    "{{ '__start__' }}{% for m in messages %}{{ m['content'] + '__end__' }}{% endfor %}",
    "{{ '__en__ ' + text + ' __null__' ~ '\\n' }}{% if m['role'] == '__unk__' %}x{% endif %}",
    "{{ message['role'] + ': ' + message['content'] | trim + '\\n' }}{{ tool['name'] ~ '(' ~ ')' }}",
    "{{ '-' * 20 }}{% for x in ['_' * 2, 'a' | upper] %}{{ x }}{% endfor %}{{ names['first' if x else 'last'] }}",
    r"{{ '\n' + m['content'] | replace('\t', ' ') }}{{ '<' + '|im_end|' + '>' }}",
]


def gguf(template: str) -> bytes:
    key = b"tokenizer.chat_template"
    raw = template.encode()
    tokens = b"".join(struct.pack("<Q", len(one)) + one for one in [b"{{", b"__init__", b"}}"] * 9)
    return (
        b"GGUF"
        + struct.pack("<IQQ", 3, 0, 2)
        + tokens
        + struct.pack("<Q", len(key))
        + key
        + struct.pack("<IQ", 8, len(raw))
        + raw
    )


def files(template: str) -> dict[str, bytes]:
    return {
        "tokenizer_config.json": json.dumps({"added_tokens": {}, "chat_template": template}).encode(),
        "escaped/tokenizer_config.json": json.dumps({"chat_template": template})
        .replace("_", "\\u005f")
        .replace("chat\\u005ftemplate", "chat_template")
        .encode(),
        "named/tokenizer_config.json": json.dumps(
            {"chat_template": [{"name": "default", "template": template}]}
        ).encode(),
        "chat_template.jinja": template.encode(),
        "serve.yaml": f"chat_template: |\n  {template}\n".encode(),
        "serve.toml": f"chat_template = '''{template}'''\n".encode(),
        "model.gguf": gguf(template),
    }


@pytest.mark.parametrize("template", BAD)
def test_a_template_that_reaches_inside_is_told_wherever_it_stands(template: str) -> None:
    found = check(view(files=files(template)), "SEC004").findings
    assert {(one.path, one.severity) for one in found} == {(path, Severity.ERROR) for path in files(template)}


@pytest.mark.parametrize("template", GOOD)
def test_a_healthy_template_is_left_alone(template: str) -> None:
    vocabulary = json.dumps({"{{": 1, "__init__": 2, "__globals__": 3}).encode()
    assert check(view(files=files(template) | {"vocab.json": vocabulary}), "SEC004").findings == []


@pytest.mark.parametrize(
    "text",
    [
        "__init__" * 100_000,
        "{{" * 400_000,
        "{{__a" * 200_000,
        "|attr(" * 150_000,
        "__" * 400_000,
        "'+" * 500_000,
        "a['" * 300_000,
        "{{a['_'*" * 150_000,
    ],
)
def test_time_is_bounded(text: str) -> None:
    begun = time.process_time()
    reaches_inside(text)
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    ("path", "text", "fires"),
    [
        ("task.yaml", "task: a\ndoc_to_text: \"{{''.__class__.__mro__}}\"\n", True),
        ("prompt.json", '{"_type": "prompt", "template_format": "jinja2", "template": "{{ x.__globals__ }}"}', True),
        ("pipeline.yaml", "type: haystack.PromptBuilder\nprompt_template: '{{ a.__init__.__globals__ }}'\n", True),
        ("task.yaml", "task: a\ndoc_to_text: '{{question}} {{choices[0]}}'\n", False),
        ("prompt.json", '{"_type": "prompt", "template_format": "jinja2", "template": "{{ x }} __init__"}', False),
    ],
)  # fmt: skip
def test_templates_of_prompts_and_tasks_are_read_as_those_of_chats(
    path: str, text: str, *, fires: bool
) -> None:
    found = check(view(files={path: text.encode()}), "SEC004").findings
    assert [one.severity for one in found] == ([Severity.ERROR] if fires else [])
