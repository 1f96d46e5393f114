#!/usr/bin/env python3
"""Reads one artifact version out of a Cloister store without Cloister.

    cloister_reader.py [--kms-decrypt CMD] STORE IDENTITY_FILE DOMAIN/NAME[:vN|:LABEL] OUT_DIR

Written from docs/store-format.md alone, to show that the page suffices. STORE is a folder, IDENTITY_FILE holds the age
secret key of a member's device, OUT_DIR must not exist. Needs python3-cryptography and the age tools (age, age-keygen).

Classes under AWS KMS need CMD, a program that decrypts with KMS: it gets the key's ARN and the encryption context
(name=value,…) as arguments, the ciphertext on standard input, and writes the plain text to standard output. It ends with 6
where KMS says that this is no ciphertext of that key in that context. `kms-decrypt.mjs` beside this file is one.

It checks the whole log, every signature and every digest on the way. Three things it does not do: it does not compare the
pin (it prints it for a person to compare), it does not judge whether the policy's rules allowed the push, and of the
manifest it checks the digest only. It takes policies as `cloister` writes them: a member on one line, roles indented.

Exit codes: 0 done, 2 usage, 6 something in the store is damaged or forged, 7 there is no such version.
"""
import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import unicodedata
from datetime import datetime, timedelta, timezone

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}\Z")
HALF = re.compile(r"(half|glass)-[a-z0-9][a-z0-9._-]{0,127}\Z")
HEX32, HEX64 = re.compile(r"[0-9a-f]{32}\Z"), re.compile(r"[0-9a-f]{64}\Z")
KMS_KEY = re.compile(r"arn:aws[a-z-]{0,20}:kms:[a-z0-9-]{1,40}:[0-9]{12}:key/[A-Za-z0-9-]{1,64}\Z")
NO_STREAM = 0xFFFFFFFF
KIB, MIB = 1024, 1024 * 1024
PARTS = ("header", "manifest", "tree")
KINDS = ("dataset", "model", "code", "report")
COMMIT_MAX = 8 * MIB
SEAL_MAX = 4096 * MIB
# Members of a log entry's data that may be absent, and their form.
PLACE = r"[a-z0-9_][a-z0-9._-]{0,127}"
OPTIONAL_DATA = {"domain?": PLACE, "class?": PLACE, "versionId?": "[0-9a-f]{64}", "workspace?": "[0-9a-f]{32}",
                 "facts?": None, "sealed?": "[A-Za-z0-9+/]+={0,2}"}


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


# -- objects, JSON, signatures ---------------------------------------------------------------------------------------


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


# -- policy and log ----------------------------------------------------------------------------------------------------


def section(text, name):
    """The lines below a top-level key, without comments."""
    found = re.search(rf"^{name}:.*\n((?:[ \t].*\n|\s*\n|#.*\n)*)", text + "\n", re.M)
    return re.sub(r"(^|\s)#.*", "", found.group(1)) if found else ""


def names_in(found):
    return [item.strip(' "\n') for item in found.group(1).split(",")] if found else []


