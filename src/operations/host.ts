/** What the library needs from the process it runs in. Nothing below `cli/` looks at the process itself. */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Working directory: relative paths start here. */
  readonly cwd: string;
  readonly home: string;
  /** Login name, for defaults only. */
  readonly userName: string;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  /** Aborts at the first SIGINT, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal;
  /** Asks a person for a passphrase; absent where no one can be asked. `new` asks twice. */
  readonly askPassphrase?: (purpose: "new" | "unlock") => Promise<string>;
  /** Asks a person for the code of the second factor with this serial number; absent where no one can be asked. */
  readonly askCode?: (serial: string) => Promise<string>;
  /** File that holds the passphrase (`--passphrase-file`, `CLOISTER_PASSPHRASE_FILE`). */
  readonly passphraseFile?: string | undefined;
  /** Allows keeping the identity in a plain file (`--insecure-storage`). */
  readonly insecureStorage?: boolean;
  /** Long work reports here, at most some times a second. */
  readonly progress: (progress: Progress) => void;
  /** Something a person should know that is not an error. */
  readonly notice: (text: string) => void;
}

/** How far a long step has come. */
export interface Progress {
  /** A short present participle: `pushing`, `fetching`, `copying`, … */
  readonly step: string;
  /** Of content, so far. */
  readonly bytes: number;
  /** Undefined while it is not known. */
  readonly bytesTotal: number | undefined;
  /** Bytes that are really written or fetched (the rest was found again). */
  readonly bytesNew?: number | undefined;
  /** Bytes that the store got for them: encrypted, and maybe compressed. */
  readonly bytesStored?: number | undefined;
  /** Of content: at least so much is in the store, confirmed, and need not be stored again by the same command. */
  readonly bytesKept?: number | undefined;
  /** What a push does just now: read; give the store the rest, when all is read; wait for the store to catch up. */
  readonly phase?: "reading" | "uploading" | "waiting" | undefined;
}
