"""Version records, and what of a version its seal holds."""
import re

from .objects import HEX64, KIB, MIB, NAME, Envelope, Fault, NoKey, canonical, damaged, parse_json, sha256
from .sealed import read_part

KINDS = ("dataset", "model", "code", "report")
HALF = re.compile(r"(half|glass)-[a-z0-9][a-z0-9._-]{0,127}\Z")


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
    if not envelope.is_by(log.key_of(logged["key"])):
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
