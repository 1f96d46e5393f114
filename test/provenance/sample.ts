// A manifest with every part filled in, and the key that signs in these tests.
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { folderDigests } from "../../src/base/folder-digests.ts";
import { artifactUri, type ManifestContent, type ManifestFile } from "../../src/provenance/manifest.ts";

const PROJECT = "0123456789abcdef0123456789abcdef";
const hex = (text: string) => createHash("sha256").update(text).digest("hex");

export function file(path: string, content = path): ManifestFile {
  return { path, bytes: Buffer.byteLength(content), sha256: hex(content) };
}

export function manifest(files: readonly ManifestFile[] = [file("model.json"), file("README.md")]): ManifestContent {
  const input = { projectId: PROJECT, domain: "churn", name: "customers", number: 3 };
  return {
    project: { id: PROJECT, name: "retention" },
    domain: "churn",
    name: "churn-model",
    number: 2,
    label: "1.2",
    kind: "model",
    class: "confidential",
    files,
    ...folderDigests(files),
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    declared: {
      owner: "team-risk",
      licence: "LicenseRef-Internal",
      purpose: "churn-model",
      justification: "RISK-4312",
    },
    workspace: { id: "ws-1", name: "train" },
    inputs: [
      {
        name: "customers",
        uri: artifactUri(input),
        digest: hex("dir"),
        versionId: hex("version"),
        class: "confidential",
        kind: "dataset",
        licence: "CC-BY-4.0",
        manifestDigest: hex("manifest"),
      },
    ],
    runs: [
      {
        id: "run-1",
        argv: ["node", "train.mjs", "--epochs", "3"],
        cwd: "/workspace",
        seeds: { PYTHONHASHSEED: 7, CLOISTER_SEED: "7" },
        startedOn: "2026-01-02T03:04:05.678Z",
        finishedOn: "2026-01-02T03:04:07Z",
        exitCode: 137,
        part: "wrote",
        details: {
          stoppedBy: { limit: "memory", value: 4_000_000_000 },
          signal: "SIGKILL",
          outputs: {
            files: [
              { path: "out/model.json", bytes: 10, sha256: hex("model.json") },
              { path: "out/unreadable", bytes: 3, sha256: undefined },
            ],
            ...{ count: 4, deleted: ["out/old"], deletedCount: 2, elsewhere: 1, known: true },
          },
          locks: [{ path: "requirements.txt", bytes: 20, sha256: hex("lock") }],
          software: "interpreter /usr/bin/python3 Python 3.11.2\npython /usr/lib/python3/dist-packages numpy==1.24.2\n",
          limits: { diskBytes: 1_000_000_000, cpus: 1.5, notHeld: "cpus", network: "none" },
          code: { commit: "a".repeat(40), patchSha256: hex("patch") },
          reads: {
            inputs: { customers: 3 },
            ...{ workspace: ["train.mjs"], workspaceCount: 1, elsewhere: 1 },
            ...{ undeclared: ["/home/user/.cache/weights"], undeclaredCount: 1 },
          },
        },
        network: {
          allowed: ["data.example:443"],
          decisions: [
            { host: "data.example", port: 443, allowed: true, why: undefined, count: 2, sent: 700, received: 90_000 },
            { host: "other.example", port: 80, allowed: false, why: "not on the list", count: 1, sent: 0, received: 0 },
          ],
        },
      },
    ],
    origins: {
      ...{ brought: ["README.md"], broughtCount: 1, changedSince: [], changedSinceCount: 0 },
      unfinished: [{ id: "run-2", argv: ["sh"], startedOn: "2026-01-02T03:04:06Z" }],
    },
    git: {
      commit: "a".repeat(40),
      branch: "main",
      remote: "https://git.example/risk/churn.git",
      dirty: true,
      patchSha256: hex("patch"),
      patch: Buffer.from("patch").toString("base64"),
      untracked: 2,
      untrackedFiles: ["a", "b"],
    },
    environment: { os: "Debian GNU/Linux 12", cores: 8 },
    policy: { version: 4, digest: hex("policy"), intent: 17 },
    operationId: "f".repeat(32),
    builder: { version: "0.1.0", node: "20.20.2" },
    pushedAt: "2026-01-02T03:05:00.000Z",
  };
}

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** A P-256 key pair that signs with low S, as members' keys do, or with high S where asked. */
export function signer(spelling: "low" | "high" = "low") {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    pem: pair.publicKey.export({ type: "spki", format: "pem" }).toString(),
    async sign(message: Uint8Array): Promise<Uint8Array> {
      const raw = sign("sha256", message, { key: pair.privateKey, dsaEncoding: "ieee-p1363" });
      const s = BigInt(`0x${raw.subarray(32).toString("hex")}`);
      const isLow = s <= ORDER / 2n;
      return der(raw.subarray(0, 32), isLow === (spelling === "low") ? s : ORDER - s);
    },
  };
}

function der(r: Uint8Array, s: bigint): Uint8Array {
  const integers = [r, Buffer.from(s.toString(16).padStart(64, "0"), "hex")].map((value) => {
    const start = value.findIndex((byte) => byte !== 0);
    const bytes = Buffer.from(value.subarray(start));
    const positive = (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
    return Buffer.concat([Buffer.of(2, positive.length), positive]);
  });
  const body = Buffer.concat(integers);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}
