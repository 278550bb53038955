"""Runs kosoku with one fix, until it has it itself.

On a connection with permessage-deflate a message may still be sent uncompressed (RFC 7692, section 6), and the
server does so below 1 KiB. kosoku 0.1.0 hands such a message to the cases of the groups 12 and 13 as `str` (a
binary one with one character a byte), where they expect `bytes`, and calls what follows an error of the server.
"""

from kosoku import _caseindex, _cli

_caseindex.initialize_shims()
import case12_x_x as cases  # the shims make it importable


def with_bytes(on_message):
    def fixed(self, message, binary):
        if isinstance(message, str):
            message = message.encode("latin-1" if binary else "utf-8")
        return on_message(self, message, binary)

    return fixed


for case in cases.Case12_X_X + cases.Case13_X_X:
    case.onMessage = with_bytes(case.onMessage)

_cli.main()
