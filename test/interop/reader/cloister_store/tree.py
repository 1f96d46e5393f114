"""The tree of a version: its form, and the paths in it."""
import re
import struct
import unicodedata
from collections import namedtuple

from .objects import KIB, MIB, damaged, sha256

NO_STREAM = 0xFFFFFFFF
FILES_MAX, BYTES_MAX = 10_000_000, 1 << 50
# What a sealed chunk has besides what is in it: nonce and tag.
SEAL = 12 + 16
PLAIN, ZSTD, FRAME_MIN = 0, 1, 9
Form = namedtuple("Form", "chunk_max codecs")
# By the magic of the tree.
FORMS = {b"cloister-tree@1\n": Form(128 * KIB, (PLAIN,)), b"cloister-tree@2\n": Form(256 * KIB, (PLAIN, ZSTD))}


def parse_tree(data):
    """Push keys, packs, chunks, streams (lists of chunk numbers) and files; nothing is believed before it is checked."""

    def check(holds, text):
        if not holds:
            raise damaged(f"the tree is malformed: {text}")

    form = FORMS.get(data[:16])
    check(form is not None and len(data) >= 44, "its start")
    counts = struct.unpack(">7I", data[16:44])
    check(counts[5] <= FILES_MAX, "its number of files")
    sizes = (32, 20, 53, 4, 8, 55, 1)
    check(len(data) == 44 + sum(count * size for count, size in zip(counts, sizes)), "its length")
    sections, at = [], 44
    for count, size in zip(counts, sizes):
        sections.append([data[at + i * size : at + (i + 1) * size] for i in range(count)] if size > 1 else data[at:])
        at += count * size
    push_keys, pack_rows, chunk_rows, stream_rows, range_rows, file_rows, paths = sections
    packs = [(row[:16].hex(), int.from_bytes(row[16:], "big")) for row in pack_rows]
    check(len({pack_id for pack_id, _ in packs}) == len(packs), "its packs")
    check(all(0 < size <= 64 * MIB for _, size in packs), "the size of a pack")
    chunks = [struct.unpack(">32s5IB", row) for row in chunk_rows]
    for _, key, pack, offset, stored, plain, codec in chunks:
        check(codec in form.codecs, "a codec that this reader does not know")
        check(0 < plain <= form.chunk_max, "the length of a chunk")
        fits = stored == plain + SEAL if codec == PLAIN else FRAME_MIN + SEAL <= stored < plain + SEAL
        check(fits, "the stored length of a chunk")
        check(key < len(push_keys) and pack < len(packs) and offset + stored <= packs[pack][1], "the place of a chunk")
    used = ({chunk[1] for chunk in chunks}, {chunk[2] for chunk in chunks})
    check(used == (set(range(len(push_keys))), set(range(len(packs)))), "a push key or pack that nothing uses")
    ranges = [struct.unpack(">2I", row) for row in range_rows]
    check(all(count > 0 and first + count <= len(chunks) for first, count in ranges), "a range of chunks")
    streams, taken = [], 0
    for row in stream_rows:
        (count,) = struct.unpack(">I", row)
        check(count > 0, "a stream")
        streams.append([number for first, n in ranges[taken : taken + count] for number in range(first, first + n)])
        taken += count
    check(taken == len(ranges), "its ranges")
    files, at = [], 0
    for row in file_rows:
        kind, stream, offset, length, digest, path_bytes = struct.unpack(">BIQQ32sH", row)
        check(kind <= 2, "the kind of a file")
        blank = bytes(32) if kind == 2 else sha256(b"")
        if kind == 2 or length == 0:
            check((stream, offset, length, digest) == (NO_STREAM, 0, 0, blank), "an empty file or folder")
        else:
            check(stream < len(streams), "the stream of a file")
        files.append((paths[at : at + path_bytes], kind, stream, offset, length, digest))
        at += path_bytes
    check(at == len(paths), "its paths")
    check(sum(file[4] for file in files) <= BYTES_MAX, "the size of its files")
    raw_paths = [file[0] for file in files]
    check(all(a < b for a, b in zip(raw_paths, raw_paths[1:])), "the order of its files")
    ends = [0] * len(streams)
    for _, _, stream, offset, length, _ in sorted(files, key=lambda file: file[2:4]):
        if stream != NO_STREAM:
            check(offset == ends[stream], "the place of a file")
            ends[stream] += length
    check(ends == [sum(chunks[number][5] for number in stream) for stream in streams], "the length of a stream")
    check_paths(raw_paths)
    return push_keys, packs, chunks, streams, files


def check_paths(raw_paths):
    device = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?\Z", re.I | re.S)
    unfit = re.compile(r'[\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffd<>:"|?*\\]')
    seen = {}
    for raw in raw_paths:
        try:
            path = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise damaged("the tree holds a path that is not UTF-8") from None
        parts = path.split("/")
        bad = len(raw) > 4096 or any(
            part in ("", ".", "..") or len(part.encode()) > 255 or part.lower() == ".git" or part[0] in "- "
            or part[-1] in ". " or device.match(part) or unfit.search(part)
            or any(unicodedata.category(char) == "Cc" for char in part)
            for part in parts
        )
        for end in range(1, len(parts) + 1):
            prefix, leaf = "/".join(parts[:end]), end == len(parts)
            folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", prefix).upper().lower())
            earlier = seen.setdefault(folded, (prefix, leaf, raw))
            bad = bad or (earlier[2] != raw and (earlier[0] != prefix or leaf or earlier[1]))
        if bad:
            raise damaged(f"the tree holds a path that may not be written: {path!r}")
