// The version that a reference means, as far as it may be known by whoever asks for an explanation.
import { CloisterError } from "../../base/errors.ts";
import { type Action, scopeOf } from "../../policy/actions.ts";
import { accepted, find } from "../artifact/resolve.ts";
import { referenceTo } from "../artifact/versions.ts";
import type { Session } from "../session.ts";
import type { ExplainedAbout } from "../types.ts";

/**
 * What the log says of the version, and its kind where this device holds the key of its class.
 * @throws CloisterError USAGE, NOT_FOUND, INTEGRITY, POLICY_DENIED (no key of the domain's names)
 */
export async function aboutOf(session: Session, action: Action, reference: string): Promise<ExplainedAbout> {
  const aboutOne = scopeOf(action) === "artifact" || action === "artifact.read-metadata";
  if (!aboutOne || action === "artifact.push" || action.startsWith("secret.")) {
    throw new CloisterError("USAGE", `${action} is not about a version`, { next: `leave ${reference} out` });
  }
  const judged = await find(session, reference);
  const version = judged.kind === "hidden" ? undefined : accepted(judged, reference);
  const { record } = judged.kind === "hidden" ? judged : accepted(judged, reference);
  const logged = session.ledger.versionsOf(record.domain, record.nameId)[record.number - 1];
  if (!logged) throw new CloisterError("NOT_FOUND", `there is no version ${reference}`);
  return {
    reference: version ? referenceTo(version) : reference,
    ...{ domain: record.domain, class: record.class, kind: version?.header.kind, stage: undefined },
    ...{ versionId: logged.versionId, pushedBy: logged.done.member, logEntry: logged.done.entry },
  };
}
