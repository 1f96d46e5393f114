"""The log: which commits and entries count, and what they put in force."""
import re
import time
from datetime import datetime

from .objects import HEX32, HEX64, KIB, MIB, Envelope, Fault, canonical, damaged, is_hex64, is_integer, milliseconds
from .objects import parse_json, sha256, unbase64
from .policy import Policy

COMMIT_MAX = 8 * MIB
# Members of a log entry's data that may be absent, and their form.
PLACE = r"[a-z0-9_][a-z0-9._-]{0,127}"
OPTIONAL_DATA = {"domain?": PLACE, "class?": PLACE, "versionId?": "[0-9a-f]{64}", "workspace?": "[0-9a-f]{32}",
                 "facts?": None, "sealed?": "[A-Za-z0-9+/]+={0,2}"}


class Log:
    """Reads every commit; afterwards knows the policies, the key epochs and the versions.

    What is empty is passed over; what the page calls an integrity failure is one.
    """

    def __init__(self, store, project):
        self.store, self.project, self.pin = store, project, None
        self.policies, self.epochs, self.phases, self.leaves, self.entries = [], {}, {}, [], []
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

    def policy(self, version):
        """One that came into force."""
        return self.policies[version - 1]

    def key_of(self, key_id):
        """The public key of a member, as the newest policy that has it says."""
        return next(policy.keys[key_id] for policy in reversed(self.policies) if key_id in policy.keys)

    def operation(self, entry):
        """All phases of the operation that an entry belongs to."""
        return self.phases[entry["key"], entry["operation"]]

    def version(self, version_id):
        """What the log filed under a version id; None where it filed nothing."""
        filed = (each for numbers in self.numbers.values() for each in numbers.values())
        return next((each for each in filed if each["versionId"] == version_id), None)

    def about(self, version_id, before=None):
        """Entries that name a version, in their order."""
        return [entry for entry in self.entries[:before] if entry["data"].get("versionId") == version_id]

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
        place = {"key": key_id, "member": self.current.members[key_id], "entry": len(self.leaves), "commit": commit_time}
        entry = {**entry, **place}
        done = entry["action"] if phase == "done" else None
        if done == "artifact.push" and not self.file_version(entry, before["intent"], undo):
            return False
        if done == "secret.write" and not self.change_secret(entry, before["intent"], undo):
            return False
        if done in ("policy.change", "member.add") and not self.put_in_force(entry, undo):
            return False
        before[phase] = entry
        self.leaves.append(sha256(b"\0" + entry["leaf"]))
        self.entries.append(entry)
        undo += [lambda: before.pop(phase), self.leaves.pop, self.entries.pop]
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
        decided = self.policy(intent["data"]["policy"])
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
        decided = self.policy(intent["data"]["policy"])
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
