#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads a store by docs/store-format.md and nothing else: prints its IPv4 leases, one per line, and how many records of each type there are."""
import os
import re
import struct
import sys


def make_table():
    table = []
    for i in range(256):
        for _ in range(8):
            i = i >> 1 ^ (0x82F63B78 if i & 1 else 0)
        table.append(i)
    return table


TABLE = make_table()


def crc(data):
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ TABLE[(value ^ byte) & 255]
    return value ^ 0xFFFFFFFF


def expect(condition, what):
    if not condition:
        sys.exit("read_store: " + what)


def u32(data, at):
    return struct.unpack_from("<I", data, at)[0]


def u64(data, at):
    return struct.unpack_from("<Q", data, at)[0]


def next_block(at):
    return (at + 4095) // 4096 * 4096


def records(payload):
    """type, payload, offset behind it"""
    at = 0
    while at < len(payload):
        header = u32(payload, at)
        size = (header & 0xFFFF) * 8
        expect(size > 0 and at + size <= len(payload) and header >> 24 == 0, "a record is malformed")
        yield header >> 16 & 31, payload[at + 4:at + size - (header >> 21 & 7)], at + size
        at += size


class Store:
    def __init__(self, path):
        self.path = path
        self.leases = {}  # address: (LSN, image)
        self.scopes = {}  # subnet: (mask, uid)
        self.types = {}
        identity = self.read("lessor.store")
        expect(len(identity) == 64 and u64(identity, 0) == 0x3130455352534C, "no identity")
        expect(crc(identity[:60]) == u32(identity, 60), "the identity's checksum")
        self.id = identity[16:32]

    def read(self, name):
        with open(os.path.join(self.path, name), "rb") as file:
            return file.read()

    def names(self, pattern):
        found = [re.fullmatch(pattern, name) for name in os.listdir(self.path)]
        return sorted((int(match[1], 16), match[0]) for match in found if match)

    def apply(self, kind, payload, lsn):
        self.types[kind] = self.types.get(kind, 0) + 1
        if kind == 15:
            for inner, inside, _ in records(payload):
                self.apply(inner, inside, lsn)
        elif kind in (1, 2):
            address = u32(payload, 0)
            if self.leases.get(address, (0,))[0] < lsn:
                if kind == 1:
                    self.leases[address] = (lsn, payload)
                else:
                    self.leases.pop(address, None)
        elif kind == 4:
            self.scopes[u32(payload, 0)] = (u32(payload, 4), u32(payload, 8))
        elif kind == 5:
            self.end(lambda address: address & u32(payload, 4) == u32(payload, 0), lsn, False)
        elif kind == 16:
            self.end(lambda address: u32(payload, 4) <= address <= u32(payload, 8), lsn, True)

    def end(self, inside, lsn, spare_reserved):
        for address, (mine, image) in list(self.leases.items()):
            if inside(address) and mine < lsn and not (spare_reserved and image[22] & 16):
                del self.leases[address]

    def snapshot(self):
        found = self.names(r"snapshot-([0-9a-f]{16})\.lsr")
        if not found:
            return 0
        start, name = found[-1]
        data = self.read(name)
        expect(data[:8] == b"LSRSNP01" and data[16:32] == self.id and u64(data, 32) == start, "the snapshot's header")
        expect(crc(data[:60]) == u32(data, 60), "the snapshot's checksum")
        at = 4096
        number = entries = leases = 0
        while True:
            size = u32(data, at + 4)
            payload = data[at + 64:at + 64 + size]
            expect(data[at:at + 4] == b"LSRC" and u64(data, at + 8) == number and data[at + 16:at + 32] == self.id, "a chunk")
            expect(crc(data[at:at + 60] + payload) == u32(data, at + 60), "a chunk's checksum")
            if u32(data, at + 40) & 1:
                expect(struct.unpack("<QQ", payload[:16]) == (entries, leases), "the snapshot's footer")
                return start
            place = 0
            while place < size:
                lsn = u64(payload, place)
                length = (u32(payload, place + 8) & 0xFFFF) * 8
                for kind, record, _ in records(payload[place + 8:place + 8 + length]):
                    self.apply(kind, record, lsn)
                    leases += kind in (1, 11)
                entries += 1
                place += 8 + length
            number += 1
            at = next_block(at + 64 + size)

    def segment(self, index, name, start, position):
        """The position behind it."""
        data = self.read(name)
        expect(data[:8] == b"LSRSEG01" and u64(data, 32) == index and data[16:32] == self.id, "a segment's header")
        expect(crc(data[:60]) == u32(data, 60), "a segment's checksum")
        first = u64(data, 40)
        expect(position in (None, first), "a segment is missing")
        at, position = 4096, first
        while at + 64 <= len(data) and data[at:at + 4] == b"LSRF":
            size = u32(data, at + 40)
            payload = data[at + 64:at + 64 + size]
            if crc(data[at:at + 60] + payload) != u32(data, at + 60) or u64(data, at + 24) != position:
                break
            for kind, record, behind in records(payload):
                if position + behind > start:
                    self.apply(kind, record, position + behind)
            position += size
            at = next_block(at + 64 + size)
        return position

    def load(self):
        start = self.snapshot()
        position = None
        for index, name in self.names(r"log-([0-9a-f]{16})\.seg"):
            position = self.segment(index, name, start, position)


def text(bytes_or_none):
    return "-" if bytes_or_none is None else bytes_or_none.hex() or "empty"


def describe(address, image):
    """address, client id, name, expiry, state"""
    sizes = u32(image, 24)
    inline, tail = image[28:28 + (sizes & 255)], image[28 + (sizes & 255):]
    expect(len(tail) == sizes >> 8, "a lease's size")
    items = {}
    at = 0
    while at < len(tail):
        length = struct.unpack_from("<H", tail, at + 2)[0]
        items[tail[at]] = tail[at + 4:at + 4 + length]
        at += 4 + length
    flags = image[23]
    split = 0 if flags & 2 else image[18]
    client = items[1] if flags & 2 else inline[:split]
    name = None if not flags & 1 else items[2] if flags & 4 else inline[split:split + image[19]]
    dotted = ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0))
    return f"{dotted} {text(client)} {text(name)} {u64(image, 8)} {image[21]}"


def main():
    store = Store(sys.argv[1])
    store.load()
    for address, (_, image) in sorted(store.leases.items()):
        if not image[22] & 32 and any(address & mask == subnet for subnet, (mask, _) in store.scopes.items()):
            print(describe(address, image))
    print("types:", *(f"{kind}={count}" for kind, count in sorted(store.types.items())), file=sys.stderr)


main()
