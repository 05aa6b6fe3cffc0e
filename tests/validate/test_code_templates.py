"""Chat templates that break out, beside those that models have."""

from __future__ import annotations

import gzip
import json
import struct
import time

import pytest
from builders import check, view
from tensors.hostile import tarred, zipped

from hubkit.validate import code_packed
from hubkit.validate.code_templates import LARGEST, reaches_inside, template_reach
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
    "{{ ('{0.__xx__}' | replace('xx', 'class')).format(messages) }}",
    "{% set a = '__dict__' %}{{ messages[a] }}",
]
MADE = [
    "{% set u='_'*2 %}{{ lipsum[u+'globals'+u].os }}",
    "{{ lipsum[['__','globals','__']|join]['os'] }}",
    "{{ lipsum['%sglobals%s'|format('_'*2,'_'*2)]['os'] }}",
    "{% macro m(a) %}{{ lipsum[a~'globals'~a].os }}{% endmacro %}{{ m('__') }}",
    "{% for a in ['__'] %}{{ lipsum[a~'globals'~a].os }}{% endfor %}",
    "{{ ([lipsum]|map(attribute=['__glob','als__']|join)|first).os }}",
    "{% set ns=namespace(k='__glob') %}{% set ns.k=ns.k~'als__' %}{{ lipsum[ns.k].os }}",
    "{% set a,b='__glob','als__' %}{{ lipsum[a~b].os }}",
    "{{ lipsum[dict(__glob=1,als__=2)|join].os }}",
    "{% set d={'g':'__glob','h':'als__'} %}{{ lipsum[d.g~d.h].os }}",
    "{{ [lipsum]|groupby('__globals'~'__') }}",
    "{{ lipsum['__globals'|center(13)|replace(' ','_')]['os'] }}",
    "{% set u %}__{% endset %}{{ lipsum[u~'globals'~u].os }}",
    "{{ lipsum['__slabolg__'[::-1]].os }}{{ lipsum['__GLOBALS__'.lower()].os }}",
    "{{ lipsum['__glob<b></b>als__'|striptags].os }}",
    "{{ lipsum['%(a)sglobals%(a)s'%{'a':'__'}].os }}",
    # of data, and by names without two underscores
    "{% set f = cycler %}{{ f[messages[0].content].os }}",
    "{{ ''[['__','cl','ass__']|join] }}",
    "{{ messages['--class--'|replace('-','_')|string|center(3)] }}",
    "{{ messages[('xxclassxx'|upper).translate(t)] }}",
    "{{ (messages | map('upper')).gi_frame.f_builtins }}",
    "{{ messages | map('attr', '__cl' ~ x) | list }}{{ messages | sort(attribute='__cla' ~ y) }}",
    "{% macro m() %}{% endmacro %}{{ m._environment.from_string('x') }}",
    "{% macro k() %}__cla{{ 'ss__' }}{% endmacro %}{{ messages[k()] }}",
    "{% call(x) m() %}{% endcall %}{% macro m() %}{{ caller[x ~ 'y'] }}{% endmacro %}",
    "{% with u = '__', v = 'class' %}{{ messages[u ~ v ~ u] }}{% endwith %}",
    "{% generation %}{% set g = '__' %}{{ lipsum[g ~ x] }}{% endgeneration %}",
]
"""Names that the template makes: none stands in it in one piece."""
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
    "{% for m in messages %}{{ messages[loop.index0 - 1]['role'] }}{{ messages[messages|length - 1].content }}{% endfor %}",
    "{% set ns = namespace(first=true, last_index=-1, text='') %}{% set ns.text = ns.text ~ 'a' %}{{ messages[ns.last_index + 1].role }}{{ ns.text[1:] }}",
    "{% macro show(tool, names) %}{{ names[tool.type] }}{{ tool['name'] | upper }}{% endmacro %}{{ show(tools[0], {'a': 'b'}) }}",
    "{% for k in ['role', 'content'] %}{{ m[k] }}{% endfor %}{% for k, v in tool.items() %}{{ tool[k] ~ v }}{% endfor %}",
    "{% set roles = {'user': 'Human', 'assistant': 'AI'} %}{{ roles[m.role] }}{{ roles[m['role'] | lower] }}{{ m['tool_' ~ kind] }}",
    "{{ tools | selectattr('type', 'equalto', 'function') | map(attribute='function.name') | join(', ') }}{{ m | dictsort | groupby('role') }}",
    "{% for i in range(0, 3) %}{{ choices[i] }}{{ ['A', 'B', 'C'][i] }}{{ 'ABC'[i] }}{{ 'ABC'[answer] }}{% endfor %}{{ m.content.split('</think>')[-1].strip() }}",
    "{{ ['__label__a', '__label__b'].index(target) }}{{ cycler('a', 'b').next() }}{{ self.body() }}{{ '%s: %s' | format(a, b) }}{{ '{} is {}'.format(a, b) }}",
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


