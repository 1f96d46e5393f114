"""Keys: of classes and names, of versions, under KMS, and released in halves."""
import os
import re
import subprocess

from .objects import HEX64, KIB, Envelope, Fault, NoKey, damaged, hmac256, parse_json, sha256, unbase64
from .sealed import version_context

KMS_KEY = re.compile(r"arn:aws[a-z-]{0,20}:kms:[a-z0-9-]{1,40}:[0-9]{12}:key/[A-Za-z0-9-]{1,64}\Z")


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
