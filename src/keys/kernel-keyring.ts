// The Linux kernel's keyring (keyrings(7)): memory only, gone at reboot. It keeps unlocked identities and credentials.
import { createRequire } from "node:module";

/** Secrets in the session keyring. Where the kernel or a container forbids it, nothing is kept and nothing fails. */
export interface KernelKeyring {
  get(account: string): string | undefined;
  /** False where it could not be kept. */
  set(account: string, secret: string): boolean;
  /** False where there was none. */
  delete(account: string): boolean;
}

/** The kernel keyring of this session, as far as it holds unlocked identities. */
export const kernelKeyring: KernelKeyring = keyringOf("cloister-unlocked");
/** The same for issued credentials. */
export const credentialKeyring: KernelKeyring = keyringOf("cloister-credentials");

function keyringOf(service: string): KernelKeyring {
  return {
    get: (account) => attempt(service, account, (entry) => entry.getPassword()) ?? undefined,
    set(account, secret) {
      const kept = attempt(service, account, (entry) => {
        entry.setPassword(secret);
        return true;
      });
      return kept ?? false;
    },
    delete: (account) => attempt(service, account, (entry) => entry.deletePassword()) ?? false,
  };
}

interface Entry {
  getPassword(): string | null;
  setPassword(secret: string): void;
  deletePassword(): boolean;
}

/**
 * Required, not imported: parsing the package's CommonJS for its names would double the time to load it. Its compiled half
 * is asked for by name first, because the package's own search for it takes as long again (5 ms instead of 2.5).
 */
function library(): typeof import("@napi-rs/keyring") {
  const require = createRequire(import.meta.url);
  try {
    return require(`@napi-rs/keyring-linux-${process.arch}-gnu`) as typeof import("@napi-rs/keyring");
  } catch {
    return require("@napi-rs/keyring") as typeof import("@napi-rs/keyring");
  }
}

function attempt<T>(service: string, account: string, act: (entry: Entry) => T): T | undefined {
  if (process.platform !== "linux") return undefined;
  const { Entry } = library();
  // The synchronous entry, because keyctl's permissions belong to a thread.
  const open = () => new Entry(service, account, { linux: { store: "keyutils" } });
  try {
    // Making an entry gives a process without a session keyring one, but that entry still writes to the user's default
    // keyring, is then refused, and leaves a copy of the secret there that no delete finds. The second entry is right.
    open();
    return act(open());
  } catch {
    return undefined;
  }
}
