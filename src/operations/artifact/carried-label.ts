// The class that files carry which came out of the project: the manifest that `pull` left beside them says it, or the file
// that `ws cp` left.
import { basename } from "node:path";
import { CloisterError } from "../../base/errors.ts";
import { parseCanonical } from "../../base/json.ts";
import { BUNDLE_BYTES_MAX, readBundle } from "../../provenance/bundle.ts";
import { readStatement } from "../../provenance/statement-reader.ts";
import { readLocal } from "../local-file.ts";
import type { Session } from "../session.ts";
import { type CarriedClass, CLASS_FILE, readCarried } from "./class-file.ts";
import { rank } from "./label.ts";
import { PROVENANCE_FILE } from "./provenance-file.ts";
import { referenceOf } from "./versions.ts";

/** Whether a file of this name says which class others carry. */
export function saysClass(path: string): boolean {
  return [PROVENANCE_FILE, CLASS_FILE].includes(basename(path));
}

/**
 * The highest class among files that came out of this project; undefined where none did. It holds for those who leave
 * the manifests where they are: files copied by hand carry nothing, which is why it is no promise.
 *
 * @param manifests paths of files that {@link saysClass} names, beside the files or among them
 * @param only the name of the only file that is meant, beside them
 */
export async function carriedLabel(
  session: Session,
  manifests: readonly string[],
  only?: string,
): Promise<{ readonly class: string; readonly from: string } | undefined> {
  const { classifications } = (await session.policy()).compiled.policy;
  let highest: { class: string; from: string } | undefined;
  for (const path of manifests) {
    const said =
      basename(path) === CLASS_FILE
        ? await readCarried(session.config.project, path, only)
        : await readManifest(session, path);
    for (const found of said) {
      if (rank(classifications, found.class) > rank(classifications, highest?.class)) highest = found;
    }
  }
  return highest;
}

async function readManifest(session: Session, path: string): Promise<readonly CarriedClass[]> {
  try {
    const bytes = await readLocal(path, BUNDLE_BYTES_MAX);
    if (!bytes) return [];
    const { payload } = readBundle(bytes);
    const manifest = readStatement(parseCanonical(payload, "manifest", payload.length));
    if (manifest.project.id !== session.config.project) return [];
    const { domain, name, label, number } = manifest;
    return [{ class: manifest.class, from: referenceOf(domain, name, label, number) }];
  } catch (error) {
    // Somebody's file that only has the name.
    if (error instanceof CloisterError) return [];
    throw error;
  }
}
