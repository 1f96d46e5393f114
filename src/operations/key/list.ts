// Which keys the project has, since when, where they are kept, and which of them open for this member.
import { explained, isIntegrity } from "../../base/errors.ts";
import type { ClassEpoch } from "../../keys/class-key.ts";
import { KmsRefused } from "../../keys/kms.ts";
import { AUDIT_PLACE, NAMES_CLASS } from "../class-keys.ts";
import type { Session } from "../session.ts";
import type { KeySummary } from "../types.ts";

/** Every key that ever took force, by place and epoch. Each under KMS is tried there. @throws CloisterError UNAVAILABLE */
export async function listKeys(session: Session): Promise<readonly KeySummary[]> {
  await session.sync();
  await session.me();
  const keys = [...session.ledger.epochs.keys()].map(partsOf).sort(byPlace);
  const since = timesOf(session);
  const records = await Promise.all(
    keys.map(async (key) => ({ key, record: await session.keys.record(key, key.epoch).catch(damage) })),
  );
  const summaries: KeySummary[] = [];
  for (const { key, record } of records) {
    const epochs = session.keys.epochsOf(key);
    // Names and labels stay with the first epoch for ever, everything else goes under the newest.
    const inUse = key.class === NAMES_CLASS ? epochs[0] : epochs.at(-1);
    summaries.push({
      ...key,
      inUse: inUse === key.epoch,
      ...(since.get(`${key.domain}/${key.class}/${String(key.epoch)}`) ?? { since: "", logEntry: 0 }),
      kms: typeof record === "string" ? undefined : record.kms,
      ...(typeof record === "string" ? { held: false, why: record } : await holding(session, record)),
    });
  }
  return summaries;
}

async function holding(session: Session, record: ClassEpoch): Promise<{ held: boolean; why: string | undefined }> {
  try {
    const held = (await session.keys.secret(record, record.epoch)) !== undefined;
    return { held, why: held ? undefined : "not given to you" };
  } catch (error) {
    if (!(error instanceof KmsRefused)) return { held: false, why: damage(error) };
    return { held: false, why: error.message };
  }
}

function damage(error: unknown): string {
  if (isIntegrity(error)) return explained(error);
  throw error;
}

/** When the policy version that made each key took force. */
function timesOf(session: Session): ReadonlyMap<string, { readonly since: string; readonly logEntry: number }> {
  const times = new Map<string, { since: string; logEntry: number }>();
  for (const { event, timeMs, entry } of session.ledger.events) {
    if (event.phase !== "done") continue;
    for (const key of Object.keys(event.facts?.["epochs"] ?? {})) {
      if (!times.has(key)) times.set(key, { since: new Date(timeMs).toISOString(), logEntry: entry });
    }
  }
  return times;
}

interface Place {
  readonly domain: string;
  readonly class: string;
  readonly epoch: number;
}

function partsOf(key: string): Place {
  const [domain = "", klass = "", epoch = ""] = key.split("/");
  return { domain, class: klass, epoch: Number(epoch) };
}

/** The project's own key first, then by name. */
function byPlace(a: Place, b: Place): number {
  const order = ({ domain, class: klass }: Place) => `${domain === AUDIT_PLACE.domain ? "" : domain}/${klass}`;
  return order(a) < order(b) ? -1 : order(a) > order(b) ? 1 : a.epoch - b.epoch;
}