class Policy:
    """What a reader needs of a policy version, taken line by line."""

    def __init__(self, store, version, digest):
        what = f"policy version {version}"
        self.envelope = self.envelope_of(store, version, digest)
        self.version, self.digest, self.keys, self.owners = version, digest, {}, set()
        text = self.envelope.payload.decode("utf-8")
        field = lambda name: next(iter(re.findall(rf'^{name}:\s*"?([^"\s#]+)', text, re.M)), None)
        self.project, self.previous = field("id"), (field("previous") or "").removeprefix("sha256:")
        if field("version") != str(version):
            raise damaged(f"{what} calls itself another version")
        self.end = milliseconds(datetime.strptime(field("expires") or "", "%Y-%m-%d") + timedelta(days=1))
        self.members, self.held, self.roles = {}, {}, {}
        self.classes = names_in(re.search(r"^classifications:\s*\[([^\]]*)\]", text, re.M))
        blocks = r"^  ([a-z0-9][a-z0-9._-]*):(.*\n(?:    .*\n|\s*\n)*)"
        for role, body in re.findall(blocks, section(text, "roles"), re.M):
            can = names_in(re.search(r"\bcan:\s*\[([^\]]*)\]", body))
            self.roles[role] = (can, next(iter(re.findall(r"\bup-to:\s*([a-z0-9._-]+)", body)), None))
        owners = re.search(r"^owners:.*\bmembers:\s*\[([^\]]*)\]", text, re.M)
        self.threshold = int(re.search(r"^owners:.*\bthreshold:\s*([0-9]+)", text, re.M).group(1))
        owner_ids = names_in(owners)
        people = r'^  "?([a-z0-9][a-z0-9._-]*)"?:(.*\n(?:    .*\n|\s*\n)*)'
        for member, body in re.findall(people, section(text, "members"), re.M):
            if re.search(r"\bsuspended:", body):
                continue
            # The first is the member's own entry's; further ones stand under `devices:`. All are the same person's.
            for signs in re.findall(r'\bsigns:\s*"?p256:([A-Za-z0-9_-]{44})', body):
                point = unbase64(signs, what, url=True)
                key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
                pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
                key_id = sha256(pem).hex()
                self.keys[key_id], self.members[key_id] = key, member
                if member in owner_ids:
                    self.owners.add(key_id)
            self.held[member] = names_in(re.search(r"\broles:\s*\[([^\]]*)\]", body))

    @staticmethod
    def envelope_of(store, version, digest):
        what = f"policy version {version}"
        envelope = Envelope(store.need(f"policy/{version:08d}-{digest}", 2_000_000), "policy.v1+yaml", what)
        if sha256(envelope.payload).hex() != digest:
            raise damaged(f"{what} is not what its name says")
        return envelope

    def may(self, member, action, domain, klass):
        """Whether a role of theirs covers an action there, rules aside."""
        for holding in self.held.get(member, []):
            role, _, place = holding.partition("@")
            can, up_to = self.roles.get(role, ([], None))
            reaches = klass in self.classes and up_to in self.classes[self.classes.index(klass) :]
            if action in can and place in ("", domain) and reaches:
                return True
        return False

    def has_enough(self, signed, signatures):
        """Whether as many of these owners signed as this version asks for: people, not keys."""
        by = lambda key_id: any(verify(self.keys[key_id], signature, signed) for signature in signatures)
        return len({self.members[key_id] for key_id in self.owners if by(key_id)}) >= self.threshold


