"""Policy versions: who is in them, what their roles reach, and what else they ask."""
import re
from datetime import datetime, timedelta

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .objects import Envelope, damaged, milliseconds, sha256, unbase64, verify

# What an action includes besides itself.
IMPLIED = {"artifact.pull": "artifact.read-metadata", "workspace.mount": "artifact.read-metadata",
           "artifact.push": "artifact.tag"}
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "y": 365 * 86_400}


class Policy:
    """A policy version. Every scalar of the YAML is taken as the text that stands there."""

    def __init__(self, store, version, digest):
        what = f"policy version {version}"
        self.envelope = self.envelope_of(store, version, digest)
        self.version, self.digest, self.keys, self.owners = version, digest, {}, set()
        try:
            self.text = yaml.load(self.envelope.payload.decode("utf-8"), Loader=yaml.BaseLoader)
        except (yaml.YAMLError, ValueError, RecursionError):
            raise damaged(f"{what} is no YAML") from None
        self.project, self.previous = self.text["id"], self.text.get("previous", "").removeprefix("sha256:")
        if self.text["version"] != str(version):
            raise damaged(f"{what} calls itself another version")
        self.end = milliseconds(datetime.strptime(self.text["expires"], "%Y-%m-%d") + timedelta(days=1))
        self.classes, self.roles = self.text["classifications"], self.text["roles"]
        self.threshold = int(self.text["owners"]["threshold"])
        # Key id -> member, without the suspended.
        self.members, self.people = {}, {}
        for member, entry in self.text["members"].items():
            if "suspended" not in entry:
                self.people[member] = entry
                self.take_keys(member, entry, what)

    def take_keys(self, member, entry, what):
        # The first device is the member's own entry; further ones stand under `devices:`. All are the same person's.
        for device in [entry, *entry.get("devices", [])]:
            point = unbase64(device["signs"].removeprefix("p256:"), what, url=True)
            key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
            pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            key_id = sha256(pem).hex()
            self.keys[key_id], self.members[key_id] = key, member
            if member in self.text["owners"]["members"]:
                self.owners.add(key_id)

    @staticmethod
    def envelope_of(store, version, digest):
        what = f"policy version {version}"
        envelope = Envelope(store.need(f"policy/{version:08d}-{digest}", 2_000_000), "policy.v1+yaml", what)
        if sha256(envelope.payload).hex() != digest:
            raise damaged(f"{what} is not what its name says")
        return envelope

    def has_enough(self, signed, signatures):
        """Whether as many of these owners signed as this version asks for: people, not keys."""
        by = lambda key_id: any(verify(self.keys[key_id], signature, signed) for signature in signatures)
        return len({self.members[key_id] for key_id in self.owners if by(key_id)}) >= self.threshold

    def rank(self, klass):
        """Place of a class; one that is not known is above all."""
        return self.classes.index(klass) if klass in self.classes else len(self.classes)

    def roles_for(self, member, action, domain, klass, stage=None):
        """Roles in which a member may do this there, rules aside."""
        found = []
        for holding in self.people.get(member, {}).get("roles", []):
            name, _, place = holding.partition("@")
            role = self.roles.get(name, {})
            can = role.get("can", [])
            able = action in can or any(IMPLIED.get(each) == action for each in can)
            reaches = klass in self.classes and role.get("up-to") in self.classes[self.classes.index(klass) :]
            in_stage = stage is None or "stages" not in role or stage in role["stages"]
            if able and place in ("", domain) and reaches and in_stage:
                found.append(name)
        return found

    def may(self, member, action, domain, klass):
        return self.roles_for(member, action, domain, klass) != []

    def is_service(self, member):
        return self.people.get(member, {}).get("service") == "true"

    @property
    def gates(self):
        """From stage, to stage, what it needs."""
        return [(*re.split(r"\s*->\s*", way.strip()), needs or {}) for way, needs in self.text.get("gates", {}).items()]

    @property
    def stages(self):
        """In their order: the gates are one line."""
        steps = {start: end for start, end, _ in self.gates}
        line = [start for start in steps if start not in steps.values()][:1]
        while line and line[-1] in steps:
            line.append(steps[line[-1]])
        return line

    def section(self, name):
        return self.text.get(name) or {}


def milliseconds_in(text):
    """Of a duration such as 30d or 15m."""
    found = re.fullmatch(r"([1-9][0-9]{0,8})([smhdy])", text)
    if not found:
        raise damaged(f"{text!r} is no duration")
    return int(found.group(1)) * UNITS[found.group(2)] * 1000
