// The tree of a version, opened by the reader of these tests alone: to know where its chunks lie.
import { identityToRecipient } from "age-encryption";
import { hex, openAge, openPadded, payloadOf } from "../store-reader/sealed.ts";
import { readTree, type Tree } from "../store-reader/tree.ts";
import type { Objects } from "./tampered-store.ts";

export async function readingTree(objects: Objects, versionId: string, ageSecret: string): Promise<Tree> {
  const one = (test: (name: string) => boolean) => {
    const name = [...objects.keys()].find(test) ?? "";
    return objects.get(name) ?? Buffer.alloc(0);
  };
  const envelope = JSON.parse(one((name) => name.startsWith("versions/") && name.endsWith(versionId)).toString());
  const record = JSON.parse(payloadOf(envelope).toString());
  const { project, domain, class: klass, epoch, nameId, number, seal } = record;
  const device = hex(await identityToRecipient(ageSecret)).slice(0, 32);
  const place = `${domain}/${klass}`;
  const classKey = await openAge(
    ageSecret,
    one((name) => name === `keys/${place}/${String(epoch)}/${device}`),
  );
  const wrap = await openAge(
    classKey.toString().trim(),
    one((name) => name === `wraps/${place}/${versionId}/data`),
  );
  const key = Buffer.from(JSON.parse(wrap.toString()).key, "base64url");
  const from = 8 + seal.header.bytes + seal.manifest.bytes;
  const sealed = one((name) => name === `seals/${place}/${versionId}`).subarray(from, from + seal.tree.bytes);
  return readTree(openPadded(key, { class: klass, domain, epoch, nameId, number, object: "tree", project }, sealed));
}
