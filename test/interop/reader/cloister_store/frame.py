"""One Zstandard frame (RFC 8878) in the one form that chunks have, and never more of its content than was promised."""
from .objects import Fault, damaged

MAGIC = b"\x28\xb5\x2f\xfd"
BLOCK_MAX = 128 * 1024
RAW, RLE, COMPRESSED = 0, 1, 2
# The descriptor: besides the size of the content size, one segment and nothing else.
SINGLE_SEGMENT, SIZE_BITS = 0x20, 0xC0


def expand(frame, length, what):
    """The content, exactly this long."""
    if not is_frame_of(frame, length):
        raise damaged(f"{what} is not compressed as it must be")
    try:
        import zstandard
    except ImportError:
        raise Fault(2, "compressed chunks need python3-zstandard") from None
    try:
        # Into a buffer of just this size: a frame that gives more is refused before it does.
        plain = zstandard.ZstdDecompressor().decompress(frame, max_output_size=length)
    except zstandard.ZstdError:
        raise damaged(f"{what} does not decompress") from None
    if len(plain) != length:
        raise damaged(f"{what} holds less than it says")
    return plain


def is_frame_of(frame, length):
    """Whether these bytes are one frame, and nothing else, that says it has this content and whose blocks could not be more."""
    if len(frame) < 9 or frame[:4] != MAGIC or frame[4] & ~SIZE_BITS & 0xFF != SINGLE_SEGMENT:
        return False
    size_of_size = 1 << (frame[4] >> 6)
    said = int.from_bytes(frame[5 : 5 + size_of_size], "little") + (256 if size_of_size == 2 else 0)
    if said != length:
        return False
    at, known, last = 5 + size_of_size, 0, False
    while not last:
        header = frame[at : at + 3]
        if len(header) < 3:
            return False
        bits = int.from_bytes(header, "little")
        last, kind, size = bits & 1 == 1, bits >> 1 & 3, bits >> 3
        known += 0 if kind == COMPRESSED else size
        if kind > COMPRESSED or size > min(BLOCK_MAX, length) or known > length:
            return False
        at += 3 + (1 if kind == RLE else size)
    return at == len(frame)
