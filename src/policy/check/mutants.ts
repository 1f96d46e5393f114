// The policy with one thing taken out, for each thing in it: what somebody could remove by mistake without a test noticing.
import { withImplied } from "../actions.ts";
import type { Policy, Role, WorkspaceLimits } from "../schema.ts";
import { fewerApprovals, swapped } from "./fewer.ts";
import { ruleMutants } from "./rule-mutants.ts";

export interface Mutant {
  /** What was taken out, by its path in the file: `rules.export-needs-two.require.approvals: security-officer`. */
  readonly what: string;
  readonly line: number;
  /** Only answers about these can change; undefined for all. */
  readonly actions: readonly string[] | undefined;
  /** Only answers that one of these rules decided can change; undefined for all. */
  readonly rules: readonly string[] | undefined;
  readonly policy: Policy;
}

/** All of them, in the order of the file. What is built in cannot be taken out. */
export function mutantsOf(policy: Policy): readonly Mutant[] {
  const all = [
    ...memberMutants(policy),
    ...policy.roles.flatMap((role) => roleMutants(policy, role)),
    ...alwaysMutants(policy),
    ...separationMutants(policy),
    ...policy.rules.flatMap((rule) => ruleMutants(policy, rule)),
    ...evidenceMutants(policy),
    ...gateMutants(policy),
    ...endingMutants(policy),
  ];
  return all.sort((a, b) => a.line - b.line);
}

/** Nobody is suspended any more, no purpose ends. */
function memberMutants(policy: Policy): readonly Mutant[] {
  const ends = policy.purposes.flatMap((purpose): Mutant[] => {
    if (!purpose.until) return [];
    const purposes = swapped(policy.purposes, purpose, { ...purpose, until: undefined });
    const what = `purposes.${purpose.id}.until`;
    const rules = [`purpose:${purpose.id}`];
    return [{ what, line: purpose.until.line, actions: undefined, rules, policy: { ...policy, purposes } }];
  });
  const suspended = policy.members.flatMap((member): Mutant[] => {
    if (member.suspended === undefined) return [];
    const members = swapped(policy.members, member, { ...member, suspended: undefined });
    const what = `members.${member.id}.suspended`;
    return [{ what, line: member.line, actions: undefined, rules: undefined, policy: { ...policy, members } }];
  });
  return [...ends, ...suspended];
}

function roleMutants(policy: Policy, role: Role): readonly Mutant[] {
  const path = `roles.${role.id}`;
  const mutant = (what: string, actions: readonly string[], changed: Partial<Role>): Mutant => ({
    ...{ what: `${path}.${what}`, line: role.line, actions, rules: [`role:${role.id}`] },
    policy: { ...policy, roles: swapped(policy.roles, role, { ...role, ...changed }) },
  });
  const all = withImplied(role.can);
  const can = role.can.flatMap((action) => {
    const rest = role.can.filter((each) => each !== action);
    const gone = all.filter((each) => !withImplied(rest).includes(each));
    return gone.length === 0 ? [] : [mutant(`can: ${action}`, gone, { can: rest })];
  });
  const highest = policy.classifications.at(-1) ?? role.upTo;
  const ceiling = role.upTo === highest ? [] : [mutant("up-to", all, { upTo: highest })];
  // A role that names every one of them leaves none out.
  const meant = role.purposes !== undefined && policy.purposes.some(({ id }) => !role.purposes?.includes(id));
  const purposes = meant ? [mutant("purposes", all, { purposes: undefined })] : [];
  const bounded = role.stages !== undefined && policy.stages.some((stage) => !role.stages?.includes(stage));
  const stages = bounded ? [mutant("stages", all, { stages: undefined })] : [];
  const ttl =
    role.credentialTtlMs === undefined
      ? []
      : [mutant("credentials.ttl", ["creds.issue"], { credentialTtlMs: undefined })];
  return [
    ...can,
    ...ceiling,
    ...purposes,
    ...stages,
    ...limitMutants(role, mutant),
    ...ttl,
    ...quotaMutants(role, mutant),
  ];
}

type MakeMutant = (what: string, actions: readonly string[], changed: Partial<Role>) => Mutant;

/** Limits by their key in the file. */
const LIMITS = {
  ...{ ttl: "ttlMs", "max-open": "openMax", disk: "diskBytes", cpus: "cpus", memory: "memoryBytes" },
  ...{ processes: "processes", "open-files": "openFiles", "run-time": "runMs", drivers: "drivers" },
} as const satisfies Record<string, keyof WorkspaceLimits>;

function limitMutants(role: Role, mutant: MakeMutant): readonly Mutant[] {
  return Object.entries(LIMITS).flatMap(([key, name]) => {
    if (role.workspace[name] === undefined) return [];
    return [mutant(`workspace.${key}`, ["workspace.create"], { workspace: { ...role.workspace, [name]: undefined } })];
  });
}

