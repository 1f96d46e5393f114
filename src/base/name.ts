// Names of artifacts, domains, workspaces, members, and references to versions.
import { CloisterError } from "./errors.ts";

/** What may be a name: safe in a path, a shell, a log line and an object key on every system. */
export const NAME = /^[a-z0-9][a-z0-9._-]{0,127}$/;

/** @throws {@link CloisterError} USAGE with the rule and a repaired suggestion */
export function checkName(name: string, what: string): string {
  if (NAME.test(name)) return name;
  const repaired = name
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[^a-z0-9]+/, "")
    .slice(0, 128);
  throw new CloisterError("USAGE", `${JSON.stringify(name)} cannot be used as ${what}`, {
    why: "names are 1 to 128 of a-z 0-9 . _ - and start with a letter or digit",
    next: NAME.test(repaired) ? `use ${repaired}` : `choose another ${what}`,
  });
}

/** `[domain/]name[:version]` or `[domain/]name@sha256:…`, parsed. */
export interface Reference {
  readonly domain: string | undefined;
  readonly name: string;
  readonly version:
    | { readonly kind: "number"; readonly number: number }
    | { readonly kind: "label"; readonly label: string }
    | { readonly kind: "digest"; readonly sha256: string }
    | { readonly kind: "latest" };
}

/** @throws {@link CloisterError} USAGE */
export function parseReference(text: string): Reference {
  const match = /^(?:([^/:@]*)\/)?([^/:@]*)(?::([^/:@]*)|@sha256:([0-9a-f]{64}))?$/.exec(text);
  if (!match) {
    throw new CloisterError("USAGE", `${JSON.stringify(text)} is no artifact reference`, {
      next: "write it as [domain/]name[:version] or [domain/]name@sha256:<64 hex digits>",
    });
  }
  const [, domain, name = "", version, digest] = match;
  if (domain !== undefined) checkName(domain, "domain");
  checkName(name, "artifact name");
  return { domain, name, version: digest ? { kind: "digest", sha256: digest } : parseVersion(version) };
}

function parseVersion(text: string | undefined): Reference["version"] {
  if (text === undefined || text === "latest") return { kind: "latest" };
  const number = NUMBERED.exec(text)?.[1];
  return number ? { kind: "number", number: Number(number) } : { kind: "label", label: checkName(text, "version") };
}

const NUMBERED = /^v([1-9]\d{0,7})$/;

/** A label given at push. `vN` and `latest` are refused: they always mean number N and the newest. @throws USAGE */
export function checkLabel(label: string): string {
  if (NUMBERED.test(label) || label === "latest") {
    throw new CloisterError("USAGE", `${label} cannot be a version label`, {
      why: "vN always means number N, and latest the newest version",
      next: "leave it out (the number is given), or use a label such as 1.2",
    });
  }
  return checkName(label, "version label");
}
