// Consent, stages and time limits of a policy in plain lines.
import { formatBytes, formatDuration } from "../base/units.ts";
import { DAY_MS } from "./dates.ts";
import { ANYBODY, type Approvals, type Gate } from "./governance.ts";
import type { Policy, Role } from "./schema.ts";
import { counted, listed, withArticle } from "./words.ts";

export function governanceLines(policy: Policy): string[] {
  return [
    ...policy.roles.map((role) => roleLine(role, policy.stages)),
    stageLine(policy),
    evidenceLine(policy),
    separateLine(policy),
    retentionLine(policy),
    breakGlassLine(policy),
    reviewLine(policy),
  ];
}

/** `a data-owner and 2 reviewers`. */
export function approversText({ needs }: Approvals): string {
  return listed(
    needs.map(({ role, count }) => {
      if (role === ANYBODY) return count === 1 ? "anybody who may approve" : `${String(count)} people who may approve`;
      return count === 1 ? withArticle(role) : `${String(count)} ${role}s`;
    }),
  );
}

function roleLine({ id, stages, quota }: Role, all: readonly string[]): string {
  const parts = [
    stages && stages.length < all.length ? `works in ${listed(stages)} only` : "",
    quota.pullBytesPerDay === undefined ? "" : `pulls at most ${formatBytes(quota.pullBytesPerDay)} a day`,
    quota.exportsPerWeek === undefined ? "" : `exports at most ${counted(quota.exportsPerWeek, "time")} a week`,
  ].filter((part) => part !== "");
  return parts.length > 0 ? `role ${id}: ${parts.join("; ")}` : "";
}

function stageLine({ gates, stages }: Policy): string {
  const [first] = stages;
  return first === undefined ? "" : `stages: ${[first, ...gates.map(gateText)].join(" -> ")}`;
}

function gateText({ to, evidence, approvals }: Gate): string {
  const needs = [
    evidence.length > 0 ? listed(evidence) : "",
    approvals ? `the approval of ${approversText(approvals)}` : "",
  ].filter((part) => part !== "");
  return needs.length > 0 ? `${to} (needs ${needs.join("; ")})` : to;
}

function evidenceLine({ evidence }: Policy): string {
  const kinds = evidence.map(({ id, by, notByPusher }) => {
    return `${id} by ${listed(by.map(withArticle), "or")}${notByPusher ? " who did not push it" : ""}`;
  });
  return kinds.length > 0 ? `evidence: ${kinds.join("; ")}` : "";
}

function separateLine({ separate }: Policy): string {
  const pairs = separate.map(({ who, cannot, above }) => {
    return `${who} and ${cannot}${above === undefined ? "" : ` above ${above}`}`;
  });
  return pairs.length > 0 ? `never the same person on the same version: ${pairs.join("; ")}` : "";
}

function retentionLine({ retention }: Policy): string {
  if (!retention) return "";
  const kept = [
    ...retention.stages.map(({ stage, keepMs }) => `${stage} ${longTime(keepMs)}`),
    ...retention.classes.map(({ class: klass, keepMs }) => `${klass} ${longTime(keepMs)}`),
  ];
  const after = retention.after === "retire" ? "it is retired" : "its keys are destroyed";
  return `kept: ${kept.join(", ")}, the shortest that fits; then ${after}`;
}

const YEAR_MS = 365 * DAY_MS;

/** Whole years as years. */
function longTime(ms: number): string {
  return ms % YEAR_MS === 0 ? `${String(ms / YEAR_MS)} y` : formatDuration(ms);
}

function breakGlassLine({ breakGlass, roles }: Policy): string {
  if (!breakGlass) return "";
  const officers = roles.filter(({ can }) => can.includes("break-glass.invoke")).map(({ id }) => withArticle(id));
  const { can, escrow, notify, maxMs, reviewWithinMs } = breakGlass;
  const who = `${listed(officers, "or")} with the consent of ${listed(escrow, "or")}`;
  const told = `${listed(notify)} ${notify.length === 1 ? "is" : "are"} told`;
  const after = `${told}; another reviews it within ${formatDuration(reviewWithinMs)}`;
  return `emergencies: ${who} may ${listed(can)} for ${formatDuration(maxMs)}; ${after}`;
}

function reviewLine({ accessReview }: Policy): string {
  if (!accessReview) return "";
  const { by, everyMs } = accessReview;
  return `access: ${withArticle(by)} confirms it every ${formatDuration(everyMs)}; what lapses is read-only`;
}
