"""Files out of chunks out of packs."""
import hashlib
import os
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .frame import expand
from .objects import damaged, hmac256, sha256
from .tree import ZSTD


class Content:
    def __init__(self, store, record, tree):
        self.store, self.record = store, record
        self.push_keys, self.packs, self.chunks, self.streams, self.files = tree
        self.opened = (None, b"")

    def check_against(self, header):
        """The tree holds what the header says, in the packs that the record says."""
        listed = sorted((pack["id"], pack["bytes"]) for pack in self.record["packs"])
        if listed != sorted(self.packs):
            raise damaged("the version record names other packs than the tree")
        files = [file for file in self.files if file[1] != 2]
        lines = hashlib.sha256(b"".join(b"%s  %s\n" % (file[5].hex().encode(), file[0]) for file in files))
        said = (header["dirHash"], header["files"], header["bytes"])
        if said != (lines.hexdigest(), len(files), sum(file[4] for file in files)):
            raise damaged("the tree holds other files than the header says")

    def chunk(self, number):
        if self.opened[0] == number:
            return self.opened[1]
        digest, key, pack, offset, stored, length, codec = self.chunks[number]
        pack_id = self.packs[pack][0]
        name = f"packs/{self.record['domain']}/{self.record['class']}/{pack_id[:2]}/{pack_id}"
        try:
            with open(os.path.join(self.store.folder, name), "rb") as file:
                file.seek(offset)
                sealed = file.read(stored)
        except OSError:
            raise damaged(f"{name} is missing from the store") from None
        aad = b"cloister-chunk@1" + struct.pack(">BI", codec, length)
        chunk_key = hmac256(self.push_keys[key], b"cloister chunk v1", digest)
        try:
            plain = AESGCM(chunk_key).decrypt(sealed[:12], sealed[12:], aad)
        except (InvalidTag, ValueError):
            raise damaged(f"a chunk in {name} was changed") from None
        if codec == ZSTD:
            plain = expand(plain, length, f"a chunk in {name}")
        if sha256(plain) != digest:
            raise damaged(f"a chunk in {name} is another one")
        self.opened = (number, plain)
        return plain

    def pieces(self, stream, offset, length):
        start = 0
        for number in self.streams[stream] if length else []:
            size = self.chunks[number][5]
            if start + size > offset and start < offset + length:
                yield self.chunk(number)[max(0, offset - start) : offset + length - start]
            start += size

    def write(self, folder, wanted):
        """Writes the files whose paths are wanted, reading nothing else."""
        for raw, kind, stream, offset, length, digest in filter(lambda file: wanted(file[0].decode()), self.files):
            target = os.path.join(os.fsencode(folder), raw)
            os.makedirs(target if kind == 2 else os.path.dirname(target), exist_ok=True)
            if kind == 2:
                continue
            found = hashlib.sha256()
            with open(target, "xb") as file:
                for piece in self.pieces(stream, offset, length):
                    found.update(piece)
                    file.write(piece)
            if found.digest() != digest:
                raise damaged(f"{raw.decode()} is not the file that was pushed")
            os.chmod(target, 0o755 if kind == 1 else 0o644)
