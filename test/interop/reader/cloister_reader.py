#!/usr/bin/env python3
"""Reads one artifact version out of a Cloister store without Cloister.

    cloister_reader.py [--kms-decrypt CMD] [--include GLOB]… STORE IDENTITY_FILE DOMAIN/NAME[:WORD] OUT_DIR
    cloister_reader.py [--kms-decrypt CMD] --show STORE IDENTITY_FILE DOMAIN/NAME[:WORD]

Written from docs/store-format.md alone (and docs/policy.md for what a policy says), to show that the pages suffice. STORE is a
folder, IDENTITY_FILE holds the age secret key of a member's device, OUT_DIR must not exist. WORD is vN, latest, a stage, a label
or a tag. --include takes files whose path fits, and reads nothing else of the content. --show tells what a version is, where it
came from, its stage and tags, and checks its manifest and everything stated about it. Needs python3-cryptography, python3-yaml,
the age tools (age, age-keygen), and python3-zstandard for chunks that are compressed.

Classes under AWS KMS need CMD, a program that decrypts with KMS: it gets the key's ARN and the encryption context
(name=value,…) as arguments, the ciphertext on standard input, and writes the plain text to standard output. It ends with 6
where KMS says that this is no ciphertext of that key in that context. `kms-decrypt.mjs` beside this file is one.

It checks the whole log, every signature and every digest on the way, and judges what was logged about versions as
`cloister_store/judge.py` says. It does not compare the pin (it prints it for a person to compare).

Exit codes: 0 done, 2 usage, 6 something in the store is damaged, forged or was not allowed, 7 there is no such version (any more).
"""
import argparse
import os
import re
import shutil
import sys
import tempfile
from fnmatch import fnmatchcase

from cloister_store.content import Content
from cloister_store.judge import Judge
from cloister_store.keys import Keys
from cloister_store.log import Log
from cloister_store.objects import KIB, NAME, Fault, Store, canonical, damaged
from cloister_store.pushes import crossing_of
from cloister_store.records import read_tree
from cloister_store.sealed import read_part
from cloister_store.statements import check_manifest, read_statement, tag_words
from cloister_store.tree import parse_tree
from cloister_store.versions import Names, Versions


def read_identity(file):
    try:
        with open(file, encoding="utf-8") as text:
            lines = [line.strip() for line in text if line.strip() and not line.startswith("#")]
    except (OSError, ValueError):
        raise Fault(2, f"{file} cannot be read") from None
    if len(lines) != 1 or not lines[0].startswith("AGE-SECRET-KEY-1"):
        raise Fault(2, f"{file} does not hold one age secret key")
    return lines[0]


class Reading:
    """A version that counts, opened as far as its manifest."""

    def __init__(self, store_folder, identity_file, reference, kms_command):
        domain, _, rest = reference.partition("/")
        name, _, word = rest.partition(":")
        if not all(NAME.match(part) for part in (domain, name, word or "latest")):
            raise Fault(2, f"{reference} is not DOMAIN/NAME[:WORD]")
        self.store = Store(store_folder)
        head = self.store.get("cloister", KIB) or b""
        found = re.fullmatch(rb'\{"cloister":"store@1","project":"([0-9a-f]{32})"\}', head)
        if not found:
            raise damaged(f"{store_folder} is no Cloister store of format 1")
        self.log = Log(self.store, found.group(1).decode())
        self.judge = Judge(self.log)
        self.keys = Keys(self.store, self.log, read_identity(identity_file), kms_command)
        versions = Versions(self.store, self.log, self.keys, self.judge)
        self.record, self.header, self.filed = versions.find(domain, name, word or "latest")
        self.metadata_key = self.keys.wrapped(self.record, self.record["versionId"], "metadata")
        manifest = read_part(self.store, self.record, "manifest", self.metadata_key)
        self.digests = check_manifest(manifest, self.record, self.header, self.filed, self.log.key_of(self.filed["key"]))

    def extract(self, out, include):
        content = Content(self.store, self.record, parse_tree(read_tree(self.store, self.record, self.keys)))
        content.check_against(self.header)
        wanted = lambda path: not include or any(fnmatchcase(path, glob) for glob in include)
        if not any(wanted(file[0].decode()) for file in content.files):
            raise Fault(7, "no file of it fits what is to be included")
        staging = tempfile.mkdtemp(prefix=".cloister-reader-", dir=os.path.dirname(os.path.abspath(out)))
        try:
            content.write(staging, wanted)
            os.rename(staging, out)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        files = sum(1 for file in content.files if file[1] != 2 and wanted(file[0].decode()))
        return {"dirHash": self.header["dirHash"], "files": files, "number": self.record["number"],
                "pin": self.log.policies[0].digest, "versionId": self.record["versionId"]}

    def show(self):
        record, header, judge = self.record, self.header, self.judge
        version_id, domain = record["versionId"], record["domain"]
        crossing = crossing_of(self.log, self.log.operation(self.filed)["intent"], record)
        fate = judge.fate(version_id)
        leads = judge.tags_of(domain, record["nameId"])
        names = Names(self.keys.name_key(domain), header["name"])
        here = [tag_id for tag_id, (to, _) in leads.items() if to == version_id]
        return {
            "class": record["class"], "dirHash": header["dirHash"], "held": fate.held, "kind": header["kind"],
            "from": crossing["source"]["versionId"] if crossing else None, "label": header.get("label"),
            "number": record["number"], "pushedBy": self.filed["member"], "retired": fate.retired,
            "stage": judge.stage_of(version_id, self.log.current, header["kind"]),
            "statements": [self.statement(stated) for stated in judge.statements(version_id, header["kind"])],
            "tags": sorted(tag_words(self.store, self.log.project, domain, names, here)), "versionId": version_id,
        }

    def statement(self, stated):
        key = self.log.key_of(stated["key"])
        said = read_statement(self.store, self.record, self.header, self.digests, self.metadata_key, stated, key)
        return {name: said[name] for name in ("by", "document", "kind", "result")}


def usage():
    parser = argparse.ArgumentParser(prog="cloister_reader.py", description="Reads a version out of a Cloister store.")
    parser.add_argument("--kms-decrypt", metavar="CMD", help="program that decrypts with AWS KMS")
    parser.add_argument("--include", metavar="GLOB", action="append", default=[], help="only files whose path fits")
    parser.add_argument("--show", action="store_true", help="tell what a version is instead of extracting it")
    parser.add_argument("places", nargs="+", metavar="STORE IDENTITY_FILE DOMAIN/NAME[:WORD] [OUT_DIR]")
    return parser


def main(arguments):
    parser = usage()
    given = parser.parse_args(arguments)
    if len(given.places) != (3 if given.show else 4):
        parser.error("STORE IDENTITY_FILE DOMAIN/NAME[:WORD], and OUT_DIR without --show")
    out = None if given.show else given.places[3]
    try:
        if out is not None and os.path.lexists(out):
            raise Fault(2, f"{out} exists already")
        reading = Reading(*given.places[:3], given.kms_decrypt)
        print(canonical(reading.show() if given.show else reading.extract(out, given.include)).decode())
        return 0
    except Fault as fault:
        print(f"cloister_reader: {fault}", file=sys.stderr)
        return fault.exit_code
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        # A member of the wrong type: only what is malformed gets this far.
        print(f"cloister_reader: something in the store is malformed: {error!r}", file=sys.stderr)
        return 6


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
