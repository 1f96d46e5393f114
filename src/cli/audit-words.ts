// What an entry of the log says in clear besides its action: which of several steps it was, and of what.
import type { AuditRow } from "../index.ts";

/** `approve r-16`, `export`, `hold`, `dev -> candidate`, `bias-review pass`; undefined where the action says it all. */
export function stepOf({ facts = {} }: Pick<AuditRow, "facts">): string | undefined {
  const word = (name: string): string | undefined => {
    const value = facts[name];
    return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
  };
  const [request, glass] = [word("requestEntry"), word("invocation")];
  const [stage, toStage, toClass, toDomain] = [word("stage"), word("toStage"), word("toClass"), word("toDomain")];
  const steps = [
    word("verdict"),
    word("kind"),
    word("result"),
    word("retire"),
    word("outcome"),
    request && `r-${request}`,
    glass && `bg-${glass}`,
    toStage && (stage ? `${stage} -> ${toStage}` : `to ${toStage}`),
    toClass && `to ${toClass}`,
    toDomain && `to domain ${toDomain}`,
    ...reviewed(facts["lines"]),
  ].filter((text) => text !== undefined);
  return steps.length === 0 ? undefined : steps.join(" ");
}

/** Lines of an access review. */
function reviewed(lines: NonNullable<AuditRow["facts"]>[string]): readonly string[] {
  if (!Array.isArray(lines)) return [];
  return lines.flatMap((line) => {
    if (line === null || typeof line !== "object" || Array.isArray(line)) return [];
    const { verdict, member, holding } = line as Readonly<Record<string, unknown>>;
    const parts = [verdict, member, holding].filter((part) => typeof part === "string");
    return parts.length === 3 ? [parts.join(" ")] : [];
  });
}