@pytest.mark.parametrize("template", [*BAD, *MADE])
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
        "{{ a[b] }}" * 30_000,
        "{% set a = a ~ 'x' %}" * 14_000,
        "{{ x[" + "'a' ~ " * 40_000 + "'b'] }}",
        "{% macro m(a) %}{{ m(a ~ 'x') }}{% endmacro %}" * 6_000,
        "{{ " + "(" * 100_000 + "a" + ")" * 100_000 + " }}",
        "{% set a %}{% if x %}{{ a ~ 'x' }}{% endif %}{% endset %}" * 5_000,
    ],
)
def test_time_is_bounded(text: str) -> None:
    begun = time.process_time()
    reaches_inside(text)
    template_reach(text)
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


ATTACK = "{{ cycler.__init__.__globals__ }}"


@pytest.mark.parametrize(
    ("path", "text", "severity"),
    [
        ("prompts.yaml", f"system_prompt: |-\n  {ATTACK}\n", Severity.ERROR),
        ("prompts.yaml", "system_prompt: |-\n  {% set u = '__' %}{{ lipsum[u ~ 'globals' ~ u] }}\n", Severity.ERROR),
        ("any.json", json.dumps({"message": {"system": {"text": ATTACK}}}), Severity.ERROR),
        ("any.json", json.dumps({"chat_template": [{"name": "a", "template": ATTACK}]}), Severity.ERROR),
        ("explanations.json", json.dumps({"0": f"fires on jinja: {ATTACK}", "1": "x"}), Severity.WARNING),
        ("rows.json", json.dumps([{"patch": f"+ {ATTACK}", "repo": "django/django"}]), Severity.WARNING),
        ("rows.json", json.dumps({"examples": [{"text": f"Jinja: {ATTACK}", "label": "attack"}]}), Severity.WARNING),
        ("any.json", json.dumps({"message": ATTACK}).replace("{{", "\\u007b\\u007b"), Severity.ERROR),
        ("any.toml", f"prompt = '{ATTACK}'\n", Severity.ERROR),
        ("a.tmpl", ATTACK, Severity.ERROR),
        ("rows.yaml", f"- text: '{ATTACK}'\n  label: 1\n" * 4, Severity.WARNING),
        ("two.yaml", f"- text: '{ATTACK}'\n  label: 1\n" * 2, Severity.ERROR),
        ("tasks.yaml", "- hosts: all\n  tasks: [{name: '" + ATTACK.replace("'", "''") + "'}]\n" + "- hosts: b\n  tasks: []\n" * 3, Severity.ERROR),
        ("steps.yaml", "steps:\n" + f"- text: '{ATTACK}'\n  label: 1\n" * 4, Severity.ERROR),
        ("rows.jsonl", json.dumps({"a": 1}) + "\n" + json.dumps({"text": ATTACK}) + "\n", Severity.WARNING),
        ("prompt.txt", ATTACK, Severity.WARNING),
        ("README.md", f"An attack: `{ATTACK}`", None),
        ("README.txt", f"An attack: {ATTACK}", None),
        ("prompts.yaml", "system_prompt: |-\n  {%- for tool in tools.values() %}{{ tool.name }}: {{ tool['inputs'] }}{% endfor %}\n", None),
        ("rows.jsonl", json.dumps({"text": 'print(f"{{{self.__class__.__name__}}}")'}) + "\n", None),
        ("rows.jsonl", json.dumps({"text": "\\frac{{a}}{b} and __init__ {% x"}) + "\n", None),
        ("vocab.json", json.dumps({"{{": 1, "__init__": 2, "}}": 3}), None),
        ("go.yaml", "a: '{{ .Values.image }}'\nb: '${{ secrets.X }}'\n", None),
    ],
)  # fmt: skip
def test_templates_are_known_by_what_they_are_whatever_their_key_is_called(
    path: str, text: str, severity: Severity | None
) -> None:
    found = check(view(files={path: text.encode()}), "SEC004").findings
    assert [one.severity for one in found] == ([severity] if severity else [])


