// From `[domain/]name[:version]` to a logged version, for somebody who cannot open it yet.
import { CloisterError } from "../../base/errors.ts";
import { parseReference } from "../../base/name.ts";
import { domainOf } from "../artifact/resolve.ts";
import { readRecord, referenceOf } from "../artifact/versions.ts";
import { labelIdOf, nameIdOf } from "../class-keys.ts";
import type { SplitVersion } from "../release/own-half.ts";
import type { Session } from "../session.ts";

/** A version by the log and its signed record alone, and what it is called. */
export interface Located extends SplitVersion {
  readonly reference: string;
}

/**
 * By the log alone `latest` is the highest number: whether the policy allowed its push, only readers of the header can tell.
 * @throws CloisterError NOT_FOUND, USAGE, POLICY_DENIED (no name key), INTEGRITY
 */
export async function locate(session: Session, text: string): Promise<Located> {
  const { domain: given, name, version } = parseReference(text);
  const domain = domainOf((await session.policy()).compiled.policy, given);
  const nameKey = await session.keys.requireNameKey(domain);
  const nameId = nameIdOf(nameKey, name);
  const versions = session.ledger.versionsOf(domain, nameId);
  const found =
    version.kind === "label"
      ? session.ledger.labelled(domain, nameId, labelIdOf(nameKey, name, version.label))
      : versions.findLast(({ number, versionId }) => {
          if (version.kind === "number") return number === version.number;
          return version.kind === "latest" || versionId === version.sha256;
        });
  if (!found) throw new CloisterError("NOT_FOUND", `there is no version ${text}`, { next: "cloister list" });
  const label = version.kind === "label" ? version.label : undefined;
  return { ...(await readRecord(session, found)), reference: referenceOf(domain, name, label, found.number) };
}
