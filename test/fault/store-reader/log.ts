// The log of a store, walked by the rules of docs/store-format.md: here nothing may be empty, skipped or doubled, because no
// test of faults writes junk. What an honest program left behind after any fault is a log in which every commit counts.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import {
  COMMIT_TYPE,
  canonical,
  type Envelope,
  EVENT_TYPE,
  hex,
  isSigned,
  payloadOf,
  sha256,
  signingKey,
  treeRoot,
} from "./sealed.ts";

export interface Entry {
  readonly entry: number;
  readonly keyId: string;
  readonly operation: string;
  readonly phase: string;
  readonly action: string;
  readonly policy: number;
  readonly domain: string;
  readonly class: string;
  readonly versionId: string;
  readonly facts: Readonly<Record<string, string | number | boolean>>;
}

interface CommitPayload {
  readonly checkpoint: { readonly root: string; readonly size: number };
  readonly entries: readonly Envelope[];
  readonly previous: string;
  readonly project: string;
  readonly seq: number;
  readonly size: number;
  readonly time: number;
}

export type Keys = ReturnType<typeof memberKeys>;

/** The signing keys of everybody who is or was a member, by key id. */
export function memberKeys(store: string, problems: string[]) {
  const folder = join(store, "policy");
  const signs = (existsSync(folder) ? readdirSync(folder) : []).flatMap((name) => {
    const text = payloadOf(JSON.parse(readFileSync(join(folder, name), "utf8"))).toString();
    if (!name.endsWith(hex(text))) problems.push(`I1 policy/${name} is another policy`);
    const { members } = parse(text) as { members: Record<string, { signs: string; devices?: { signs: string }[] }> };
    return Object.values(members).flatMap((member) => [member.signs, ...(member.devices ?? []).map((d) => d.signs)]);
  });
  return new Map(signs.map((text) => signingKey(text)).map(({ id, key }) => [id, key]));
}

/** All entries, in order; what is wrong with the log is added to the problems. */
export function readLog(store: string, project: string, keys: Keys, problems: string[]): readonly Entry[] {
  const folder = join(store, "log/commit");
  const names = (existsSync(folder) ? readdirSync(folder) : []).sort();
  const entries: Entry[] = [];
  const leaves: Buffer[] = [];
  let previous = "0".repeat(64);
  let time = 0;
  for (const [seq, name] of names.entries()) {
    const wrong = (what: string) => problems.push(`I5 log/commit/${name}: ${what}`);
    if (name !== String(seq).padStart(16, "0")) wrong(`the log has a gap at ${String(seq)}`);
    const bytes = readFileSync(join(folder, name));
    const envelope = parseEnvelope(bytes);
    if (!envelope) {
      wrong("it is torn");
      continue;
    }
    if (!isSigned(envelope, COMMIT_TYPE, keys)) {
      // It may not even be JSON.
      wrong("no member signed it");
      continue;
    }
    const commit = JSON.parse(payloadOf(envelope).toString()) as CommitPayload;
    if (commit.project !== project || commit.seq !== seq) wrong("it belongs elsewhere");
    if (commit.previous !== previous) wrong("it follows another commit");
    if (commit.size !== leaves.length) wrong("it counts other entries than there are");
    if (commit.time < time) wrong("it is dated before the one before it");
    for (const entry of commit.entries) {
      if (!isSigned(entry, EVENT_TYPE, keys)) wrong("no member signed an entry");
      entries.push(readEntry(entry, entries.length));
      leaves.push(sha256(Buffer.concat([Buffer.of(0), Buffer.from(canonical(entry))])));
    }
    if (commit.checkpoint.size !== leaves.length || commit.checkpoint.root !== treeRoot(leaves).toString("hex")) {
      wrong("its root is not that of the tree");
    }
    previous = hex(bytes);
    time = commit.time;
  }
  checkPhases(entries, problems);
  return entries;
}

export function parseEnvelope(bytes: Buffer): Envelope | undefined {
  try {
    return JSON.parse(bytes.toString("utf8")) as Envelope;
  } catch {
    return undefined;
  }
}

function readEntry(envelope: Envelope, entry: number): Entry {
  const event = JSON.parse(payloadOf(envelope).toString());
  const [operation = "", phase = ""] = String(event.id).split("/");
  const { policy, domain = "", class: klass = "", versionId = "", facts = {} } = event.data;
  const action = String(event.type).slice("dev.cloister.".length, -phase.length - 1);
  const keyId = envelope.signatures[0]?.keyid ?? "";
  return { entry, keyId, operation, phase, action, policy, domain, class: klass, versionId, facts };
}

/** Each phase of an operation once, nothing after its end, and no end without an intent. */
function checkPhases(entries: readonly Entry[], problems: string[]): void {
  const open = new Map<string, Set<string>>();
  for (const { entry, keyId, operation, phase, action } of entries) {
    const id = `${keyId} ${operation}`;
    const phases = open.get(id) ?? new Set();
    open.set(id, phases);
    const ended = phases.has("done") || phases.has("failed") || phases.has("refused");
    const begun = phase === "intent" || phase === "refused" || phases.has("intent");
    if (ended || phases.has(phase) || !begun)
      problems.push(`I7 log entry ${String(entry)}: ${action} ${phase} out of turn`);
    phases.add(phase);
  }
}
