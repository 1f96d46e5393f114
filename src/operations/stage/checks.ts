// What `verify` says of a version beside its content: where it stands, by whom, and what was stated about it.
import type { Version } from "../artifact/versions.ts";
import { standingOf } from "../governance/stage.ts";
import type { Session } from "../session.ts";
import type { Check, StatementSummary } from "../types.ts";
import { statementsOf } from "./statements.ts";

/** Each promotion and statement was decided again; what does not count is named, and makes nothing bad. */
export async function governanceChecks(session: Session, version: Version): Promise<readonly Check[]> {
  const { kind } = version.header;
  const { policy } = (await session.policy()).compiled;
  const standing = await standingOf(session, version.versionId, { policy, kind });
  const { statements, ignored } = await statementsOf(session, version);
  return [
    ...(standing ? [stageCheck(standing.stage, policy.stages, standing.since)] : []),
    ...statements.filter(({ stands }) => stands).map(statementCheck),
    ...[...(standing?.ignored ?? []), ...ignored].map(
      ({ what, why }): Check => ({ name: "ignored", state: "unknown", text: `${what}: ${why}` }),
    ),
  ];
}

function stageCheck(
  stage: string,
  stages: readonly string[],
  since: { member: string; entry: number; event: { policy: number } },
): Check {
  const [first] = stages;
  const { member, entry, event } = since;
  const by = `promoted by ${member} (#${String(entry)}), who was allowed to under policy v${String(event.policy)}`;
  return { name: "stage", state: "good", text: stage === first ? `in ${stage}` : `in ${stage}, ${by}` };
}

function statementCheck({ kind, result, by, logEntry, document, problem }: StatementSummary): Check {
  const said = `${kind} ${result}, stated by ${by} (#${String(logEntry)})`;
  if (problem !== undefined) return { name: "statement", state: "bad", text: `${said}: ${problem}` };
  return { name: "statement", state: "good", text: `${said}, signature and document match: ${document?.name ?? ""}` };
}
