// Export to another domain: the same files as a new version there, whose provenance names where they come from.
import { bringOver } from "../artifact/bring-over.ts";
import type { Version } from "../artifact/versions.ts";
import type { Ask } from "../guard.ts";
import type { Session } from "../session.ts";
import type { Exported, ExportOptions } from "../types.ts";
import { exported } from "./export.ts";

interface ToDomain {
  readonly version: Version;
  readonly ask: Ask;
  readonly options: ExportOptions;
  readonly domain: string;
}

/** @throws CloisterError as `bringOver` does */
export async function exportToDomain(session: Session, given: ToDomain): Promise<Exported> {
  const { version, ask, options, domain } = given;
  const destination = { kind: "domain" as const, text: `domain:${domain}` };
  const dryRun = options.dryRun ?? false;
  const draft = draftOf(version, options, domain);
  const least = version.record.class;
  const { made, done } = await bringOver(session, {
    ...{ way: "export", aim: "toDomain", version, ask, draft, least, dryRun },
  });
  const { reference, class: klass, versionId } = made;
  return exported(version, destination, done?.entry, dryRun, { reference, class: klass, versionId });
}

/** Header and manifest there say the same purpose and reason as the export: readers judge both by them. */
function draftOf({ record, header }: Version, options: ExportOptions, domain: string) {
  const name = options.name ?? `${header.name}${header.label === undefined ? "" : `:${header.label}`}`;
  const { purpose, justification } = options;
  const { kind, owner, licence } = header;
  const klass = options.class ?? record.class;
  return { name: `${domain}/${name}`, class: klass, kind, owner, licence, purpose, justification };
}