class Log:
    """Reads every commit; afterwards knows the policies, the key epochs and the versions.

    What is empty is passed over; what the page calls an integrity failure is one.
    """

    def __init__(self, store, project):
        self.store, self.project, self.pin = store, project, None
        self.policies, self.epochs, self.phases, self.leaves = [], {}, {}, []
        self.numbers, self.labels, self.version_ids, self.secrets = {}, {}, set(), {}
        self.previous, self.time = "0" * 64, 0
        sequence = empty = 0
        while (data := store.get(self.place(sequence), COMMIT_MAX)) is not None:
            commit = self.read(sequence, data)
            empty += 1
            if commit is not None and self.counts(sequence, *commit):
                self.previous, self.time, empty = sha256(data).hex(), commit[0]["time"], 0
            if self.time > time.time() * 1000 + 300_000:
                raise damaged(f"log commit {sequence} is dated ahead")
            if empty > 1000:
                raise damaged("the log is buried in junk")
            sequence += 1
        if not self.policies:
            raise damaged("the log puts no policy in force")
        self.check_nothing_after(sequence)

    @staticmethod
    def place(sequence):
        return f"log/commit/{sequence:016d}"

    def check_nothing_after(self, end):
        beyond = [int(name) for name in self.store.list("log/commit") if re.fullmatch(r"[0-9]{16}", name)]
        for sequence in (each for each in beyond if each > end):
            data = self.store.get(self.place(sequence), COMMIT_MAX)
            # Somebody may have written on in the meantime; then the first absent one is there by now.
            if data and self.read(sequence, data) and self.store.get(self.place(end), COMMIT_MAX) is None:
                raise damaged(f"log commit {end} is missing, but commit {sequence} of a member is there")

    @property
    def current(self):
        """The policy in force; before anything is, the one that the first commit names, which is the pin."""
        return self.policies[-1] if self.policies else self.pin

    def read(self, sequence, data):
        """The commit and its entries, where it is well-formed and signed by a member; None where it is empty."""
        try:
            envelope = Envelope(data, "commit.v1+json", "a log commit")
            commit = parse_json(envelope.payload, "a log commit", "checkpoint entries previous project seq size time v")
            entries = [self.entry(canonical(item)) for item in commit["entries"]]
            after = parse_json(canonical(commit["checkpoint"]), "a checkpoint", "root size")
            place = {"project": self.project, "seq": sequence, "v": 1}
            fits = (
                1 <= len(entries) <= 256 and all(commit[member] == value for member, value in place.items())
                and all(is_integer(commit[member]) for member in ("size", "time"))
                and after["size"] == commit["size"] + len(entries)
                and HEX64.match(after["root"]) and HEX64.match(commit["previous"])
            )
        except (Fault, KeyError, TypeError, AttributeError, ValueError):
            return None
        if fits and not self.policies:
            digest = str(entries[0]["facts"].get("policyDigest"))
            self.pin = Policy(self.store, 1, digest) if HEX64.match(digest) else None
        return (commit, entries) if fits and self.member(envelope) else None

    def member(self, envelope):
        """The key id of the unsuspended member who signed, None for anybody else."""
        key_id = envelope.signatures[0][0]
        key = self.current.keys.get(key_id) if self.current else None
        return key_id if key is not None and len(envelope.signatures) == 1 and envelope.is_by(key) else None

    def entry(self, leaf):
        """An entry taken apart and checked for its form. Raises whatever where it is malformed."""
        if len(leaf) > 32 * KIB:
            raise damaged("a log entry is too large")
        envelope = Envelope(leaf, "event.v1+json", "log entry")
        if len(envelope.payload) > 16 * KIB:
            raise damaged("a log entry is too large")
        event = parse_json(envelope.payload, "log entry", "data id source specversion time type")
        kind = re.fullmatch(r"dev\.cloister\.([a-z][a-z.-]{1,63})\.(intent|done|failed|refused)", event["type"])
        action, phase = kind.groups()
        operation = event["id"].removesuffix(f"/{phase}")
        data = parse_json(canonical(event["data"]), "log entry", f"policy rules enforcement {' '.join(OPTIONAL_DATA)}")
        facts, given = data.get("facts", {}), [name for name in OPTIONAL_DATA if name[:-1] in data and name != "facts?"]
        fits = (
            event["specversion"] == "1.0" and event["id"] == f"{operation}/{phase}" and HEX32.match(operation)
            and re.fullmatch(r"cloister:[0-9a-f]{32}", event["source"])
            and isinstance(facts, dict) and is_integer(data["policy"]) and data["policy"] >= 1
            and re.fullmatch(r"[\x20-\x7e]{1,100}", data["enforcement"])
            and isinstance(data["rules"], list)
            and all(re.fullmatch(r"[\x21-\x7e]{1,200}", rule) for rule in data["rules"])
            and all(re.fullmatch(OPTIONAL_DATA[name], data[name[:-1]]) for name in given)
        )
        if not fits or not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"]):
            raise damaged("a log entry is malformed")
        signed_at = milliseconds(datetime.strptime(event["time"], "%Y-%m-%dT%H:%M:%S.%fZ"))
        return {"leaf": leaf, "envelope": envelope, "data": data, "facts": facts, "source": event["source"],
                "time": signed_at, "operation": operation, "phase": phase, "action": action}

    def counts(self, sequence, commit, entries):
        """Takes a commit of a member in, if it counts."""
        if commit["size"] != len(self.leaves) or commit["previous"] != self.previous:
            raise damaged(f"log commit {sequence}, of a member, follows other commits than those found before it")
        undo = []
        if (
            commit["time"] >= self.time
            and all(self.take(entry, commit["time"], undo) for entry in entries)
            and merkle_root(self.leaves).hex() == commit["checkpoint"]["root"]
        ):
            return True
        for step in reversed(undo):
            step()
        return False

    def take(self, entry, commit_time, undo):
        """Takes an entry in, if it counts; `undo` then takes it out again."""
        key_id = self.member(entry["envelope"])
        if key_id is None or entry["source"] != f"cloister:{self.project}" or entry["time"] > commit_time + 300_000:
            return False
        if entry["data"]["policy"] != self.current.version or not self.is_in_time(entry, key_id, commit_time):
            return False
        phase, before = entry["phase"], self.phases.setdefault((key_id, entry["operation"]), {})
        if phase in before or before.keys() & {"done", "failed", "refused"}:
            return False
        if phase in ("done", "failed") and before.get("intent", {}).get("action") != entry["action"]:
            return False
        entry = {**entry, "key": key_id, "entry": len(self.leaves)}
        done = entry["action"] if phase == "done" else None
        if done == "artifact.push" and not self.file_version(entry, before["intent"], undo):
            return False
        if done == "secret.write" and not self.change_secret(entry, before["intent"], undo):
            return False
        if done in ("policy.change", "member.add") and not self.put_in_force(entry, undo):
            return False
        before[phase] = entry
        self.leaves.append(sha256(b"\0" + entry["leaf"]))
        undo += [lambda: before.pop(phase), self.leaves.pop]
        return True

    def is_in_time(self, entry, key_id, commit_time):
        if not self.policies or commit_time < self.current.end:
            return True
        return entry["action"] == "policy.change" and key_id in self.current.owners

    def file_version(self, done, intent, undo):
        """Gives a version its number and label, each of which is given once."""
        data, facts = done["data"], done["facts"]
        version_id, name_id, number, label_id = data.get("versionId"), *map(facts.get, ("nameId", "number", "labelId"))
        if "domain" not in data or "class" not in data or version_id is None or not is_integer(number):
            return False
        if not is_hex64(name_id) or not (label_id is None and "labelId" not in facts or is_hex64(label_id)):
            return False
        artifact = (data["domain"], name_id)
        numbers, labels = self.numbers.setdefault(artifact, {}), self.labels.setdefault(artifact, {})
        if number != max(numbers, default=0) + 1 or label_id in labels or version_id in self.version_ids:
            return False
        if any(intent["data"].get(member) != data[member] for member in ("domain", "class")):
            return False
        decided = next(policy for policy in self.policies if policy.version == intent["data"]["policy"])
        if not decided.may(self.current.members[done["key"]], "artifact.push", data["domain"], data["class"]):
            return False
        numbers[number] = {**done, "versionId": version_id, "nameId": name_id, "number": number, "labelId": label_id}
        self.version_ids.add(version_id)
        undo += [lambda: numbers.pop(number), lambda: self.version_ids.remove(version_id)]
        if label_id is not None:
            labels[label_id] = number
            undo.append(lambda: labels.pop(label_id))
        return True

    def change_secret(self, done, intent, undo):
        """Gives a secret a value, or removes it."""
        data, facts = done["data"], done["facts"]
        secret_id, number, digest, removed = map(facts.get, ("secretId", "number", "digest", "removed"))
        counts = [number, *(facts[name] for name in ("epoch", "rotateMs") if name in facts and digest is not None)]
        if "domain" not in data or "class" not in data or not is_hex64(secret_id):
            return False
        if not all(is_integer(count) and count >= 1 for count in counts):
            return False
        if not ("digest" not in facts and removed is True or "removed" not in facts and is_hex64(digest) and "epoch" in facts):
            return False
        if any(intent["data"].get(member) != data[member] for member in ("domain", "class")):
            return False
        steps = self.secrets.setdefault((data["domain"], secret_id), [])
        last_class, last, lives = steps[-1] if steps else (None, 0, False)
        if lives and last_class != data["class"]:
            return False
        if not (lives and number == last if removed else number == last + 1):
            return False
        decided = next(policy for policy in self.policies if policy.version == intent["data"]["policy"])
        if not decided.may(self.current.members[done["key"]], "secret.write", data["domain"], data["class"]):
            return False
        steps.append((data["class"], number, not removed))
        undo.append(steps.pop)
        return True

    def put_in_force(self, done, undo):
        facts, current = done["facts"], self.current
        first = not self.policies
        wanted = 1 if first else current.version + 1
        digest = facts.get("policyDigest")
        if facts.get("policyVersion") != wanted or done["key"] not in current.owners or not is_hex64(digest):
            return False
        envelope = Policy.envelope_of(self.store, wanted, digest)
        signatures = [signature for _, signature in envelope.signatures]
        says_who = "signatures" in facts
        if says_who:
            try:
                signatures = [unbase64(text, "a signature") for text in facts["signatures"]]
            except (Fault, TypeError):
                return False
            if not isinstance(facts["signatures"], list) or not 1 <= len(signatures) <= 16:
                return False
        if first and digest != current.digest or not says_who and not first and current.threshold > 1:
            return False
        if not first and not current.has_enough(envelope.signed, signatures):
            return False
        policy = Policy(self.store, wanted, digest)
        if policy.project != self.project or policy.previous != ("" if first else current.digest):
            return False
        if not says_who and policy.threshold > 1:
            return False
        if not policy.has_enough(envelope.signed, signatures):
            if says_who:
                return False
            raise damaged(f"policy version {wanted} is not signed by its owners")
        self.policies.append(policy)
        undo.append(self.policies.pop)
        for place, sha in facts["epochs"].items():
            if place not in self.epochs:
                self.epochs[place] = sha
                undo.append(lambda place=place: self.epochs.pop(place))
        return True


