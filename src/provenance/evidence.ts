// A signed statement about an artifact version: that it was reviewed, tested, or approved, with which outcome.
import { integrity } from "../base/errors.ts";
import type { Json } from "../base/json.ts";
import { Fields, ID, SHA256 } from "../base/record.ts";
import { artifactUri, STATEMENT_TYPE } from "./manifest.ts";
import { TIME } from "./statement-parts.ts";

/** The predicate of these statements; described in docs/provenance.md. A change of meaning takes a new number. */
const EVIDENCE_TYPE = "https://cloister.dev/evidence/v1";

export type EvidenceResult = "pass" | "fail";

/** What one statement says. */
export interface Evidence {
  readonly projectId: string;
  readonly domain: string;
  readonly name: string;
  readonly number: number;
  readonly versionId: string;
  /** `dirHash` and `omsRoot` of the version's content. */
  readonly dirHash: string;
  readonly omsRoot: string;
  /** A kind that the policy declares, such as `bias-review`. */
  readonly kind: string;
  readonly result: EvidenceResult;
  /** The report behind it, stored with it. */
  readonly document: { readonly name: string; readonly bytes: number; readonly sha256: string };
  /** Member id. */
  readonly by: string;
  /** Id of the operation, the same as in its log entries. */
  readonly operationId: string;
  /** RFC 3339 in UTC. */
  readonly statedAt: string;
}

/** The in-toto statement to sign. */
export function evidenceStatement(evidence: Evidence): Json {
  const { dirHash, omsRoot, projectId, versionId, kind, result, document, by, operationId, statedAt } = evidence;
  return {
    _type: STATEMENT_TYPE,
    subject: [{ name: artifactUri(evidence), digest: { sha256: omsRoot, dirHash } }],
    predicateType: EVIDENCE_TYPE,
    predicate: { projectId, versionId, kind, result, document: { ...document }, by, operationId, statedAt },
  };
}

/** {@link evidenceStatement} read back. @throws CloisterError INTEGRITY where it is of another shape */
export function readEvidence(statement: Json): Evidence {
  const top = new Fields(statement, WHAT);
  // Before anything else: the same keys sign manifests, which say other things.
  if (top.string("_type") !== STATEMENT_TYPE || top.string("predicateType") !== EVIDENCE_TYPE) {
    throw integrity(`malformed ${WHAT}`, { why: "it states something else than evidence" });
  }
  const [first, ...others] = top.list("subject");
  if (others.length > 0) throw integrity(`malformed ${WHAT}`, { why: "it is about more than one artifact" });
  const subject = new Fields(first, WHAT);
  const predicate = top.fields("predicate");
  top.end();
  const evidence = { ...readSubject(subject), ...readPredicate(predicate) };
  if (artifactUri(evidence) !== evidence.uri) throw integrity(`malformed ${WHAT}`, { why: "its projects differ" });
  const { uri: _uri, ...read } = evidence;
  return read;
}

const WHAT = "statement";
const NAMED = /^[a-z0-9][a-z0-9._-]{0,127}$/;
const URI = /^cloister:\/\/[0-9a-f]{32}\/([a-z0-9][a-z0-9._-]{0,127})\/([a-z0-9][a-z0-9._-]{0,127})@v([1-9]\d{0,7})$/;

function readSubject(subject: Fields) {
  const uri = subject.string("name", URI);
  const [, domain = "", name = "", number = ""] = URI.exec(uri) ?? [];
  const digest = subject.fields("digest");
  const digests = { omsRoot: digest.string("sha256", SHA256), dirHash: digest.string("dirHash", SHA256) };
  digest.end();
  subject.end();
  return { uri, domain, name, number: Number(number), ...digests };
}

function readPredicate(predicate: Fields) {
  const document = predicate.fields("document");
  const result = predicate.string("result", /^(pass|fail)$/) as EvidenceResult;
  const read = {
    projectId: predicate.string("projectId", ID),
    versionId: predicate.string("versionId", SHA256),
    kind: predicate.string("kind", NAMED),
    result,
    document: {
      name: document.string("name", /^[^/]{1,255}$/),
      bytes: document.integer("bytes"),
      sha256: document.string("sha256", SHA256),
    },
    by: predicate.string("by", NAMED),
    operationId: predicate.string("operationId", ID),
    statedAt: predicate.string("statedAt", TIME),
  };
  document.end();
  predicate.end();
  return read;
}
