// The policy in about six plain lines, for people who will not read the file.
import { formatBytes, formatDuration } from "../base/units.ts";
import { approversText, governanceLines } from "./describe-governance.ts";
import { isLoopback } from "./host-entry.ts";
import { longestLife } from "./issuing.ts";
import type { Policy, Role, Rule } from "./schema.ts";
import { counted, listed } from "./words.ts";

/** Members named before a list is cut. */
const NAMES_MAX = 6;

/** Who decides, what data there is, who works here as what, what always holds, what is refused. */
export function describePolicy(policy: Policy): string[] {
  return [
    `${policy.project}: policy version ${String(policy.version)}, until ${policy.expires.date}; changes need ${signatures(policy)}`,
    dataLine(policy),
    ...peopleLines(policy),
    workspaceLine(policy),
    ...useLines(policy),
    credentialLine(policy),
    loginLine(policy),
    awsLine(policy),
    alwaysLine(policy),
    ...ruleLines(policy),
    ...governanceLines(policy),
  ].filter((line) => line !== "");
}

function signatures({ owners: { threshold, members } }: Policy): string {
  if (threshold === 1) return `the signature of ${listed(members, "or")}`;
  return `the signatures of ${threshold === members.length ? "" : `${String(threshold)} of `}${listed(members)}`;
}

function dataLine(policy: Policy): string {
  const [lowest = ""] = policy.classifications;
  const highest = policy.classifications.at(-1) ?? "";
  const classes = policy.classifications.length === 1 ? lowest : policy.classifications.join(" < ");
  const domains = policy.domains.map(({ id }) => id);
  const noun = domains.length === 1 ? "domain" : "domains";
  return `data: ${noun} ${cut(domains)}; classes ${classes}${lowest === highest ? "" : " (most sensitive)"}`;
}

function peopleLines(policy: Policy): string[] {
  const roles = policy.roles.map((role) => {
    const holders = policy.members
      .filter((member) => member.suspended === undefined && member.roles.some((holding) => holding.role === role.id))
      .map(({ id }) => id);
    return `${role.id} up to ${role.upTo}: ${holders.length > 0 ? cut(holders) : "nobody yet"}`;
  });
  const suspended = policy.members.filter((member) => member.suspended !== undefined).map(({ id }) => id);
  return [`people: ${roles.join("; ")}`, suspended.length > 0 ? `suspended: ${cut(suspended)}` : ""];
}

function workspaceLine(policy: Policy): string {
  const creators = policy.roles.filter((role) => role.can.includes("workspace.create"));
  if (creators.length === 0) return "workspaces: nobody may create one";
  const longest = Math.max(...creators.map((role) => role.workspace.ttlMs ?? Number.POSITIVE_INFINITY));
  const life = Number.isFinite(longest) ? `live at most ${formatDuration(longest)}` : "have no time limit";
  const hosts = [...new Set(creators.flatMap((role) => role.workspace.network))];
  const reach = hosts.length === 0 ? "no network" : `${cut(hosts)} at most`;
  const networks = [...new Set(creators.flatMap((role) => role.workspace.privateNetworks))];
  const within = networks.length > 0 ? `, also in ${listed(networks)}` : "";
  const weak = networks.some(isLoopback) ? " (which weakens them: services of the machine itself)" : "";
  return `workspaces: ${life} and reach ${reach}${within}${weak}; ${listed(creators.map(({ id }) => id))} may create them`;
}

/** What else the workspaces of each role have at most, and show. */
function useLines(policy: Policy): string[] {
  return policy.roles.flatMap((role) => {
    if (!role.can.includes("workspace.create")) return [];
    const parts = useParts(role.workspace);
    return parts.length > 0 ? [`workspaces of ${role.id}: ${parts.join("; ")}`] : [];
  });
}

function useParts(limits: Role["workspace"]): string[] {
  const { cpus, memoryBytes, processes, openFiles, diskBytes, runMs } = limits;
  const amounts = [
    cpus === undefined ? "" : counted(cpus, "processor"),
    memoryBytes === undefined ? "" : `${formatBytes(memoryBytes)} of memory`,
    diskBytes === undefined ? "" : `${formatBytes(diskBytes)} of disk`,
    processes === undefined ? "" : `${String(processes)} processes`,
    openFiles === undefined ? "" : `${String(openFiles)} open files`,
    runMs === undefined ? "" : `${formatDuration(runMs)} for a command`,
  ].filter((part) => part !== "");
  return [
    amounts.length > 0 ? `at most ${listed(amounts)}` : "",
    limits.mustHold.length > 0 ? `only where the host holds ${listed(limits.mustHold)}` : "",
    limits.mounts.length > 0 ? `may show ${cut(limits.mounts)}` : "",
    limits.gpu ? "may show GPUs (which weakens them)" : "",
    limits.drivers ? `driver ${listed(limits.drivers, "or")}` : "",
    limits.images.length > 0 ? `images ${cut(limits.images)}` : "",
  ].filter((part) => part !== "");
}

