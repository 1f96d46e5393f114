// What a volume promises, as people read it in `cloister ws show` and on the receipt.
import type { VolumeKind } from "../sandbox.ts";

interface VolumeWords {
  readonly enforced: string;
  readonly notEnforced: readonly string[];
  /** How it is erased, once it was. */
  readonly erased: string;
}

/** Where nothing is said, an earlier release made it: in memory. */
export function volumeWords(kind: VolumeKind = "memory"): VolumeWords {
  return WORDS[kind];
}

const WORDS: Readonly<Record<VolumeKind, VolumeWords>> = {
  memory: {
    enforced: "files stay in memory in a volume of the size given by --disk",
    notEnforced: ["where memory has no limit that is held, the volume may be swapped to disk"],
    erased: "the volume was memory of this machine and is gone; nothing was written to its disk (swap excepted)",
  },
  encrypted: {
    enforced:
      "files lie on the disk encrypted (names, too), with a key that is in memory alone and ends with the workspace",
    notEnforced: [
      "how many files there are: empty ones take no room of --disk",
      "the disk shows how many files there are, how large, and when they changed",
      "where memory has no limit that is held, the key and files in use may be swapped to disk",
    ],
    erased:
      "the volume was encrypted with a key that was never stored and is gone with the process that had it; " +
      "the ciphertext was removed (swap excepted)",
  },
};
