// A request as people read it before they decide.
import type { RequestDetail } from "../index.ts";
import type { Page, Row } from "./output.ts";
import { log, minutesUtc } from "./words.ts";

export function showRequest(page: Page, request: RequestDetail): void {
  const { id, kind, state, requestedBy, requestedAt, expiresAt, reference, to, version } = request;
  const time = (text: string) => (page.tty ? minutesUtc(text) : text);
  const paint = state === "open" ? page.paint.yellow : state === "approved" ? page.paint.green : page.paint.red;
  page.fields([
    ["request", id],
    ["state", { text: state, paint }],
    [
      "asks for",
      `${kind} of ${reference ?? "something that is sealed to others"}${to === undefined ? "" : ` to ${to}`}`,
    ],
    ["asked by", `${requestedBy} on ${time(requestedAt)}   ${log(request.logEntry)}`],
    ["purpose", request.purpose],
    ["why", request.justification],
    ["expires", time(expiresAt)],
    ["class", `${request.domain}/${request.class}`],
    [
      "version",
      `number ${String(version.number)}, pushed by ${version.pushedBy} on ${time(version.pushedAt)}   ${log(version.logEntry)}`,
    ],
    ["version id", request.versionId],
    ["content", request.digest === undefined ? undefined : `${request.artifact ?? ""} ${page.digest(request.digest)}`],
    ["checked", request.checked ? "you can read the version, and it is what the request calls it" : UNCHECKED],
    ["made of", inputsText(request)],
    ["evidence", request.evidence.map((each) => `${each.kind} by ${each.by}`).join(", ") || "none"],
    ["scan", request.scan],
    ["policy", `v${String(request.policyVersion)}`],
    page.digestRow(request.sha256),
    ["problem", request.problem === undefined ? undefined : { text: request.problem, paint: page.paint.red }],
  ]);
  page.heading("Approvals");
  page.fields([
    ...request.needs.map(({ rule, line, approvals }): Row => {
      const asks = approvals.map(({ role, count }) => `${String(count)} × ${role}`).join(", ");
      return ["needs", `${asks}   (${rule}, line ${String(line)})`];
    }),
    ...request.approvals.map((each): Row => {
      return ["approved by", `${each.member} on ${time(each.at)}   ${log(each.logEntry)}`];
    }),
    ...wantedRows(request.wanted),
    ["granted until", request.grantedUntil && time(request.grantedUntil)],
    ["ended by", request.ended && `${request.ended.by} on ${time(request.ended.at)}   ${log(request.ended.logEntry)}`],
    ["used by", request.usedBy === undefined ? undefined : log(request.usedBy)],
    ...request.ignored.map(({ what, why }): Row => ["ignored", `${what}: ${why}`]),
  ]);
  if (request.waitsForYou)
    page.hints("It waits for you", [`cloister request approve ${id}`, `cloister request deny ${id} --why "…"`]);
}

const UNCHECKED = "no: you cannot read the version; what it is called is what the requester wrote";

function inputsText({ inputs }: RequestDetail): string {
  if (!inputs) return "you cannot read it";
  return inputs.map((each) => `${each.reference} (${each.class})`).join(", ") || "no inputs";
}

/** Who can still approve, a row for each role. */
export function wantedRows(wanted: RequestDetail["wanted"]): readonly Row[] {
  return wanted.map(({ role, count, members }) => {
    const who = members.length > 0 ? members.join(", ") : "nobody can: the policy leaves no one for it";
    return ["still needs", `${String(count)} × ${role === "any" ? "anybody who may approve" : role}: ${who}`];
  });
}
