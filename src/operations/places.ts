// Where Cloister keeps things on this device (XDG base directories).
import { join, resolve } from "node:path";
import type { IdentityPlaces } from "../keys/keyring.ts";
import type { Host } from "./host.ts";
import { kmsOf } from "./kms.ts";

export interface Places {
  /** The identity. */
  readonly config: string;
  /** What was verified earlier, workspaces, unfinished pushes. */
  readonly state: string;
  /** What can be made again: compiled policies. */
  readonly cache: string;
}

/** The XDG specification says to ignore relative paths in these variables. */
export function placesOf(host: Pick<Host, "env" | "home">): Places {
  const place = (variable: string, fallback: string): string => {
    const given = host.env[variable];
    return join(given?.startsWith("/") ? given : join(host.home, fallback), "cloister");
  };
  return {
    config: place("XDG_CONFIG_HOME", ".config"),
    state: place("XDG_STATE_HOME", ".local/state"),
    cache: place("XDG_CACHE_HOME", ".cache"),
  };
}

/** What the identity room needs to know of this host; `signingKey` for an identity that is to be made. */
export function identityPlaces(host: Host, signingKey?: string): IdentityPlaces {
  const { passphraseFile = host.env["CLOISTER_PASSPHRASE_FILE"], insecureStorage, askPassphrase, now } = host;
  return {
    configDir: placesOf(host).config,
    now,
    kms: kmsOf(host),
    ...(signingKey === undefined ? {} : { signingKey }),
    ...(passphraseFile ? { passphraseFile: resolve(host.cwd, passphraseFile) } : {}),
    ...(insecureStorage === undefined ? {} : { insecureStorage }),
    ...(askPassphrase ? { askPassphrase } : {}),
  };
}
