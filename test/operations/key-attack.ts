// An attack on released keys: somebody with every file of the store, some devices' keys, and all that follows from them.
import { createHmac } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openBlob } from "../../src/content/blob.ts";
import { decryptWith } from "../../src/keys/age.ts";
import type { Identity } from "../../src/keys/identity.ts";
import { contextOfVersion, readVersion, sealName } from "../../src/operations/artifact/version-record.ts";

/** Whether any key that these devices come by, or any two of their secrets together, open the version's content. */
export async function openedBy(store: string, versionId: string, devices: readonly Identity[]): Promise<boolean> {
  const { secrets, seeds } = await loot(
    store,
    versionId,
    devices.map(({ ageSecret }) => ageSecret),
  );
  const nothing = Buffer.alloc(32);
  const masks = [nothing, ...masksOf(store, seeds, devices)];
  const opens = opener(store, versionId);
  const all = [nothing, ...secrets];
  return all.some((a) => all.some((b) => masks.some((mask) => opens(xor(xor(a, b), mask)))));
}

/** Everything about the version that opens with these keys, and with the keys that come out. */
async function loot(store: string, versionId: string, keys: readonly string[]) {
  const secrets = new Set<string>();
  const seeds = new Set<string>();
  const known = new Set(keys);
  const toDevices = [...filesIn(join(store, "keys")), ...filesIn(join(store, "releases"))];
  const wraps = filesIn(join(store, "wraps")).filter((file) => file.includes(versionId));
  // A set that grows while it is gone through: keys lead to keys.
  for (const key of known) {
    for (const file of keys.includes(key) ? [...toDevices, ...wraps] : wraps) {
      const plain = await decryptWith(key, readFileSync(file), file).catch(() => undefined);
      if (!plain) continue;
      const text = Buffer.from(plain).toString();
      if (text.startsWith("AGE-SECRET-KEY-1")) known.add(text.trim());
      else for (const [name, value] of secretsIn(text)) (name === "seed" ? seeds : secrets).add(value);
    }
  }
  const bytes = (texts: Set<string>) => [...texts].map((text) => Buffer.from(text, "base64url"));
  return { secrets: bytes(secrets), seeds: bytes(seeds) };
}

function secretsIn(text: string): readonly (readonly [string, string])[] {
  const members = Object.entries(JSON.parse(text) as Record<string, unknown>);
  return members.flatMap(([name, value]) => (/^[A-Za-z0-9_-]{43}$/.test(String(value)) ? [[name, String(value)]] : []));
}

/** docs/store-format.md: what a released half is hidden under, for every request and device that is known. */
function masksOf(store: string, seeds: readonly Buffer[], devices: readonly Identity[]): readonly Buffer[] {
  const requests = namesIn(join(store, "releases"));
  return seeds.flatMap((seed) =>
    requests.flatMap((request) =>
      devices.map(({ reads }) => {
        const message = ["cloister released half v1\0", Buffer.from(request, "hex"), reads] as const;
        return message.reduce((hmac, part) => hmac.update(part), createHmac("sha256", seed)).digest();
      }),
    ),
  );
}

function opener(store: string, versionId: string): (key: Buffer) => boolean {
  const name = filesIn(join(store, "versions")).find((file) => file.endsWith(versionId)) ?? "";
  const { record } = readVersion(readFileSync(name));
  const { header, manifest, tree } = record.seal;
  const seal = readFileSync(join(store, sealName(record, versionId)));
  const from = "CLSEAL1\n".length + header.bytes + manifest.bytes;
  const sealed = seal.subarray(from, from + tree.bytes);
  return (key) => {
    try {
      return openBlob(key, { object: "tree", ...contextOfVersion(record) }, sealed, "tree").length > 0;
    } catch {
      return false;
    }
  };
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, at) => byte ^ (b[at] ?? 0)));
}

function filesIn(folder: string): string[] {
  return namesIn(folder, true).map((name) => join(folder, name));
}

function namesIn(folder: string, recursive = false): readonly string[] {
  try {
    const entries = readdirSync(folder, { recursive, withFileTypes: true });
    if (!recursive) return entries.map(({ name }) => name);
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  } catch {
    return [];
  }
}