def test_a_template_that_is_too_long_to_be_followed_makes_the_report_incomplete() -> None:
    long = "{{ a }}" * 60_000
    report = check(view(files={"chat_template.jinja": long.encode()}), "SEC004")
    assert [one.code for one in report.findings] == ["RUN002"]
    assert not report.complete
    assert check(view(files={"chat_template.jinja": b"a" * 500_000}), "SEC004").complete


def test_a_template_in_long_settings_is_followed() -> None:
    """Settings of ten megabytes whose template stands behind added tokens, and its good twin."""
    tokens = ", ".join(f'"{n}": {{"content": "<|{n}|>", "note": "a \\"b\\" {{"}}' for n in range(100_000))
    for template, alarms in (("{{ cycler.__init__.__globals__.os }}", 1), ('{{ bos_token }}{% if a == "b" %}x{% endif %}', 0)):  # fmt: skip
        text = f'{{"added_tokens_decoder": {{{tokens}}}, "chat_template": {json.dumps(template)}}}'
        assert len(text) > LARGEST
        report = check(view(files={"tokenizer_config.json": text.encode()}), "SEC004")
        assert [one.path for one in report.findings] == ["tokenizer_config.json"] * alarms
        assert report.complete


PACK = {
    "a.zip": lambda name, data: zipped((name, b"x"), (f"conf/{name}", data)),
    "a.tar.gz": lambda name, data: gzip.compress(tarred((name, data))),
    "deep.zip": lambda name, data: zipped(("in.tgz", gzip.compress(tarred((name, data))))),
}


@pytest.mark.parametrize("pack", PACK)
def test_templates_in_archives_are_looked_at_like_loose_ones(pack: str) -> None:
    for name, text, severity in (
        ("chat_template.jinja", BAD[0], Severity.ERROR),
        ("tokenizer_config.json", json.dumps({"chat_template": MADE[0]}), Severity.ERROR),
        ("prompts.yaml", f"prompt: {json.dumps(BAD[0])}\n", Severity.ERROR),
        ("page.html", BAD[0], Severity.WARNING),
    ):
        (finding,) = check(view(files={pack: PACK[pack](name, text.encode())}), "SEC004").findings
        assert (finding.path, finding.severity) == (pack, severity)
        assert name in finding.message


@pytest.mark.parametrize("pack", PACK)
def test_healthy_templates_in_archives_are_left_alone(pack: str) -> None:
    healthy = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] | trim }}{% endfor %}{{ '__start__' }}"
    for name, text in (
        ("chat_template.jinja", healthy),
        ("tokenizer_config.json", json.dumps({"chat_template": healthy})),
        ("README.md", BAD[0]),
        ("train.py", f'x = """{BAD[0]}"""'),
        ("paper.tex", "\\newcommand{{a}}{% comment\n}"),
    ):
        report = check(view(files={pack: PACK[pack](name, text.encode())}), "SEC004")
        assert [one.severity for one in report.findings if one.severity > Severity.NOTE] == []
        assert report.complete


def test_archives_full_of_templates_end_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_packed, "MOST_OF_TEMPLATES", 20_000)
    many = [(f"{number}.jinja", b"{% if a %}b{% endif %}" * 400) for number in range(4)]
    assert not check(view(files={"a.zip": zipped(*many)}), "SEC004").complete
    assert check(view(files={"a.zip": zipped(*many[:2])}), "SEC004").complete
