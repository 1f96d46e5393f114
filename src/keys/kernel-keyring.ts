// The Linux kernel's keyring (keyrings(7)): memory only, gone at reboot. It keeps unlocked identities for minutes.
import { createRequire } from "node:module";

const SERVICE = "cloister-unlocked";

/** Secrets in the session keyring. Where the kernel or a container forbids it, nothing is kept and nothing fails. */
export interface KernelKeyring {
  get(account: string): string | undefined;
  /** False where it could not be kept. */
  set(account: string, secret: string): boolean;
  /** False where there was none. */
  delete(account: string): boolean;
}

/** The kernel keyring of this session. */
export const kernelKeyring: KernelKeyring = {
  get: (account) => attempt(account, (entry) => entry.getPassword()) ?? undefined,
  set(account, secret) {
    const kept = attempt(account, (entry) => {
      entry.setPassword(secret);
      return true;
    });
    return kept ?? false;
  },
  delete: (account) => attempt(account, (entry) => entry.deletePassword()) ?? false,
};

interface Entry {
  getPassword(): string | null;
  setPassword(secret: string): void;
  deletePassword(): boolean;
}

function attempt<T>(account: string, act: (entry: Entry) => T): T | undefined {
  if (process.platform !== "linux") return undefined;
  // Required, not imported: parsing the package's CommonJS for its names would double the 5 ms of loading it.
  const { Entry } = createRequire(import.meta.url)("@napi-rs/keyring") as typeof import("@napi-rs/keyring");
  // The synchronous entry, because keyctl's permissions belong to a thread; and twice with a new entry, because the
  // first access of a process without a session keyring is refused, which gives it one.
  for (let tries = 0; tries < 2; tries++) {
    try {
      return act(new Entry(SERVICE, account, { linux: { store: "keyutils" } }));
    } catch {}
  }
  return undefined;
}
