"""Objects of a store: canonical JSON, signed envelopes, faults."""
import base64
import hashlib
import hmac
import json
import os
import re
from datetime import datetime, timedelta, timezone

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
HEX32, HEX64 = re.compile(r"[0-9a-f]{32}\Z"), re.compile(r"[0-9a-f]{64}\Z")
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}\Z")
KIB, MIB = 1024, 1024 * 1024


class Fault(Exception):
    def __init__(self, exit_code, text):
        super().__init__(text)
        self.exit_code = exit_code


class NoKey(Fault):
    """The version may be there; this identity cannot open it."""


def damaged(text):
    return Fault(6, text)


def sha256(data):
    return hashlib.sha256(data).digest()


def hmac256(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def is_integer(value):
    return type(value) is int and 0 <= value < 1 << 53


def is_hex64(value):
    return isinstance(value, str) and HEX64.match(value) is not None


def milliseconds(time):
    return (time.replace(tzinfo=timezone.utc) - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(milliseconds=1)


class Store:
    def __init__(self, folder):
        self.folder = folder

    def get(self, name, limit):
        try:
            with open(os.path.join(self.folder, name), "rb") as file:
                data = file.read(limit + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise damaged(f"{name} cannot be read: {error.strerror}") from None
        if len(data) > limit:
            raise damaged(f"{name} is larger than {limit} bytes")
        return data

    def need(self, name, limit):
        data = self.get(name, limit)
        if data is None:
            raise damaged(f"{name} is missing from the store")
        return data

    def list(self, folder):
        try:
            return sorted(os.listdir(os.path.join(self.folder, folder)))
        except (FileNotFoundError, NotADirectoryError):
            return []


def canonical(value):
    """RFC 8785: keys by their UTF-16 code units."""
    text = json.dumps(in_order(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def in_order(value, depth=1):
    if not isinstance(value, (list, dict)):
        return value
    if depth > 32:
        raise ValueError("nested too deeply")
    if isinstance(value, list):
        return [in_order(item, depth + 1) for item in value]
    return {key: in_order(value[key], depth + 1) for key in sorted(value, key=lambda key: key.encode("utf-16-be"))}


def no_fraction(text):
    raise ValueError(f"{text} is no integer")


def parse_json(data, what, members=None):
    """Canonical JSON or nothing; with exactly these members, "?" marking those that may be absent."""
    try:
        value = json.loads(data.decode("utf-8"), parse_float=no_fraction, parse_constant=no_fraction)
        same = canonical(value) == data
    except (ValueError, RecursionError):
        raise damaged(f"{what} is not JSON") from None
    if not same:
        raise damaged(f"{what} is not canonical JSON")
    if members is not None:
        wanted = members.split()
        required = {name for name in wanted if not name.endswith("?")}
        allowed = {name.rstrip("?") for name in wanted}
        if not isinstance(value, dict) or not required <= set(value) <= allowed:
            raise damaged(f"{what} has wrong members")
    return value


def unbase64(text, what, url=False):
    try:
        padded = text + "=" * (-len(text) % 4) if url else text
        data = base64.b64decode(padded, altchars=b"-_" if url else None, validate=True)
        again = (base64.urlsafe_b64encode(data).rstrip(b"=") if url else base64.b64encode(data)).decode()
    except (ValueError, TypeError, AttributeError):
        raise damaged(f"{what} has malformed base64") from None
    if again != text:
        raise damaged(f"{what} has base64 that is not canonical")
    return data


class Envelope:
    """DSSE v1."""

    def __init__(self, data, payload_type, what):
        outer = parse_json(data, what, "payload payloadType signatures")
        if outer["payloadType"] != f"application/vnd.cloister.{payload_type}":
            raise damaged(f"{what} has another payload type")
        self.payload = unbase64(outer["payload"], what)
        if not isinstance(outer["signatures"], list) or not 1 <= len(outer["signatures"]) <= 16:
            raise damaged(f"{what} has no or too many signatures")
        signatures = [parse_json(canonical(item), what, "keyid sig") for item in outer["signatures"]]
        self.signatures = [(item["keyid"], unbase64(item["sig"], what)) for item in signatures]
        kind = outer["payloadType"].encode()
        self.signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(self.payload), self.payload)

    def is_by(self, key):
        return any(verify(key, signature, self.signed) for _, signature in self.signatures)


def verify(key, signature, signed):
    """ECDSA P-256 with SHA-256; strict DER and low S only."""
    try:
        r, s = decode_dss_signature(signature)
        if encode_dss_signature(r, s) != signature or s > P256_ORDER // 2:
            return False
        key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
        return True
    except (ValueError, InvalidSignature):
        return False
