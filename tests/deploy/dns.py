"""A name server on 127.0.0.1:53 that knows one name, which leads to 127.0.0.1."""

import socket
import struct
import sys

KNOWN = sys.argv[1].encode()


def name_of(query):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]])
        at += 1 + query[at]
    return b".".join(labels), at + 1


def answer(query):
    name, end = name_of(query)
    (kind,) = struct.unpack("!H", query[end:end + 2])
    question = query[12:end + 4]
    if name.lower() != KNOWN:
        return query[:2] + struct.pack("!HHHHH", 0x8183, 1, 0, 0, 0) + question
    records = [] if kind != 1 else [struct.pack("!HHHIH4s", 0xC00C, 1, 1, 1, 4, socket.inet_aton("127.0.0.1"))]
    return query[:2] + struct.pack("!HHHHH", 0x8180, 1, len(records), 0, 0) + question + b"".join(records)


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    while True:
        query, peer = server.recvfrom(512)
        server.sendto(answer(query), peer)


main()
