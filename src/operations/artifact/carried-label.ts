// The class that files carry which came out of the project: the manifest that `pull` left beside them says it, or the file
// that `ws cp` left.
import { realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CloisterError } from "../../base/errors.ts";
import { parseCanonical } from "../../base/json.ts";
import { printable } from "../../base/terminal.ts";
import { isStaging } from "../../content/staging.ts";
import { BUNDLE_BYTES_MAX, readBundle } from "../../provenance/bundle.ts";
import { readStatement } from "../../provenance/statement-reader.ts";
import { readLocal } from "../local-file.ts";
import type { Session } from "../session.ts";
import { type CarriedClass, CLASS_FILE, readCarried } from "./class-file.ts";
import { rank } from "./label.ts";
import { PROVENANCE_FILE } from "./provenance-file.ts";
import { referenceOf } from "./versions.ts";

/** A file that may say which class others carry. */
export interface Sayer {
  readonly path: string;
  /** What is meant of the things beside it; without this, all of them. */
  readonly of?: ReadonlySet<string> | undefined;
}

/**
 * What may say it of a file or folder from the folders that it lies in, wherever a link leads to it from.
 * @throws CloisterError USAGE for what an unfinished pull holds: nothing says it there yet
 */
export async function sayersAbove(path: string): Promise<readonly Sayer[]> {
  const found: Sayer[] = [];
  const real = await realpath(path).catch(() => path);
  if (isStaging(real)) {
    throw new CloisterError("USAGE", `${printable(path)} belongs to a pull that did not end`, {
      why: "its class is not noted beside it before it is whole",
      next: "run that pull again to its end, and use the folder that it makes",
    });
  }
  for (let at = real; dirname(at) !== at; at = dirname(at)) {
    found.push(...sayersIn(dirname(at), new Set([basename(at)])));
  }
  return found;
}

/** What may say it of files below a folder, whether or not it is among them. @param paths relative to the folder */
export function sayersFor(folder: string, paths: readonly string[]): readonly Sayer[] {
  const children = new Map<string, Set<string>>();
  for (const path of paths) {
    for (let at = path; at !== "."; at = dirname(at)) {
      const beside = children.get(dirname(at)) ?? new Set();
      children.set(dirname(at), beside.add(basename(at)));
    }
  }
  return [...children].flatMap(([at, names]) => sayersIn(join(folder, at), names));
}

function sayersIn(folder: string, of: ReadonlySet<string>): readonly Sayer[] {
  return [PROVENANCE_FILE, CLASS_FILE].map((name) => ({ path: join(folder, name), of }));
}

/** Whether a file of this name says which class others carry. */
export function saysClass(path: string): boolean {
  return [PROVENANCE_FILE, CLASS_FILE].includes(basename(path));
}

/**
 * The highest class among files that came out of this project; undefined where none did. It holds for those who leave
 * the manifests where they are: files copied by hand carry nothing, which is why it is no promise.
 *
 * @param sayers what may say it, around the files or among them
 */
export async function carriedLabel(
  session: Session,
  sayers: readonly Sayer[],
): Promise<{ readonly class: string; readonly from: string } | undefined> {
  const { classifications } = (await session.policy()).compiled.policy;
  let highest: { class: string; from: string } | undefined;
  for (const { path, of } of sayers) {
    const said =
      basename(path) === CLASS_FILE
        ? await readCarried(session.config.project, path, of)
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
