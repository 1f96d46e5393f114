// Where an export goes, written in one way whoever types it: a request and the export must mean the same place.
import { resolve } from "node:path";
import { CloisterError } from "../../base/errors.ts";

const SCHEMES = /^(s3:\/\/|domain:|share:|file:)/;

/**
 * `s3://…`, `domain:NAME` and `share:age1…` as they are; `age1…` as a share; any other text as a path of this host.
 * @throws CloisterError USAGE
 */
export function destinationOf(text: string, cwd: string): string {
  const given = text.trim();
  if (given === "" || given.length > TEXT_MAX) {
    throw new CloisterError("USAGE", "where to?", { next: "--to s3://bucket/prefix, domain:NAME, age1… or a folder" });
  }
  if (given.startsWith("age1")) return `share:${given}`;
  if (given.startsWith("file:")) return `file:${resolve(cwd, given.slice("file:".length))}`;
  if (SCHEMES.test(given)) return given.replace(/\/+$/, "");
  return `file:${resolve(cwd, given)}`;
}

const TEXT_MAX = 1000;
