// Reading the log as people see it, and checking the whole of it again from the first entry.
import { Log } from "../../audit/log.ts";
import type { LoggedEvent, TakenCommit } from "../../audit/taken.ts";
import { CloisterError, explained, isIntegrity } from "../../base/errors.ts";
import { perform } from "../guard.ts";
import { Ledger } from "../ledger.ts";
import { LogMemory } from "../log-memory.ts";
import { PolicyShelf } from "../policy-shelf.ts";
import { auditSecrets, unseal } from "../sealed-part.ts";
import type { Session } from "../session.ts";
import type { AuditListOptions, AuditRow, AuditVerified, Check } from "../types.ts";

/** The log, newest last, with the sealed parts this member can open. @throws CloisterError POLICY_DENIED (logged) */
export async function listAudit(session: Session, options: AuditListOptions): Promise<readonly AuditRow[]> {
  await session.sync();
  const { action, member, last, refusedOnly } = options;
  const ask = { title: "read the audit log", action: "audit.read" as const, sealed: {} };
  const { result } = await perform(session, ask, async () => ({ result: [...session.ledger.events] }));
  const wanted = result.filter(
    ({ event, member: who }) =>
      (action === undefined || event.action === action) &&
      (member === undefined || who === member) &&
      (!refusedOnly || event.phase === "refused"),
  );
  const secrets = await auditSecrets(session);
  const rows: AuditRow[] = [];
  for (const logged of last === undefined ? wanted : wanted.slice(-last))
    rows.push(await row(session, logged, secrets));
  return rows;
}

async function row(session: Session, logged: LoggedEvent, secrets: readonly string[]): Promise<AuditRow> {
  const { entry, timeMs, member, keyId, event } = logged;
  const open = event.phase === "intent" && isOpen(session.ledger, keyId, event.operation);
  return {
    entry,
    time: new Date(timeMs).toISOString(),
    member,
    action: event.action,
    phase: open ? "open" : event.phase,
    domain: event.domain,
    class: event.class,
    operation: event.operation,
    versionId: event.versionId,
    rules: event.rules,
    policyVersion: event.policy,
    facts: event.facts,
    details: await unseal(event.sealed, secrets),
  };
}

/**
 * Reads the whole log again and checks every signature, the order, the tree, every policy version that took force, and
 * that all this device saw before is still there. Needs no entitlement: the clear part proves itself.
 */
export async function verifyAudit(session: Session): Promise<AuditVerified> {
  const { store, config, places, host } = session;
  // Nothing that this process holds already: every policy is read and checked again, too.
  const shelf = new PolicyShelf(store, places.cache, host.now);
  const ledger = new Ledger(config.project, config.pin, shelf);
  const seen = new Map<number, TakenCommit>();
  const log = new Log(store, config.project, ledger, (commit) => seen.set(commit.seq, commit));
  const checks: Check[] = [];
  // Before the log: what another command remembers here while this one reads would look as if it were gone.
  const remembered = new LogMemory(places.state, config.project, config.pin).load();
  await remembered.catch(() => undefined);
  await look(checks, "entries", async () => {
    await log.sync();
    return `${String(log.size)} entries in ${String(seen.size)} commits: every signature, the order and the tree hold`;
  });
  await look(checks, "memory", async () => compare(await remembered, seen));
  // What was verified is remembered, as after every command: a later rollback must be noticed.
  if (checks.every(({ state }) => state === "good")) await session.sync();
  await look(checks, "policies", async () => {
    for (const { version } of ledger.policies) await ledger.policy(version);
    const count = ledger.policies.length;
    return `${count === 1 ? "1 policy version" : `${String(count)} policy versions`} took force, signed by owners`;
  });
  const junk = log.commits - seen.size;
  if (junk > 0)
    checks.push({
      name: "junk",
      state: "unknown",
      text: `${junk === 1 ? "1 object in the log counts" : `${String(junk)} objects in the log count`} as empty: not a commit of a member`,
    });
  await look(checks, "operations", async () => unfinished(ledger));
  const ok = checks.every(({ state }) => state !== "bad");
  return { entries: log.size, commits: seen.size, root: log.root, ok, checks };
}

async function look(checks: Check[], name: string, check: () => Promise<string>): Promise<void> {
  try {
    checks.push({ name, state: "good", text: await check() });
  } catch (error) {
    if (!isIntegrity(error)) throw error;
    checks.push({ name, state: "bad", text: explained(error) });
  }
}

/** Nothing this device verified earlier may have changed or gone. */
async function compare(remembered: readonly TakenCommit[], seen: ReadonlyMap<number, TakenCommit>): Promise<string> {
  for (const { seq, digest, size } of remembered) {
    const now = seen.get(seq);
    if (now?.digest === digest) continue;
    const entry = `entry #${String(size - 1)} (commit ${String(seq)})`;
    throw new CloisterError("INTEGRITY", now ? `${entry} was changed` : `${entry} is gone or damaged`, {
      why: "this device verified it earlier",
    });
  }
  const count = remembered.at(-1)?.size ?? 0;
  return `all ${String(count)} entries that this device saw before are unchanged`;
}

function isOpen(ledger: Ledger, keyId: string, id: string): boolean {
  const operation = ledger.operation(keyId, id);
  return !operation?.done && !operation?.failed;
}

async function unfinished(ledger: Ledger): Promise<string> {
  const open = ledger.events.filter(
    ({ event, keyId }) => event.phase === "intent" && isOpen(ledger, keyId, event.operation),
  );
  if (open.length === 0) return "every intent has its outcome";
  const numbers = open.slice(-5).map(({ entry }) => `#${String(entry)}`);
  const newest = open.length > numbers.length ? "the newest: " : "";
  const count = open.length === 1 ? "1 intent has" : `${String(open.length)} intents have`;
  return `${count} no outcome yet (interrupted, or under way): ${newest}${numbers.join(", ")}`;
}