def merkle_root(leaves):
    """RFC 6962, section 2.1, over leaf hashes."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else sha256(b"")
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1" + merkle_root(leaves[:split]) + merkle_root(leaves[split:]))


# -- keys ----------------------------------------------------------------------------------------------------------------


def age(identity, file, what):
    """Decrypts a file of the store with an identity that goes through standard input."""
    done = subprocess.run(["age", "-d", "-i", "-", file], input=identity.encode(), capture_output=True, check=False)
    if done.returncode != 0:
        raise damaged(f"{what} cannot be decrypted: it is damaged or for another key")
    return done.stdout


def recipient_of(identity, what):
    done = subprocess.run(["age-keygen", "-y"], input=identity.encode(), capture_output=True, check=False)
    if done.returncode != 0:
        raise damaged(f"{what} is no age key")
    return done.stdout.decode().strip()


def kms(command, key, context, sealed, what):
    """Decrypts with a program that may ask AWS KMS."""
    if command is None:
        raise NoKey(7, f"{what} is under AWS KMS, {key}: give --kms-decrypt")
    pairs = ",".join(f"{name}={value}" for name, value in context.items())
    done = subprocess.run([command, key, pairs], input=sealed, capture_output=True, check=False)
    if done.returncode == 6:
        raise damaged(f"{what} is no ciphertext of {key} in the context {pairs}")
    if done.returncode != 0:
        raise NoKey(7, f"KMS does not open {what}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


class Keys:
    def __init__(self, store, log, identity, kms_command):
        self.store, self.log, self.identity, self.kms_command = store, log, identity, kms_command
        self.device = sha256(recipient_of(identity, "the identity file").encode()).hex()[:32]

    def epoch(self, domain, klass, epoch):
        """The signed record of a key."""
        place = f"{domain}/{klass}/{epoch}"
        data = self.store.need(f"epochs/{place}", 8 * KIB)
        if self.log.epochs.get(place) != sha256(data).hex():
            raise damaged(f"epochs/{place} is not the one in the log")
        payload = Envelope(data, "epoch.v1+json", f"epochs/{place}").payload
        record = parse_json(payload, f"epochs/{place}", "class domain epoch kms? project recipient v")
        expected = {"class": klass, "domain": domain, "epoch": epoch, "project": self.log.project, "v": 1}
        key = {"kms": record["kms"]} if "kms" in record else {}
        if {**expected, **key, "recipient": record["recipient"]} != record:
            raise damaged(f"epochs/{place} is of another place")
        if key and (klass.startswith("_") or not KMS_KEY.match(record["kms"])):
            raise damaged(f"epochs/{place} names no key of KMS, or may not name one")
        return record

    def secret(self, domain, klass, epoch):
        record = self.epoch(domain, klass, epoch)
        place = f"{domain}/{klass}/{epoch}"
        if "kms" in record:
            name = f"keys/{place}/kms"
            context = {"project": record["project"], "domain": domain, "class": klass, "epoch": str(epoch)}
            plain = kms(self.kms_command, record["kms"], context, self.store.need(name, 8 * KIB), name)
        else:
            name = f"keys/{place}/{self.device}"
            if self.store.get(name, 8 * KIB) is None:
                raise NoKey(7, f"this identity holds no key of {domain}/{klass} (there is no {name})")
            plain = age(self.identity, os.path.join(self.store.folder, name), name)
        secret = plain.decode("latin-1").removesuffix("\n")
        if not re.fullmatch(r"AGE-SECRET-KEY-1[0-9A-Z]+", secret) or recipient_of(secret, name) != record["recipient"]:
            raise damaged(f"{name} does not belong to its epoch")
        return secret

    def name_key(self, domain):
        places = [place.split("/") for place in self.log.epochs]
        epochs = [int(epoch) for *place, epoch in places if place == [domain, "_names"] and epoch.isdecimal()]
        if not epochs:
            raise Fault(7, f"the project has no domain {domain}")
        secret = self.secret(domain, "_names", min(epochs))
        pseudo_random = hmac256(bytes(32), secret.encode())
        return hmac256(pseudo_random, b"cloister name key v1", b"\1")

    def wrapped(self, record, version_id, purpose):
        name = f"wraps/{record['domain']}/{record['class']}/{version_id}/{purpose}"
        data = self.store.need(name, 16 * KIB)
        epoch = self.epoch(record["domain"], record["class"], record["epoch"])
        if purpose == "data" and "kms" in epoch:
            return self.data_key(record, epoch["kms"], data, name)
        secret = self.secret(record["domain"], record["class"], record["epoch"])
        wrap = parse_json(age(secret, os.path.join(self.store.folder, name), name), name)
        expected = {**version_context(record), "cloister": "wrapped-key@1", "purpose": purpose}
        if {**expected, "key": wrap.get("key")} != wrap:
            raise damaged(f"{name} was made for another version")
        key = unbase64(wrap["key"], name, url=True)
        if len(key) != 32:
            raise damaged(f"{name} holds no key of 32 bytes")
        return key

    def released(self, record):
        """Keys that the released halves of each request give; None where the key is not released by others."""
        halves = [half["half"] for half in record.get("halves", []) if half["half"].startswith("half-")]
        if not halves:
            return None
        found = []
        for request in filter(HEX64.match, self.store.list("releases")):
            names = [f"releases/{request}/{half}/{self.device}" for half in halves]
            if any(self.store.get(name, 8 * KIB) is None for name in names):
                continue
            try:
                shares = [self.share(record, request, half, name) for half, name in zip(halves, names)]
            except Fault:
                continue
            found.append(bytes(a ^ b for a, b in zip(*shares)))
        return found

    def share(self, record, request, half, name):
        plain = parse_json(age(self.identity, os.path.join(self.store.folder, name), name), name)
        expected = {"cloister": "released-half@1", "half": half, "project": record["project"], "request": request,
                    "versionId": record["versionId"]}
        if {**expected, "share": plain.get("share")} != plain:
            raise damaged(f"{name} was released for something else")
        share = unbase64(plain["share"], name, url=True)
        if len(share) != 32:
            raise damaged(f"{name} holds no share of 32 bytes")
        return share

    def data_key(self, record, kms_key, data, name):
        """Of a class under KMS."""
        wrap = parse_json(data, name)
        expected = {**version_context(record), "cloister": "kms-wrapped-key@1", "purpose": "data"}
        if {**expected, "ciphertext": wrap.get("ciphertext")} != wrap:
            raise damaged(f"{name} was made for another version")
        context = {member: record[member] for member in ("project", "domain", "class")}
        context = {**context, "artifact": record["nameId"], "number": str(record["number"])}
        key = kms(self.kms_command, kms_key, context, unbase64(wrap["ciphertext"], name), name)
        if len(key) != 32:
            raise damaged(f"{name} holds no key of 32 bytes")
        return key


# -- versions ------------------------------------------------------------------------------------------------------------


def version_context(record):
    return {name: record[name] for name in ("project", "domain", "class", "epoch", "nameId", "number")}


def read_record(store, log, logged):
    """The version record that the log names, checked against it."""
    domain = logged["data"]["domain"]
    name = f"versions/{domain}/{logged['nameId']}/{logged['number']:08d}-{logged['versionId']}"
    envelope = Envelope(store.need(name, 16 * MIB), "version.v1+json", name)
    if sha256(envelope.payload).hex() != logged["versionId"]:
        raise damaged(f"{name} is not the record in the log")
    members = "class domain epoch halves? intent nameId number operation packs policy project seal v"
    record = parse_json(envelope.payload, name, members)
    check_halves(record.get("halves"), name)
    place = {"project": log.project, "domain": domain, "nameId": logged["nameId"], "number": logged["number"], "v": 1}
    if any(record[member] != value for member, value in place.items()):
        raise damaged(f"{name} is a record of another place")
    keys = [policy.keys[logged["key"]] for policy in log.policies if logged["key"] in policy.keys]
    if not any(envelope.is_by(key) for key in keys[-1:]):
        raise damaged(f"{name} is not signed by its pusher")
    intent = log.phases[logged["key"], logged["operation"]]["intent"]
    fits = all(intent["data"].get(member) == record[member] for member in ("domain", "class", "policy"))
    if not fits or intent["entry"] != record["intent"] or logged["data"]["class"] != record["class"]:
        raise damaged(f"the log says something else about the push of {name}")
    if logged["operation"] != record["operation"]:
        raise damaged(f"{name} is the record of another push")
    return {**record, "versionId": logged["versionId"], "workspace": intent["data"].get("workspace")}


def check_halves(halves, name):
    if halves is None:
        return
    rows = [parse_json(canonical(half), name, "half seed share") for half in halves]
    names = [row["half"] for row in rows]
    fits = len(rows) in (2, 4) and sorted(set(names)) == names and all(HALF.match(each) for each in names)
    if not fits or not all(HEX64.match(row[digest]) for row in rows for digest in ("seed", "share")):
        raise damaged(f"{name} has malformed halves")


def read_tree(store, record, keys):
    """The plain tree; where others release its key, with the first request whose halves give it."""
    candidates = keys.released(record)
    if candidates is None:
        return read_part(store, record, "tree", keys.wrapped(record, record["versionId"], "data"))
    if not candidates:
        raise NoKey(7, "no request has both halves of its key released to this identity")
    for key in candidates:
        try:
            return read_part(store, record, "tree", key)
        except Fault:
            continue
    raise damaged("the released halves of its key do not fit")


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


def find_version(store, log, keys, domain, name, version):
    """The record and header of the version that is meant."""
    name_key = keys.name_key(domain)
    name_id = hmac256(name_key, b"name\0", name.encode()).hex()

    def label_id(label):
        return hmac256(name_key, b"label\0", name.encode(), b"\0", label.encode()).hex()

    numbers = log.numbers.get((domain, name_id), {})
    if version == "latest":
        wanted = sorted(numbers, reverse=True)
    elif numbered := re.fullmatch(r"v([1-9][0-9]{0,7})", version):
        wanted = [int(numbered.group(1))]
    else:
        wanted = [log.labels.get((domain, name_id), {}).get(label_id(version))]
    without_key = None
    for number in wanted:
        if number not in numbers:
            break
        record = read_record(store, log, numbers[number])
        try:
            header = read_header(store, keys, record)
        except NoKey as hidden:
            without_key = without_key or hidden
            continue
        label = header.get("label")
        if header["name"] != name or numbers[number]["labelId"] != (None if label is None else label_id(label)):
            raise damaged(f"version {number} has another name or label than it is filed under")
        return record, header
    raise without_key or Fault(7, f"there is no version {domain}/{name}:{version}")


def read_header(store, keys, record):
    data = read_part(store, record, "header", keys.wrapped(record, record["versionId"], "metadata"))
    optional = "label? purpose? owner? licence? justification? workspace?"
    header = parse_json(data, "the header", f"v name kind files bytes dirHash manifest {optional}")
    label = header.get("label", "1.0")
    if not NAME.match(label) or label == "latest" or re.fullmatch(r"v[1-9][0-9]{0,7}", label):
        raise damaged("the header has a label that cannot be one")
    if header["v"] != 1 or len(data) > 64 * KIB or header["kind"] not in KINDS:
        raise damaged("the header is malformed")
    if header.get("workspace") != record["workspace"]:
        raise damaged("the header does not fit the log")
    return header


# -- content -------------------------------------------------------------------------------------------------------------


def parse_tree(data):
    """Push keys, packs, chunks, streams (lists of chunk numbers) and files; nothing is believed before it is checked."""

    def check(holds, text):
        if not holds:
            raise damaged(f"the tree is malformed: {text}")

    check(data[:16] == b"cloister-tree@1\n" and len(data) >= 44, "its start")
    counts = struct.unpack(">7I", data[16:44])
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
        check(codec == 0, "a codec that this reader does not know")
        check(0 < plain <= 128 * KIB and stored == plain + 28, "the length of a chunk")
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

    def write(self, folder):
        """Writes all files."""
        for raw, kind, stream, offset, length, digest in self.files:
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


# -- the command ---------------------------------------------------------------------------------------------------------


def read_identity(file):
    try:
        with open(file, encoding="utf-8") as text:
            lines = [line.strip() for line in text if line.strip() and not line.startswith("#")]
    except (OSError, ValueError):
        raise Fault(2, f"{file} cannot be read") from None
    if len(lines) != 1 or not lines[0].startswith("AGE-SECRET-KEY-1"):
        raise Fault(2, f"{file} does not hold one age secret key")
    return lines[0]


def extract(store_folder, identity_file, reference, out, kms_command=None):
    domain, _, rest = reference.partition("/")
    name, _, version = rest.partition(":")
    if not all(NAME.match(part) for part in (domain, name, version or "latest")):
        raise Fault(2, f"{reference} is not DOMAIN/NAME[:vN|:LABEL]")
    if os.path.lexists(out):
        raise Fault(2, f"{out} exists already")
    store = Store(store_folder)
    head = re.fullmatch(rb'\{"cloister":"store@1","project":"([0-9a-f]{32})"\}', store.get("cloister", KIB) or b"")
    if not head:
        raise damaged(f"{store_folder} is no Cloister store of format 1")
    log = Log(store, head.group(1).decode())
    keys = Keys(store, log, read_identity(identity_file), kms_command)
    record, header = find_version(store, log, keys, domain, name, version or "latest")
    manifest = read_part(store, record, "manifest", keys.wrapped(record, record["versionId"], "metadata"))
    if sha256(manifest).hex() != header["manifest"]:
        raise damaged("the manifest is not the one that the header names")
    tree = parse_tree(read_tree(store, record, keys))
    content = Content(store, record, tree)
    content.check_against(header)
    staging = tempfile.mkdtemp(prefix=".cloister-reader-", dir=os.path.dirname(os.path.abspath(out)))
    try:
        content.write(staging)
        os.rename(staging, out)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    files = sum(1 for file in content.files if file[1] != 2)
    return {"dirHash": header["dirHash"], "files": files, "number": record["number"], "pin": log.policies[0].digest,
            "versionId": record["versionId"]}


def main(arguments):
    kms_command = None
    if arguments[:1] == ["--kms-decrypt"] and len(arguments) > 1:
        kms_command, arguments = arguments[1], arguments[2:]
    if len(arguments) != 4:
        print("usage: cloister_reader.py [--kms-decrypt CMD] STORE IDENTITY_FILE DOMAIN/NAME[:vN|:LABEL] OUT_DIR", file=sys.stderr)
        return 2
    try:
        print(canonical(extract(*arguments, kms_command)).decode())
        return 0
    except Fault as fault:
        print(f"cloister_reader: {fault}", file=sys.stderr)
        return fault.exit_code
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        # A member of the wrong type: only what is malformed gets this far.
        print(f"cloister_reader: something in the store is malformed: {error!r}", file=sys.stderr)
        return 6


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
