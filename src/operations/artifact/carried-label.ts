// The class that pulled files carry with them: the manifest that `pull` left beside them says it.
import { CloisterError } from "../../base/errors.ts";
import { parseCanonical } from "../../base/json.ts";
import { BUNDLE_BYTES_MAX, readBundle } from "../../provenance/bundle.ts";
import { readStatement } from "../../provenance/statement-reader.ts";
import { readLocal } from "../local-file.ts";
import type { Session } from "../session.ts";
import { rank } from "./label.ts";
import { referenceOf } from "./versions.ts";

/**
 * The highest class among pulled files of this project; undefined where nothing was pulled. It holds for those who leave
 * the manifests where they are: files copied by hand carry nothing, which is why it is no promise.
 *
 * @param manifests paths of manifests beside the files
 */
export async function carriedLabel(
  session: Session,
  manifests: readonly string[],
): Promise<{ readonly class: string; readonly from: string } | undefined> {
  const { classifications } = (await session.policy()).compiled.policy;
  let highest: { class: string; from: string } | undefined;
  for (const path of manifests) {
    const found = await readManifest(session, path);
    if (found && rank(classifications, found.class) > rank(classifications, highest?.class)) highest = found;
  }
  return highest;
}

async function readManifest(session: Session, path: string): Promise<{ class: string; from: string } | undefined> {
  try {
    const bytes = await readLocal(path, BUNDLE_BYTES_MAX);
    if (!bytes) return undefined;
    const { payload } = readBundle(bytes);
    const manifest = readStatement(parseCanonical(payload, "manifest", payload.length));
    if (manifest.project.id !== session.config.project) return undefined;
    const { domain, name, label, number } = manifest;
    return { class: manifest.class, from: referenceOf(domain, name, label, number) };
  } catch (error) {
    // Somebody's file that only has the name.
    if (error instanceof CloisterError) return undefined;
    throw error;
  }
}
