// What `ws cp` leaves beside files that it took out of a workspace: the class they carry, for a later push from there. As
// with the manifests of pulled files, it holds for those who leave it where it is.
import { join } from "node:path";
import { readLocal, writeLocal } from "../local-file.ts";
import { rank } from "./label.ts";

/** Its name, wherever it lies; a push leaves it out. */
export const CLASS_FILE = ".cloister-class.json";

export interface CarriedClass {
  readonly class: string;
  /** What it comes from, as people read it. */
  readonly from: string;
}

/** Stands for everything in the folder. */
const ALL = ".";
const BYTES_MAX = 1024 * 1024;
const TYPE = "cloister/class@1";

type Named = ReadonlyMap<string, CarriedClass>;

/** The bytes of a file that says it of everything in its folder. */
export function wholeFolder(project: string, carried: CarriedClass): Uint8Array {
  return encode(project, new Map([[ALL, carried]]));
}

/** Adds to a folder's file that something in it carries a class. What is said of it already is not lowered. */
export async function addCarried(
  { project, classifications }: { readonly project: string; readonly classifications: readonly string[] },
  folder: string,
  name: string,
  carried: CarriedClass,
): Promise<void> {
  const path = join(folder, CLASS_FILE);
  const named = new Map(await readNamed(project, path));
  const earlier = named.get(name);
  if (rank(classifications, earlier?.class) >= rank(classifications, carried.class)) return;
  await writeLocal(path, encode(project, named.set(name, carried)), 0o644);
}

/**
 * What a folder's file says: of some things in it, where names are given, or else of any.
 *
 * @returns nothing where it is no such file, or one of another project
 */
export async function readCarried(
  project: string,
  path: string,
  names: ReadonlySet<string> | undefined,
): Promise<readonly CarriedClass[]> {
  const named = await readNamed(project, path);
  return [...named].filter(([of]) => names === undefined || names.has(of) || of === ALL).map(([, carried]) => carried);
}

async function readNamed(project: string, path: string): Promise<Named> {
  const bytes = await readLocal(path, BYTES_MAX);
  if (!bytes) return new Map();
  try {
    const file = JSON.parse(bytes.toString("utf8")) as { schema: unknown; project: unknown; files: object };
    if (file.schema !== TYPE || file.project !== project) return new Map();
    return new Map(Object.entries(file.files).filter((entry): entry is [string, CarriedClass] => isCarried(entry[1])));
  } catch {
    // Somebody's file that only has the name.
    return new Map();
  }
}

function isCarried(value: unknown): value is CarriedClass {
  const { class: klass, from } = (value ?? {}) as Partial<Record<keyof CarriedClass, unknown>>;
  return typeof klass === "string" && typeof from === "string";
}

function encode(project: string, named: Named): Uint8Array {
  return Buffer.from(`${JSON.stringify({ schema: TYPE, project, files: Object.fromEntries(named) }, undefined, 2)}\n`);
}
