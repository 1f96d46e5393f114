// Listing and showing secrets: their names and dates, never a value.
import { byUtf8 } from "../../base/digest.ts";
import { CloisterError } from "../../base/errors.ts";
import { covers } from "../../policy/entitlements.ts";
import type { Policy } from "../../policy/schema.ts";
import { permit } from "../guard.ts";
import type { Session } from "../session.ts";
import type { Ignored, SecretListing, SecretSummary } from "../types.ts";
import { dueOf } from "./due.ts";
import { currentOf, type JudgedSecret, placeOfSecret, type Secret, type SecretPlace } from "./secrets.ts";

/** Secrets that this member may read or write; what does not count is named with the reason. */
export async function listSecrets(session: Session): Promise<SecretListing> {
  await session.sync();
  const { id: me } = await session.me();
  const { policy } = (await session.policy()).compiled;
  const secrets: SecretSummary[] = [];
  const hidden = new Map<string, number>();
  const ignored: Ignored[] = [];
  for (const { id: domain } of policy.domains) {
    const nameKey = await session.keys.nameKey(domain);
    for (const secretId of nameKey ? session.ledger.secrets.idsIn(domain) : []) {
      if (!nameKey) continue;
      const found = await currentOf(session, { domain, secretId, nameKey });
      ignored.push(...found.ignored);
      const { judged } = found;
      if (judged.kind === "damaged") ignored.push(judged.ignored);
      if (judged.kind !== "accepted" && judged.kind !== "hidden") continue;
      const logged = judged.kind === "accepted" ? judged.secret.logged : judged.logged;
      if (judged.kind === "accepted" && visible(policy, me, logged)) {
        secrets.push(await summaryOf(session, policy, judged.secret));
      } else {
        const where = `${domain}/${logged.class}`;
        hidden.set(where, (hidden.get(where) ?? 0) + 1);
      }
    }
  }
  secrets.sort((a, b) => byUtf8(a.reference, b.reference));
  return { secrets, hidden: [...hidden].map(([where, count]) => ({ where, count })), ignored };
}

/** Whose role reaches it sees that it is there; what a use of it needs besides is for that use to say. */
function visible(policy: Policy, member: string, place: { readonly domain: string; readonly class: string }): boolean {
  return covers(policy, member, "secret.read", place) || covers(policy, member, "secret.write", place);
}

/** What there is to say about one secret. @throws CloisterError NOT_FOUND, INTEGRITY, POLICY_DENIED */
export async function showSecret(session: Session, name: string, domain?: string): Promise<SecretSummary> {
  await session.sync();
  const secret = await requireSecret(session, await placeOfSecret(session, name, domain));
  const { policy } = (await session.policy()).compiled;
  const { domain: at, class: klass } = secret.record;
  if (!visible(policy, (await session.me()).id, { domain: at, class: klass })) {
    const reference = `${at}/${secret.metadata.name}`;
    const about = { title: `look at secret ${reference}`, action: "secret.read", domain: at, class: klass } as const;
    await permit(session, { ...about, sealed: { secret: reference } });
  }
  return summaryOf(session, policy, secret);
}

/** The current value of a secret. @throws CloisterError NOT_FOUND, INTEGRITY, POLICY_DENIED (logged), NOT_AUTHENTICATED */
export async function requireSecret(session: Session, place: SecretPlace): Promise<Secret> {
  const { judged, ignored } = await currentOf(session, place);
  for (const { what, why } of ignored) session.host.notice(`ignored: ${what}: ${why}`);
  if (judged.kind === "accepted") return judged.secret;
  const reference = `${place.domain}/${place.name}`;
  if (judged.kind === "hidden") return withoutKey(session, judged, reference);
  if (judged.kind === "damaged") {
    throw new CloisterError("INTEGRITY", `secret ${reference} cannot be trusted`, {
      why: `${judged.ignored.what}: ${judged.ignored.why}`,
      next: `ask for it to be set again: cloister secret rotate ${reference}`,
    });
  }
  const removed = judged.kind === "removed" ? judged.logged.done : undefined;
  throw new CloisterError("NOT_FOUND", `there is no secret ${reference}`, {
    why: removed && `${removed.member} removed it (log #${String(removed.entry)})`,
    next: "cloister secret list",
  });
}

/** The policy says why, on record, before mathematics would. */
async function withoutKey(
  session: Session,
  { logged }: Extract<JudgedSecret, { kind: "hidden" }>,
  reference: string,
): Promise<never> {
  const { domain, class: klass } = logged;
  const about = { title: `read secret ${reference}`, action: "secret.read", domain, class: klass } as const;
  await permit(session, { ...about, sealed: { secret: reference } });
  throw new CloisterError("NOT_AUTHENTICATED", `you were not given the key of class ${klass} in domain ${domain}`, {
    why: "the policy entitles you to it, and nobody has wrapped it for this device yet",
    next: "ask somebody who reads it to run: cloister key hand-on",
  });
}

export async function summaryOf(
  session: Session,
  policy: Policy,
  { logged, metadata }: Pick<Secret, "logged" | "metadata">,
): Promise<SecretSummary> {
  const now = await session.clock();
  const { domain, class: klass, number, rotateMs, done } = logged;
  const { atMs, overdueWhy } = dueOf(policy, logged, now);
  return {
    reference: `${domain}/${metadata.name}`,
    ...{ domain, name: metadata.name, class: klass, number, env: metadata.env, note: metadata.note, rotateMs },
    setBy: done.member,
    setAt: new Date(done.timeMs).toISOString(),
    ageMs: Math.max(0, Math.floor(now - done.timeMs)),
    dueAt: atMs === undefined ? undefined : new Date(atMs).toISOString(),
    overdue: overdueWhy !== undefined,
    overdueWhy,
    logEntry: done.entry,
  };
}
