// What a member was given to read, from the log: what suspending them can no longer take back.
import type { LoggedEvent } from "../../audit/taken.ts";
import { CloisterError } from "../../base/errors.ts";
import { versionNamed } from "../artifact/named.ts";
import { referenceTo } from "../artifact/versions.ts";
import type { Session } from "../session.ts";
import type { Released } from "../types.ts";

/** Actions that put the content of a version into somebody's hands. */
const RELEASING = ["artifact.pull", "workspace.mount", "artifact.export", "share.create"];

/** Versions, oldest first, each once; an act that was interrupted counts, as nobody knows how far it came. */
export async function releasedTo(session: Session, member: string): Promise<Released> {
  const { ledger } = session;
  const acts = RELEASING.flatMap((action) => ledger.index.of(action))
    .filter((logged) => logged.member === member && logged.event.phase === "intent")
    .filter(({ keyId, event }) => ledger.operation(keyId, event.operation)?.failed === undefined)
    .sort((a, b) => a.entry - b.entry);
  const byVersion = new Map<string, LoggedEvent[]>();
  for (const act of acts) {
    const { versionId } = act.event;
    if (versionId !== undefined) byVersion.set(versionId, [...(byVersion.get(versionId) ?? []), act]);
  }
  const versions: Released["versions"][number][] = [];
  for (const [versionId, [first, ...more]] of byVersion) {
    const last = more.at(-1) ?? first;
    if (!first || !last) continue;
    versions.push({
      ...{ versionId, domain: first.event.domain, class: first.event.class, times: 1 + more.length },
      action: last.event.action,
      last: new Date(last.timeMs).toISOString(),
      reference: await nameOf(session, versionId),
    });
  }
  const secrets = ledger.index.of("secret.read").filter((logged) => logged.member === member);
  const ids = secrets.filter(({ event }) => event.phase === "done").map(({ event }) => event.facts?.["secretId"]);
  return { versions, secrets: new Set(ids.filter((id) => typeof id === "string")).size };
}

/** Undefined where the one who asks cannot read it. */
async function nameOf(session: Session, versionId: string): Promise<string | undefined> {
  try {
    const version = await versionNamed(session, versionId);
    return version && referenceTo(version);
  } catch (error) {
    if (error instanceof CloisterError) return undefined;
    throw error;
  }
}
