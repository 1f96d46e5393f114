"""Sealed blobs, and the parts of a seal."""
import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .objects import MIB, canonical, damaged, sha256

PARTS = ("header", "manifest", "tree")
SEAL_MAX = 4096 * MIB


def version_context(record):
    return {name: record[name] for name in ("project", "domain", "class", "epoch", "nameId", "number")}


def read_part(store, record, part, key):
    """Cuts a part out of the seal, checks and opens it."""
    what = f"the sealed {part} of version {record['number']}"
    sizes = record["seal"]
    start = 8 + sum(sizes[name]["bytes"] for name in PARTS[: PARTS.index(part)])
    seal = store.need(f"seals/{record['domain']}/{record['class']}/{record['versionId']}", SEAL_MAX)
    sealed = seal[start : start + sizes[part]["bytes"]]
    if seal[:8] != b"CLSEAL1\n" or sha256(sealed).hex() != sizes[part]["sha256"]:
        raise damaged(f"{what} is not what was signed")
    return unpad(open_blob(key, {**version_context(record), "object": part}, sealed, what), what)


def unpad(padded, what):
    end = 8 + int.from_bytes(padded[:8], "big")
    if len(padded) < 8 or len(padded) != padme(end) or any(padded[end:]):
        raise damaged(f"{what} is not padded as it must be")
    return padded[8:end]


def padme(length):
    least = max(length, 4096)
    exponent = least.bit_length() - 1
    step = 1 << exponent - exponent.bit_length()
    return -(-least // step) * step


def open_blob(key, context, blob, what):
    """C2SP chunked-encryption, Cobblestone-256."""
    salt, commitment, body = blob[:24], blob[24:56], blob[56:]
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0" + salt + canonical(context)
    first = hmac.new(key, info + b"\1", hashlib.sha512).digest()
    okm = first + hmac.new(key, first + info + b"\2", hashlib.sha512).digest()
    if len(body) < 16 or len(body) % 16400 < 16 or not hmac.compare_digest(okm[44:76], commitment):
        raise damaged(f"{what} does not open with its key and context")
    cipher, base_nonce, plain = AESGCM(okm[:32]), int.from_bytes(okm[32:44], "big"), []
    try:
        for number, at in enumerate(range(0, len(body), 16400)):
            plain.append(cipher.decrypt((base_nonce ^ number).to_bytes(12, "big"), body[at : at + 16400], None))
    except InvalidTag:
        raise damaged(f"{what} was changed") from None
    return b"".join(plain)
