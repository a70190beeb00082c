from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smol_dev.config.endpoint import (
    default_base_url,
    is_cloud_model,
    is_local,
    might_be_local,
    ollama_url,
    origin_of,
    url_problem,
)
from smol_dev.errors import ServerError
from smol_dev.server.detect import places
from smol_dev.server.failures import Target, address_remedy
from smol_dev.server.known import generic, root_of
from smol_dev.server.transport import proxy_for, usable


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:11434/v1",
        "HTTP://LOCALHOST/v1",
        "https://api.example.com/openai/v1/",
        "http://[::1]:8080/v1",
        "http://192.168.1.7:65535",
        "http://my_box.internal/v1",
        "http://gpu-1/v1",
        "http://a.1.example/v1",
    ],
)
def test_an_ordinary_address_is_accepted(url: str) -> None:
    assert url_problem(url) == ""


@pytest.mark.parametrize(
    "url",
    [
        "localhost:11434/v1",
        "//localhost/v1",
        "http:localhost",
        "http://",
        "http:///v1",
        "http://user@localhost/v1",
        "http://@localhost/v1",
        "http://localhost/v1?",
        "http://localhost/v1#",
        "http://localhost/v1\n",
        "http://local\thost/v1",
        "http://localhost\\@evil/v1",
        "http://127.1/v1",
        "http://127.0.0.01/v1",
        "http://0x7f000001/v1",
        "http://2130706433/v1",
        "http://1.2.3.4.5/v1",
        "http://[::ffff:10.0.0.1]/v1",
        "http://[::1%25eth0]/v1",
        "http://[::1/v1",
        "http://0.0.0.0/v1",
        "http://[::]/v1",
        "http://local%68ost/v1",
        "http://-a/v1",
        "http://a..b/v1",
        "http://localhost./v1",
        "http://localhost:/v1",
        "http://localhost:0/v1",
        "http://localhost:65536/v1",
        "http://localhost:1e3/v1",
        "ftp://localhost/v1",
        "http://exämple/v1",
    ],
)
def test_an_address_that_could_be_misread_is_refused(url: str) -> None:
    assert url_problem(url) != ""


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("HTTP://LocalHost:80/v1", "http://localhost"),
        ("https://api.example.com:443/x", "https://api.example.com"),
        ("http://api.example.com:443", "http://api.example.com:443"),
        ("http://[0:0::1]:9/v1", "http://[::1]:9"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("[::1]", True),
        ("10.1.2.3", True),
        ("172.16.0.1", True),
        ("172.32.0.1", False),
        ("192.168.0.9", True),
        ("169.254.1.1", True),
        ("[fd00::1]", True),
        ("[fe80::1]", True),
        ("[2001:db8::1]", False),
        ("8.8.8.8", False),
        ("192.0.2.1", False),
        ("100.64.0.1", True),
        ("localhost", True),
        ("ollama", True),
        ("nas.local", True),
        ("host.docker.internal", True),
        ("api.localhost", True),
        ("example.com", False),
        ("local.example.com", False),
        ("10.0.0.1.example.com", False),
    ],
)
def test_local_is_this_machine_and_its_network(host: str, local: bool) -> None:  # noqa: FBT001
    assert is_local(f"http://{host}:80/v1") is local


@pytest.mark.parametrize(
    ("addresses", "local"),
    [
        (("10.0.0.1",), True),
        (("10.0.0.1", "fe80::1%eth0"), True),
        (("::ffff:10.0.0.1",), True),
        (("10.0.0.1", "93.184.216.34"), False),
    ],
)
def test_all_addresses_of_a_local_name_must_be_local(
    addresses: tuple[str, ...],
    local: bool,  # noqa: FBT001
) -> None:
    assert is_local("http://box/v1", lookup=lambda _: addresses) is local


@pytest.mark.parametrize("host", ["nas.lan", "box.fritz.box", "x.home.arpa", "gpu.tail1234.ts.net", "ollama.llm.svc"])
def test_a_name_is_judged_by_its_addresses_once(host: str) -> None:
    asked = []

    def lookup(name: str) -> tuple[str, ...]:
        asked.append(name)
        return ("100.101.102.103", "192.168.1.7")

    url = f"http://{host}:11434/v1"
    assert [is_local(url), is_local(url, lookup=lookup), is_local(url, lookup=lookup)] == [False, True, True]
    assert (asked, is_local(url)) == ([host], True)


