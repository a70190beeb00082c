"""Why no answer came: the reason in a chain of exceptions, whoever raised them.

The library reports every lost connection as the same error; the reason is some causes below it, in
exceptions of the operating system, of TLS or of the HTTP transport. They are known here by the names
of their classes, so that nothing is imported to look at them.
"""

import errno
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from smol_dev.server.kinds import Kind

LONGEST_CHAIN: Final = 30


@dataclass(frozen=True, slots=True)
class Cause:
    """A reason: an exception of one of these classes, with these words or error numbers.

    `says` is for the error's message, `hint` replaces the server's remedy.
    """

    kind: Kind
    says: str
    classes: frozenset[str]
    words: str = ""
    numbers: frozenset[int] = frozenset()
    hint: str = ""
    transient: bool = False

    def fits(self, error: BaseException) -> bool:
        """Whether this exception is the reason."""
        classes = {each.__name__ for each in type(error).__mro__}
        if not classes & self.classes:
            return False
        if self.numbers and getattr(error, "errno", None) in self.numbers:
            return True
        return (bool(self.words) and bool(re.search(self.words, str(error).lower()))) or not (
            self.words or self.numbers
        )


def cause(
    kind: Kind,
    says: str,
    *classes: str,
    words: str = "",
    numbers: tuple[int, ...] = (),
    hint: str = "",
    transient: bool = False,
) -> Cause:
    """A line of the table."""
    return Cause(kind, says, frozenset(classes), words, frozenset(numbers), hint, transient)


CAUSES: Final = (
    cause("proxy", "the proxy failed", "ProxyError"),
    cause(
        "wrong_path",
        "`base_url` is no address",
        "UnsupportedProtocol",
        "InvalidURL",
        hint="write it as `http://HOST:PORT/v1`: `--api-base-url URL`",
    ),
    cause(
        "tls",
        "its certificate is for another name",
        "SSLCertVerificationError",
        words=r"hostname mismatch|ip address mismatch|not valid for",
        hint="write the name that the certificate is for in `base_url`: `--api-base-url URL`",
    ),
    cause(
        "tls",
        "its certificate has expired",
        "SSLCertVerificationError",
        words=r"has expired",
        hint="renew the certificate on the server, and check the clock of this machine",
    ),
    cause(
        "tls",
        "its certificate is not trusted",
        "SSLCertVerificationError",
        hint="name the authority that signed it: `SSL_CERT_FILE=FILE`, or connect with `http://` on this machine",
    ),
    cause(
        "tls",
        "the server does not speak TLS",
        "SSLError",
        "ConnectError",
        words=r"wrong.version.number|record layer|http.request|packet length|unknown.protocol",
        hint="write `http://` instead of `https://` in `base_url`",
    ),
    cause("tls", "TLS failed", "SSLError"),
    cause(
        "tls",
        "it speaks TLS",
        "ProtocolError",
        words=r"b'\\x1[5-6]\\x03",
        hint="write `https://` instead of `http://` in `base_url`",
    ),
    cause(
        "dns",
        "its host name has no address",
        "gaierror",
        "ConnectError",
        "OSError",
        words=r"name or service not known|nodename nor servname|getaddrinfo failed|name resolution"
        r"|no address associated|name does not resolve|host not found",
    ),
    cause("dns", "its host name has no address", "gaierror"),
    cause(
        "tls",
        "a file of certificates is missing",
        "FileNotFoundError",
        hint="check the variables SSL_CERT_FILE and SSL_CERT_DIR",
    ),
    cause(
        "key",
        "the key or a header holds a character that cannot be sent",
        "UnicodeEncodeError",
        "LocalProtocolError",
        hint="copy the key again, without spaces and line breaks",
    ),
    cause("timeout", "no connection in time", "ConnectTimeout", "PoolTimeout", "ConnectionTimeoutError"),
    cause(
        "not_running",
        "",
        "OSError",
        "ConnectError",
        words=r"connection refused|connect call failed|actively refused|all connection attempts failed",
        numbers=(errno.ECONNREFUSED,),
    ),
    cause(
        "not_running",
        "the machine cannot be reached",
        "OSError",
        "ConnectError",
        words=r"unreachable|no route to host|host is down",
        numbers=(errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN),
        hint="check the address in `base_url`, and whether that machine is up and on this network",
    ),
    cause("timeout", "", "TimeoutException", "TimeoutError", "APITimeoutError"),
    cause("server", "the head of its answer does not end", "ProtocolError", words="head of the answer does not end"),
    cause(
        "cut",
        "",
        "ConnectionResetError",
        "BrokenPipeError",
        "ConnectionAbortedError",
        "ProtocolError",
        "NetworkError",
        "EndOfStream",
        "BrokenResourceError",
        "ClosedResourceError",
        "IncompleteReadError",
        "EOFError",
        transient=True,
    ),
    cause("server", "the connection failed", "OSError", "TransportError", "APIConnectionError"),
)
"""Each is looked for in the whole chain before the next: the first that is found is the reason."""


def reason(error: BaseException) -> tuple[Cause | None, BaseException]:
    """The first cause that is in the chain, and the exception that is it."""
    chain = list(_chain(error))
    for each in CAUSES:
        for link in chain:
            if each.fits(link):
                return each, link
    return None, error


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and all that led to it, the members of groups included, each once."""
    waiting, seen = [error], set[int]()
    while waiting and len(seen) < LONGEST_CHAIN:
        link = waiting.pop(0)
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        below = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
        waiting += [below] if below is not None else []
        waiting += link.exceptions if isinstance(link, BaseExceptionGroup) else ()
