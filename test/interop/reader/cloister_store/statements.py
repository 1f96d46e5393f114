"""What is signed about a version: its manifest, and what members stated later; and the words of tags."""
from .objects import KIB, MIB, Fault, canonical, damaged, hmac256, parse_json, sha256, unbase64, verify
from .sealed import open_blob, unpad

DOCUMENT_MAX = 4 * MIB
STATEMENT_MAX = 6 * MIB
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
IN_TOTO = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
EVIDENCE = "https://cloister.dev/evidence/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"


def signed_statement(data, what, key_id, key):
    """The in-toto statement in a sigstore bundle, signed by this key: its bytes, and what they say."""
    bundle = parse_json(data, what, "dsseEnvelope mediaType verificationMaterial")
    envelope = parse_json(canonical(bundle["dsseEnvelope"]), what, "payload payloadType signatures")
    material = parse_json(canonical(bundle["verificationMaterial"]), what, "publicKey timestampVerificationData")
    [signature] = envelope["signatures"]
    payload, kind = unbase64(envelope["payload"], what), IN_TOTO.encode()
    empty = (material["timestampVerificationData"], signature["keyid"]) == ({}, "")
    if bundle["mediaType"] != BUNDLE or envelope["payloadType"] != IN_TOTO or not empty:
        raise damaged(f"{what} is no bundle of a statement")
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    if material["publicKey"] != {"hint": key_id} or not verify(key, unbase64(signature["sig"], what), signed):
        raise damaged(f"{what} is not signed by the key that logged it")
    said = parse_json(payload, what, "_type predicate predicateType subject")
    if said["_type"] != STATEMENT:
        raise damaged(f"{what} holds no in-toto statement")
    return payload, said


def uri_of(record, header):
    return f"cloister://{record['project']}/{record['domain']}/{header['name']}@v{record['number']}"


def check_manifest(data, record, header, done, key):
    """The manifest is the pusher's, and about this version; gives the digests that its subject has."""
    what = f"the manifest of version {record['number']}"
    if sha256(data).hex() != header["manifest"]:
        raise damaged("the manifest is not the one that the header names")
    _, said = signed_statement(data, what, done["key"], key)
    subject, run = said["subject"][0], said["predicate"]["runDetails"]["metadata"]
    fits = (
        said["predicateType"] == PROVENANCE and subject["name"] == uri_of(record, header)
        and subject["digest"]["dirHash"] == header["dirHash"] and run["invocationId"] == record["operation"]
    )
    if not fits:
        raise damaged(f"{what} is about something else")
    return subject["digest"]


def read_statement(store, record, header, digests, metadata_key, stated, key):
    """Opens a statement that the log has, and holds it to log and version: its predicate."""
    name = f"statements/{record['domain']}/{record['class']}/{record['versionId']}/{stated['digest']}"
    context = {"class": record["class"], "domain": record["domain"], "object": "statement", "project": record["project"],
               "statement": stated["digest"], "version": record["versionId"]}
    plain = unpad(open_blob(metadata_key, context, store.need(name, STATEMENT_MAX), name), name)
    end = 4 + int.from_bytes(plain[:4], "big")
    document = plain[end:]
    payload, said = signed_statement(plain[4:end], name, stated["key"], key)
    predicate = said["predicate"]
    expected = {
        "by": stated["by"], "kind": stated["kind"], "operationId": stated["operation"], "projectId": record["project"],
        "result": stated["result"], "versionId": record["versionId"],
        "document": {"name": predicate["document"]["name"], "bytes": len(document), "sha256": sha256(document).hex()},
        "statedAt": predicate["statedAt"],
    }
    subject = [{"digest": digests, "name": uri_of(record, header)}]
    if sha256(payload).hex() != stated["digest"] or not 1 <= len(document) <= DOCUMENT_MAX:
        raise damaged(f"{name} holds another statement")
    if (said["predicateType"], said["subject"], predicate) != (EVIDENCE, subject, expected):
        raise damaged(f"{name} says something else than the log or the version")
    return predicate


def tag_words(store, project, domain, names, tag_ids):
    """The words of tags, as far as they are there: a tag works without."""
    key = hmac256(hmac256(bytes(32), names.key), b"cloister tag names v1", b"\1")
    for tag_id in tag_ids:
        name = f"tags/{domain}/{names.id}/{tag_id}"
        context = {"domain": domain, "nameId": names.id, "object": "tag", "project": project, "tagId": tag_id}
        try:
            sealed = store.need(name, 64 * KIB)
            word = unpad(open_blob(key, context, sealed, name), name).decode()
        except (Fault, ValueError):
            continue
        if names.tag(word) == tag_id:
            yield word