function credentialLine(policy: Policy): string {
  const issued = policy.roles.filter((role) => role.can.includes("creds.issue"));
  const lives = issued.map((role) => `${role.id} for ${formatDuration(longestLife(role))}`);
  const rotate = policy.rotateSecretsMs;
  const parts = [
    lives.length > 0 ? `issued to ${listed(lives)}` : "",
    rotate === undefined ? "" : `secrets are changed every ${formatDuration(rotate)}`,
  ].filter((part) => part !== "");
  return parts.length > 0 ? `credentials: ${parts.join("; ")}` : "";
}

function loginLine({ login, members }: Policy): string {
  if (!login) return "";
  const known = members.filter((member) => member.oidc?.issuer === login.issuer).map(({ id }) => id);
  return `login: ${login.issuer}, as ${known.length > 0 ? cut(known) : "nobody yet"}`;
}

function awsLine({ aws }: Policy): string {
  if (!aws) return "";
  const at = aws.prefix === "" ? aws.bucket : `${aws.bucket}/${aws.prefix}`;
  const own = aws.kmsByClass.map((each) => each.class);
  const keys = [
    aws.kms === undefined ? "" : "KMS holds the keys of classes",
    own.length > 0 ? `keys of their own for ${listed(own)}` : "",
  ].filter((part) => part !== "");
  return [`aws: s3://${at} in account ${aws.account}, ${aws.region}`, ...keys].join("; ");
}

function alwaysLine(policy: Policy): string {
  const purposes = policy.purposes.map(({ id }) => id);
  const { actions } = policy.purposeFor;
  const parts = [
    actions.length > 0 ? `${needing(actions)} a purpose (${cut(purposes)})` : "",
    ...together(policy.justificationFor, (each) => counted(each.charsMin, "character")).map(
      ([chars, needing]) => `${needing} a justification of at least ${chars}`,
    ),
    ...together(policy.mfaWithin, (each) => formatDuration(each.withinMs)).map(
      ([time, needing]) => `${needing} a second factor within ${time}`,
    ),
    policy.labelFloor === undefined
      ? ""
      : `what is pushed is at least as sensitive as what its pusher pulled in ${formatDuration(policy.labelFloor.ms)}`,
  ].filter((part) => part !== "");
  return parts.length > 0 ? `always: ${parts.join("; ")}` : "";
}

/** `policy.change and key.rotate need`. */
function needing(actions: readonly string[]): string {
  return `${listed(actions)} ${actions.length === 1 ? "needs" : "need"}`;
}

/** Actions of which the same is asked, said once. */
function together<T extends { readonly action: string }>(
  items: readonly T[],
  amountOf: (item: T) => string,
): readonly (readonly [amount: string, needing: string])[] {
  const amounts = [...new Set(items.map(amountOf))];
  return amounts.map((amount) => {
    const actions = items.filter((item) => amountOf(item) === amount).map(({ action }) => action);
    return [amount, needing(actions)] as const;
  });
}

function ruleLines(policy: Policy): string[] {
  return policy.rules.map((rule) => `rule ${rule.id}: ${ruleText(rule)}`);
}

function ruleText(rule: Rule): string {
  const about = [
    listed(rule.on),
    rule.kinds ? `of ${listed(rule.kinds, "or")}` : "",
    rule.from === undefined ? "" : `from ${rule.from} up`,
    rule.domains ? `in ${listed(rule.domains, "or")}` : "",
  ].filter((part) => part !== "");
  if (rule.refuse !== undefined) return `${about.join(" ")} is refused`;
  const needs = [...rule.fields, ...(rule.provenance ? ["a recorded run"] : []), ...consentTexts(rule)];
  return `${about.join(" ")} needs ${listed(needs)}`;
}

/** What others have to do first, and where it may go. */
function consentTexts({ approvals, grant, release, evidence, destinations }: Rule): string[] {
  const keys = release === undefined ? "" : ", which releases the key";
  return [
    ...(approvals ? [`the approval of ${approversText(approvals)}`] : []),
    ...(grant
      ? [`a grant of ${approversText(grant.approvals)} for at most ${formatDuration(grant.maxMs)}${keys}`]
      : []),
    ...evidence,
    ...(destinations ? [`${listed(destinations, "or")} as its destination`] : []),
  ];
}

function cut(names: readonly string[]): string {
  const shown =
    names.length > NAMES_MAX ? [...names.slice(0, NAMES_MAX), `${String(names.length - NAMES_MAX)} more`] : names;
  return shown.join(", ");
}
