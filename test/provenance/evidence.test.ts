// Statements about a version, written and read back.
import { describe, expect, it } from "vitest";
import { canonicalBytes, type Json, parseCanonical } from "../../src/base/json.ts";
import { type Evidence, evidenceStatement, readEvidence } from "../../src/provenance/evidence.ts";
import { buildStatement } from "../../src/provenance/statement.ts";
import { readStatement } from "../../src/provenance/statement-reader.ts";
import { manifest } from "./sample.ts";

const evidence: Evidence = {
  ...{ projectId: "0c".repeat(16), domain: "churn", name: "risk", number: 3, versionId: "ab".repeat(32) },
  ...{ dirHash: "cd".repeat(32), omsRoot: "ef".repeat(32), kind: "bias-review", result: "pass", by: "priya" },
  document: { name: "review.pdf", bytes: 12, sha256: "12".repeat(32) },
  ...{ operationId: "34".repeat(16), statedAt: "2026-01-02T03:04:05.000Z" },
};

type Parts = { readonly [name: string]: Json } & { readonly predicate: { readonly [name: string]: Json } };

/** The statement with other members: in the predicate, or at the top. */
function changed(
  predicate: Readonly<Record<string, Json | undefined>>,
  top: Readonly<Record<string, Json>> = {},
): Json {
  const statement = evidenceStatement(evidence) as Parts;
  const members = Object.entries({ ...statement.predicate, ...predicate }).filter(([, value]) => value !== undefined);
  return { ...statement, ...top, predicate: Object.fromEntries(members) as Json };
}

const subject = (evidenceStatement(evidence) as { subject: Json[] }).subject[0] ?? null;

describe("a statement", () => {
  it("reads back as it was written", () => {
    const bytes = canonicalBytes(evidenceStatement(evidence));
    expect(readEvidence(parseCanonical(bytes, "statement", bytes.length))).toEqual(evidence);
  });

  it("is never taken for a manifest, nor a manifest for one", () => {
    expect(() => readEvidence(buildStatement(manifest()))).toThrow("malformed statement");
    expect(() => readStatement(evidenceStatement(evidence))).toThrow("malformed manifest");
  });

  it.each<[string, Json]>([
    ["another result", changed({ result: "maybe" })],
    ["an unknown member", changed({ note: "x" })],
    ["no kind", changed({ kind: undefined })],
    ["a second subject", changed({}, { subject: [subject, subject] })],
    ["no subject", changed({}, { subject: [] })],
    ["a document with a path for a name", changed({ document: { name: "a/b", bytes: 1, sha256: "12".repeat(32) } })],
    ["a subject of another project", changed({ projectId: "99".repeat(16) })],
    ["a member with a control character", changed({ by: "pri\u001bya" })],
  ])("with %s is refused", (_, statement) => {
    expect(() => readEvidence(statement)).toThrow(/malformed/);
  });
});
