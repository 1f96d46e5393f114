"""From a reference to the version it means, and whether that one counts."""
import re

from .objects import Fault, NoKey, damaged, hmac256
from .pushes import NotAllowed, check_push, crossing_of
from .records import read_header, read_record


class Ignored(Fault):
    """Filed, undamaged, and not allowed."""


class Gone(Fault):
    """Its keys were destroyed, by a log entry that counts."""


class Names:
    """Ids of one artifact."""

    def __init__(self, name_key, name):
        self.key, self.name = name_key, name.encode()
        self.id = hmac256(name_key, b"name\0", self.name).hex()

    def label(self, word):
        return hmac256(self.key, b"label\0", self.name, b"\0", word.encode()).hex()

    def tag(self, word):
        return hmac256(self.key, b"tag\0", self.name, b"\0", word.encode()).hex()


class Versions:
    def __init__(self, store, log, keys, judge):
        self.store, self.log, self.keys, self.judge = store, log, keys, judge

    def find(self, domain, name, word):
        """Record and header of the version that is meant."""
        names = Names(self.keys.name_key(domain), name)
        numbers = self.log.numbers.get((domain, names.id), {})
        if word == "latest":
            found = self.newest(names, sorted(numbers.values(), key=lambda filed: -filed["number"]))
        elif numbered := re.fullmatch(r"v([1-9][0-9]{0,7})", word):
            found = numbers.get(int(numbered.group(1)))
            found = found and (*self.read(names, found), found)
        elif word in self.log.current.stages:
            found = self.in_stage(names, word, numbers.values())
        else:
            found = self.log.version(self.lead(domain, names, word))
            found = found and (*self.read(names, found), found)
        if not found:
            raise Fault(7, f"there is no version {domain}/{name}:{word}")
        return found

    def newest(self, names, filed):
        """The first of these that counts, is in use, and can be opened."""
        obstacle = None
        for each in filed:
            try:
                record, header = self.read(names, each)
            except (NoKey, Ignored, Gone) as passed_over:
                obstacle = obstacle or passed_over
                continue
            if not self.judge.fate(each["versionId"]).retired:
                return record, header, each
        if obstacle:
            raise obstacle
        return None

    def in_stage(self, names, stage, filed):
        """The version that came there last and is there now, of those that count, are in use, and can be opened."""
        came = []
        for each in filed:
            try:
                record, header = self.read(names, each)
            except (NoKey, Ignored, Gone):
                continue
            where, since = self.judge.standing(each["versionId"], self.log.current, header["kind"])
            if where == stage and not self.judge.fate(each["versionId"]).retired:
                came.append((since, record, header, each))
        return max(came, key=lambda row: row[0])[1:] if came else None

    def lead(self, domain, names, word):
        """Where a label or a tag leads, whichever the log had first: a version id."""
        label, tag = names.label(word), self.judge.tags_of(domain, names.id).get(names.tag(word))
        number = self.log.labels.get((domain, names.id), {}).get(label)
        labelled = self.log.numbers[domain, names.id][number] if number is not None else None
        if labelled and (tag is None or labelled["entry"] < tag[1]):
            return labelled["versionId"]
        return tag and tag[0]

    def read(self, names, filed, over=()):
        """A version that counts. Raises Gone, Ignored or NoKey, or that it is damaged."""
        number, version_id = filed["number"], filed["versionId"]
        if end := self.judge.fate(version_id).shredded:
            raise Gone(7, f"version {number} is no more: its keys were destroyed by {end['by']} (#{end['entry']})")
        record = read_record(self.store, self.log, filed)
        header = read_header(self.store, self.keys, record)
        label = header.get("label")
        named = header["name"].encode() == names.name
        if not named or filed["labelId"] != (None if label is None else names.label(label)):
            raise damaged(f"version {number} has another name or label than it is filed under")
        try:
            check_push(self.judge, record, header, filed)
            self.check_source(record, header, filed, over)
        except NotAllowed as refused:
            raise Ignored(6, f"version {number} does not count: {refused}") from None
        return record, header

    def check_source(self, record, header, filed, over):
        """What was brought over is what it was, as far as this reader can open that."""
        crossing = crossing_of(self.log, self.log.operation(filed)["intent"], record)
        if not crossing:
            return
        source = crossing["source"]
        if source["versionId"] in over:
            raise NotAllowed("it comes from itself")
        try:
            old = self.read_any(source, (*over, filed["versionId"]))
        except (NoKey, Gone):
            return
        except Fault as fault:
            raise NotAllowed(f"what it was does not count: {fault}") from None
        if (old["dirHash"], old["kind"]) != (header["dirHash"], header["kind"]):
            raise NotAllowed("it has other contents than what it was")

    def read_any(self, filed, over):
        """The header of a version whose name is not known."""
        name_key = self.keys.name_key(filed["data"]["domain"])
        record = read_record(self.store, self.log, filed)
        if self.judge.fate(filed["versionId"]).shredded:
            raise Gone(7, "its keys were destroyed")
        names = Names(name_key, read_header(self.store, self.keys, record)["name"])
        if names.id != filed["nameId"]:
            raise damaged("it has another name than it is filed under")
        return self.read(names, filed, over)[1]
