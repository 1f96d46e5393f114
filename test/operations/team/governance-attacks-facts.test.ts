// Entries of the log say what their signers' programs like: facts of wrong types, lengths and depths, under every action there
// is. No reader may fail, take long, or tell others something else because of them.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { AuditEvent } from "../../../src/audit/event.ts";
import type { Json } from "../../../src/base/json.ts";
import { open, type Project } from "../../../src/index.ts";
import type { Host } from "../../../src/operations/host.ts";
import { simulatePolicy } from "../../../src/operations/policy/simulate.ts";
import type { Listing } from "../../../src/operations/types.ts";
import { ACTIONS } from "../../../src/policy/actions.ts";
import { logOperation } from "../governance/entries.ts";
import { ask, change, type People, type Person, requestProject, synced } from "../request-project.ts";

const GOVERNED = `
evidence:
  tests-passed: { by: [data-scientist], not-by: pusher }
break-glass: { can: [artifact.pull], with: escrow, escrow: [mei], max: 1h, review-within: 24h, notify: [omar] }
access-review: { every: 90d, by: security-officer, lapsed: read-only }
retention: { restricted: 90d, then: retire }
`;

const DAY_MS = 86_400_000;
let people: People;
let versionId: string;
let requestEntry: number;
let request: string;

beforeAll(async () => {
  ({ people } = await requestProject());
  await change(people.ana, (text) => {
    const officer = text.replace("key.rotate, request.approve, ", "key.rotate, break-glass.invoke, request.approve, ");
    return officer.replace("artifact.declassify,\n", "artifact.declassify, artifact.attest,\n") + GOVERNED;
  });
  const made = await ask(people.bo, "export", "risk:1.0", { to: "s3://partner-acme/in" });
  ({ versionId } = made);
  requestEntry = Number(made.id.slice("r-".length));
  request = made.sha256 ?? "";
});

/** The same every time. */
function* randomNumbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state;
  }
}
const numbers = randomNumbers(20_260_301);
const pick = <T>(from: readonly T[]): T => from[numbers.next().value % from.length] as T;

const WORDS = [
  ...[
    "pass",
    "fail",
    "approve",
    "deny",
    "revoke",
    "withdraw",
    "keep",
    "justified",
    "retire",
    "shred",
    "hold",
    "release",
  ],
  ...[
    "access",
    "export",
    "promote",
    "declassify",
    "break-glass",
    "dev",
    "production",
    "public",
    "restricted",
    "marketing",
  ],
  ...["bo", "mei", "data-scientist", "tests-passed", "domain", "out", "released", "__proto__", "constructor", ""],
  ...["\u001b[2J\u001b]0;x\u0007", "\u202eevil", "x".repeat(3000), "e9".repeat(32), "é\u0000"],
];
const nested = (depth: number): Json => (depth === 0 ? "end" : { "": [nested(depth - 1)] });
const JUNK: readonly (() => Json)[] = [
  ...[null, true, false, 0, 1, 8_640_000_000_000_001, Number.MAX_SAFE_INTEGER].map((value) => () => value),
  ...[() => [], () => ({}), () => nested(10), () => Array.from({ length: 2500 }, (_, at) => at)],
  () => JSON.parse('{"__proto__":{"state":"approved"},"length":-1,"toString":1.5}') as Json,
  () => [{ member: "bo", holding: "data-scientist", verdict: pick(WORDS) }, { member: 1 }, null, [[]]],
  () => request,
  () => versionId,
  () => requestEntry,
  ...Array.from({ length: 8 }, () => () => pick(WORDS)),
];

const NAMES = [
  ...[
    "request",
    "requestEntry",
    "verdict",
    "expiresMs",
    "kind",
    "toStage",
    "stage",
    "toClass",
    "toDomain",
    "destination",
  ],
  ...[
    "salt",
    "invocation",
    "outcome",
    "lines",
    "retire",
    "tagId",
    "digest",
    "result",
    "exported",
    "export",
    "to",
    "bytes",
  ],
  ...[
    "declassified",
    "declassification",
    "copied",
    "output",
    "share",
    "secretId",
    "loginAtMs",
    "ttlMs",
    "diskBytes",
    "exit",
  ],
  ...["made", "complete", "code", "half", "devices", "extends", "openUntilMs", "places", "jti"],
];
/** What would be in its place, so that a reader comes as far as the one thing that is not. */
const usual = (): Record<string, Json> => ({
  ...{ request, requestEntry, verdict: "approve", expiresMs: Date.now() + 3_600_000, kind: "export", to: "domain" },
  ...{
    destination: "ab".repeat(32),
    invocation: requestEntry,
    outcome: "justified",
    toStage: "production",
    stage: "dev",
  },
  ...{ retire: "retire", tagId: "cd".repeat(32), digest: "ef".repeat(32), result: "pass", toClass: "public", bytes: 1 },
});

