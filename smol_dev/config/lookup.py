"""The addresses of a name, asked of the system. Apart from `endpoint`, which listing profiles loads."""

import socket


def system_lookup(host: str) -> tuple[str, ...]:
    """The addresses the system knows for a name, as a connection would use them."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(each[4][0]) for each in found))