function quotaMutants({ quota }: Role, mutant: MakeMutant): readonly Mutant[] {
  const pulls =
    quota.pullBytesPerDay === undefined
      ? []
      : [mutant("quota.pull-bytes-per-day", ["artifact.pull"], { quota: { ...quota, pullBytesPerDay: undefined } })];
  if (quota.exportsPerWeek === undefined) return pulls;
  const without = { quota: { ...quota, exportsPerWeek: undefined } };
  return [...pulls, mutant("quota.exports-per-week", ["artifact.export", "share.create"], without)];
}

function alwaysMutants(policy: Policy): readonly Mutant[] {
  const { purposeFor } = policy;
  const purposes = purposeFor.actions.map((action): Mutant => {
    const rest = { ...purposeFor, actions: purposeFor.actions.filter((each) => each !== action) };
    const what = `always.purpose-for: ${action}`;
    const rules = ["always:purpose-for"];
    return { what, line: purposeFor.line, actions: [action], rules, policy: { ...policy, purposeFor: rest } };
  });
  const justified = policy.justificationFor.map((each): Mutant => {
    const justificationFor = policy.justificationFor.filter((other) => other !== each);
    const what = `always.justification-for.${each.action}`;
    const rules = [`always:justification-for:${each.action}`];
    return { what, line: each.line, actions: [each.action], rules, policy: { ...policy, justificationFor } };
  });
  const authenticated = policy.mfaWithin.map((each): Mutant => {
    const mfaWithin = policy.mfaWithin.filter((other) => other !== each);
    const what = `always.mfa-within.${each.action}`;
    const rules = [`always:mfa-within:${each.action}`];
    return { what, line: each.line, actions: [each.action], rules, policy: { ...policy, mfaWithin } };
  });
  return [...purposes, ...justified, ...authenticated];
}

function separationMutants(policy: Policy): readonly Mutant[] {
  return policy.separate.map((each): Mutant => {
    const separate = policy.separate.filter((other) => other !== each);
    const what = `separate: who ${each.who} cannot ${each.cannot}`;
    // Whoever is kept from approving shows where approvals are counted, too.
    const actions = each.cannot === "request.approve" ? undefined : [each.cannot];
    const rules = actions && [`separate:${each.who}:${each.cannot}`];
    return { what, line: each.line, actions, rules, policy: { ...policy, separate } };
  });
}

function evidenceMutants(policy: Policy): readonly Mutant[] {
  return policy.evidence.flatMap((kind): Mutant[] => {
    if (!kind.notByPusher) return [];
    const evidence = swapped(policy.evidence, kind, { ...kind, notByPusher: false });
    const about = { what: `evidence.${kind.id}.not-by: pusher`, line: kind.line, actions: undefined };
    return [{ ...about, rules: statedIn(policy, kind.id), policy: { ...policy, evidence } }];
  });
}

function gateMutants(policy: Policy): readonly Mutant[] {
  return policy.gates.flatMap((gate) => {
    const mutant = (what: string, line: number, changed: Partial<typeof gate>): Mutant => ({
      ...{ what: `gates.${gate.id}.${what}`, line, actions: ["artifact.promote"], rules: [`gate:${gate.to}`] },
      policy: { ...policy, gates: swapped(policy.gates, gate, { ...gate, ...changed }) },
    });
    const evidence = gate.evidence.map((kind) => {
      const rest = gate.evidence.filter((each) => each !== kind);
      return mutant(`evidence: ${kind}`, gate.line, { evidence: rest });
    });
    const { approvals } = gate;
    if (!approvals) return evidence;
    const fewer = fewerApprovals(approvals).map(({ role, rest }) =>
      mutant(`approvals: ${role}`, approvals.line, { approvals: rest }),
    );
    return [...evidence, ...fewer];
  });
}

/** Emergencies and reviews as a whole. */
function endingMutants(policy: Policy): readonly Mutant[] {
  const { breakGlass, accessReview } = policy;
  const glass = (breakGlass?.can ?? []).map((action): Mutant => {
    const rest = breakGlass && { ...breakGlass, can: breakGlass.can.filter((each) => each !== action) };
    const what = `break-glass.can: ${action}`;
    const line = breakGlass?.line ?? 1;
    return { what, line, actions: [action], rules: undefined, policy: { ...policy, breakGlass: rest } };
  });
  if (!accessReview) return glass;
  const without = { ...policy, accessReview: undefined };
  const about = { what: "access-review", line: accessReview.line, actions: undefined };
  return [...glass, { ...about, rules: ["builtin:review-lapsed"], policy: without }];
}

/** Rules and gates that ask for a kind of evidence. */
function statedIn(policy: Policy, kind: string): readonly string[] {
  return [
    ...policy.rules.filter(({ evidence }) => evidence.includes(kind)).map(({ id }) => id),
    ...policy.gates.filter(({ evidence }) => evidence.includes(kind)).map(({ to }) => `gate:${to}`),
  ];
}