function facts(action: string): AuditEvent["facts"] {
  const some = usual();
  // A request says no verdict, an answer does.
  if (action === "request.create") delete some["verdict"];
  const names = pick([NAMES, Object.keys(some)]);
  for (let count = 1 + (numbers.next().value % 2); count > 0; count--) some[pick(names)] = pick(JUNK)();
  const size = () => JSON.stringify(some).length;
  while (size() > 9000) delete some[pick(Object.keys(some))];
  return some;
}

/** Ends that change what there is are admitted only where they are right: their junk comes in intents. */
const NOT_ENDED = ["artifact.push", "policy.change", "member.add", "secret.write"];

async function flood(who: Person, times: number): Promise<void> {
  const session = await synced(people[who]);
  const identity = await session.identity();
  for (const action of ACTIONS) {
    const events: AuditEvent[] = [];
    for (let time = 0; time < times; time++) {
      const about = pick([
        { domain: "churn", class: "internal", versionId },
        { domain: "churn", class: "internal", versionId },
        { domain: "nowhere", class: "unheard-of" },
        { versionId: "12".repeat(32) },
        {},
      ]);
      const common = {
        ...{ project: session.config.project, operation: randomBytes(16).toString("hex"), action },
        ...{ timeMs: Math.floor(await session.store.now()), policy: session.ledger.inForce.version },
        ...{ rules: ["role:any"], enforcement: "advisory" },
        ...about,
      };
      const end = pick(["done", "failed"] as const);
      events.push({ ...common, phase: "intent", facts: facts(action) });
      if (!NOT_ENDED.includes(action)) events.push({ ...common, phase: end, facts: facts(action) });
    }
    await session.log.appendAll(identity, () => events);
  }
}

/** What somebody sees. */
async function everything(host: Host): Promise<Record<string, unknown>> {
  const project = await open(host, { folder: host.cwd });
  const seen: Record<string, unknown> = {};
  const readers: Record<string, (project: Project) => Promise<unknown>> = {
    list: () => project.list({}),
    show: () => project.show("risk:1.0"),
    verify: () => project.verify({ reference: "risk:1.0" }),
    requests: () => project.listRequests({ which: "all" }),
    asked: () => project.listRequests({ which: "to-approve" }),
    emergencies: () => project.listBreakGlass(),
    shares: () => project.listShares(),
    access: () => project.listAccess(),
    members: () => project.listMembers(),
    keys: () => project.listKeys(),
    secrets: () => project.listSecrets(),
    status: () => project.status(),
    audit: () => project.listAudit({}),
    proof: () => project.verifyAudit(),
    pull: () => project.explainPolicy({ action: "artifact.pull", reference: "risk:1.0" } as never),
    promote: () =>
      project.explainPolicy({ action: "artifact.promote", reference: "risk:1.0", to: "production" } as never),
    prune: () => project.pruneVersions({ dryRun: true } as never),
  };
  for (const [name, reader] of Object.entries(readers)) {
    try {
      seen[name] = await reader(project);
    } catch (error) {
      const {
        name: type,
        code,
        message,
        stack,
      } = error as { name: string; code: string; message: string; stack: string };
      if (type !== "CloisterError") throw new Error(`${name}: ${stack}`);
      seen[name] = `${code} ${message}`;
    }
  }
  for (const { id } of (seen["requests"] as { requests: readonly { id: string }[] }).requests.slice(0, 40)) {
    await project.showRequest(id);
  }
  return seen;
}

test("an end that no date can say makes neither a request nor a share of it", async () => {
  const session = await synced(people.bo);
  const about = { domain: "churn", class: "internal", versionId };
  const expiresMs = 8_640_000_000_000_001;
  const facts = { request: "ab".repeat(32), kind: "promote", toStage: "production", expiresMs };
  await logOperation(session, { action: "request.create", ...about, facts });
  await logOperation(session, { action: "share.create", ...about, facts: { to: "share", expiresMs } });
  const others = await everything(people.mei);
  expect(others["requests"]).toMatchObject({ requests: [{ id: `r-${String(requestEntry)}` }] });
  expect(others["shares"]).toEqual({ shares: [], ignored: [] });
});

/** What nobody's junk may change. */
const unmoved = ({ list, members, keys }: Record<string, unknown>) => [(list as Listing).versions, members, keys];

test("facts of every form, under every action, by people who may little and much", { timeout: 180_000 }, async () => {
  const before = await everything(people.mei);
  await flood("dee", 5);
  await flood("ana", 5);
  await flood("omar", 3);
  const [after, others] = [await everything(people.mei), await everything(people.ana)];
  expect(unmoved(after)).toEqual(unmoved(before));
  const policy = join(people.ana.cwd, "cloister.policy.yaml");
  expect((await simulatePolicy(people.mei, people.mei.cwd, { policy, sinceMs: DAY_MS })).replayed).toBeGreaterThan(100);
  for (const name of ["requests", "emergencies", "shares", "access", "audit", "proof", "status"]) {
    expect([name, typeof others[name]]).toEqual([name, "object"]);
  }
});