def test_a_local_name_without_address_is_no_server() -> None:
    with pytest.raises(ServerError) as caught:
        is_local("http://box/v1", lookup=lambda _: ())
    assert caught.value.message == "the host `box` of `base_url` cannot be resolved"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("box", "http://box:11434/v1"),
        ("box:99", "http://box:99/v1"),
        (":99", "http://localhost:99/v1"),
        ("[::1]:99", "http://[::1]:99/v1"),
        ("[::1]", "http://[::1]:11434/v1"),
        ("::1", "http://[::1]:11434/v1"),
        ("http://box", "http://box:80/v1"),
        ("https://box", "https://box:443/v1"),
        ("https://box:99/ollama/", "https://box:99/ollama/v1"),
        ("box:none", "http://box:11434/v1"),
        ("box:70000", "http://box:11434/v1"),
        ('"box:99"', "http://box:99/v1"),
        (" 'box' ", "http://box:11434/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),
        ("0.0.0.0:99", "http://127.0.0.1:99/v1"),
        ("[::]:99", "http://[::1]:99/v1"),
    ],
)
def test_ollamas_variable_is_read_as_ollama_reads_it(text: str, url: str) -> None:
    assert ollama_url(text) == url
    assert url_problem(url) == ""


def test_a_provider_has_its_own_address() -> None:
    assert default_base_url("ollama", {"OLLAMA_HOST": '""'}) == "http://localhost:11434/v1"
    assert default_base_url("openai", {}) == "https://api.openai.com/v1"
    assert default_base_url("openai", {"OPENAI_BASE_URL": "http://a/v1"}) == "http://a/v1"
    assert default_base_url("lmstudio", {"OLLAMA_HOST": "x"}) == "http://localhost:1234/v1"
    assert default_base_url("compatible", {}) == ""


@pytest.mark.parametrize("text", ["http://h:7/v1", "http://h:7/v1/", "h:7", "http://h:7"])
def test_ollama_host_may_end_in_v1(text: str) -> None:
    assert default_base_url("ollama", {"OLLAMA_HOST": text}) == "http://h:7/v1"


NO_URLS = [
    "http://[",
    "http://[::1",
    "http://h:99999/v1",
    "http://h:x/v1",
    "http://h:-1",
    "http://[v1.x]/",
    "http://\u2100/v1",
    "http://h\ufe55x/",
    "//",
    "",
    ":",
    "http://",
    "http://" + 64 * "a",
    "http://a..b/v1",
    "\0",
    "\ud800",
]


@pytest.mark.parametrize("text", NO_URLS)
def test_what_is_no_url_has_no_parts_and_no_traceback(text: str) -> None:
    _ask_everything_about(text)


@given(st.text(st.sampled_from("htps:/[]@?#%.0123456789ax-_~\\ \t\u2100\ufe55\ud800é"), max_size=40))
def test_no_text_given_as_an_address_is_a_traceback(rest: str) -> None:
    for text in (rest, f"http://{rest}", f"http://h{rest}/v1", f"https://[{rest}]:1/"):
        _ask_everything_about(text)


def _ask_everything_about(text: str) -> None:
    for url in (text, ollama_url(text)):
        assert isinstance(url_problem(url), str)
        assert isinstance(origin_of(url), str)
        assert isinstance(root_of(url), str)
        assert isinstance(is_local(url), bool)
        assert isinstance(might_be_local(url), bool)
        wrong = Target(url, "m", generic())
        assert isinstance(address_remedy(wrong), str)
    environ = {"OLLAMA_HOST": text, "SMOL_LOCAL_SERVERS": text}
    for url in places(environ, container=True):
        assert url_problem(url) == ""
    with suppress(ServerError):
        usable(proxy_for("https://example.com", {"HTTPS_PROXY": text}))


@pytest.mark.parametrize(
    ("model", "is_cloud"),
    [
        ("gpt-oss:120b-cloud", True),
        ("team/glm:cloud", True),
        ("glm:Cloud ", True),
        ("registry:5000/glm:cloud", True),
        ("registry:5000/glm-cloud", False),
        ("glm-cloud", False),
        ("cloud", False),
        ("glm:cloudy", False),
        (5, False),
    ],
)
def test_ollama_sends_a_model_to_its_cloud_by_its_tag(model: object, *, is_cloud: bool) -> None:
    assert is_cloud_model(model) is is_cloud
