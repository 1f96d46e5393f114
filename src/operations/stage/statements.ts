// The statements about a version, each with what lies behind it in the store.
import { CloisterError, explained, integrity, isIntegrity } from "../../base/errors.ts";
import type { Evidence } from "../../provenance/evidence.ts";
import { permitReading, resolve } from "../artifact/resolve.ts";
import type { Version } from "../artifact/versions.ts";
import { eachOf } from "../each-of.ts";
import { type Stated, standing, statementsAbout } from "../governance/evidence.ts";
import type { Session } from "../session.ts";
import type { Ignored, StatementSummary } from "../types.ts";
import { openStatement, STATEMENT_BYTES_MAX, statementName } from "./statement-object.ts";

const AT_ONCE = 8;

/** What was stated about a version, oldest first, with what was logged as a statement and does not count. */
export async function statementsOf(
  session: Session,
  version: Version,
): Promise<{ readonly statements: readonly StatementSummary[]; readonly ignored: readonly Ignored[] }> {
  const { kind } = version.header;
  const { stated, ignored } = await statementsAbout(session, version.versionId, { kind });
  const stands = new Set(standing(stated));
  const summaries = new Map<Stated, StatementSummary>();
  await eachOf(stated, AT_ONCE, async (each) => {
    summaries.set(each, await summaryOf(session, version, each, stands.has(each)));
  });
  return { statements: stated.flatMap((each) => summaries.get(each) ?? []), ignored };
}

async function summaryOf(
  session: Session,
  version: Version,
  stated: Stated,
  stands: boolean,
): Promise<StatementSummary> {
  const { kind, result, by, digest, done } = stated;
  const common = { kind, result, by, digest, stands, logEntry: done.entry, at: new Date(done.timeMs).toISOString() };
  try {
    const { evidence } = await read(session, version, stated);
    return { ...common, document: evidence.document, problem: undefined };
  } catch (error) {
    if (!isIntegrity(error)) throw error;
    return { ...common, document: undefined, problem: explained(error) };
  }
}

/**
 * The document behind a statement.
 * @param digest of the statement, or the first eight of its digits or more
 * @throws CloisterError NOT_FOUND, INTEGRITY, POLICY_DENIED
 */
export async function documentOf(session: Session, reference: string, digest: string): Promise<Buffer> {
  await session.sync();
  const version = await resolve(session, reference, { action: "artifact.read-metadata" });
  await permitReading(session, version);
  const { stated } = await statementsAbout(session, version.versionId, { kind: version.header.kind });
  const found = /^[0-9a-f]{8,64}$/.test(digest) ? stated.find((each) => each.digest.startsWith(digest)) : undefined;
  if (found) return (await read(session, version, found)).document;
  throw new CloisterError("NOT_FOUND", `${reference} has no statement ${digest}`, {
    next: `cloister show ${reference}`,
  });
}

/** The statement that the log names. @throws CloisterError INTEGRITY */
async function read(session: Session, version: Version, stated: Stated) {
  const { digest, done } = stated;
  const sealed = await session.store.get(statementName(version, digest), STATEMENT_BYTES_MAX);
  if (!sealed) throw integrity("it is missing from the store", { why: `log entry #${String(done.entry)} names it` });
  const signer = await session.ledger.signerOf(done.keyId);
  if (!signer) throw integrity("it is signed by no member");
  const opened = openStatement(version, digest, sealed, signer.signs);
  checkEvidence(opened.evidence, version, stated);
  return opened;
}

/** Its signer may have signed something else than they logged. */
function checkEvidence(evidence: Evidence, { record, versionId, header }: Version, stated: Stated): void {
  const said: Readonly<Record<string, readonly [unknown, unknown]>> = {
    project: [evidence.projectId, record.project],
    version: [evidence.versionId, versionId],
    domain: [evidence.domain, record.domain],
    name: [evidence.name, header.name],
    number: [evidence.number, record.number],
    digest: [evidence.dirHash, header.dirHash],
    kind: [evidence.kind, stated.kind],
    result: [evidence.result, stated.result],
    member: [evidence.by, stated.by],
    operation: [evidence.operationId, stated.done.event.operation],
  };
  for (const [what, [one, other]] of Object.entries(said)) {
    if (one !== other) throw integrity(`it contradicts the log or the version: ${what}`);
  }
}
