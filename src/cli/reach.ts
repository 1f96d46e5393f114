// The flags that say how a store in a bucket is reached.
import type { Flags } from "./flags.ts";
import { shellWord } from "./words.ts";

interface Reach {
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  readonly profile?: string | undefined;
}

/** What was given of `--endpoint`, `--region` and `--profile`. */
export function reachOf(flags: Flags): Reach {
  return { endpoint: flags.text("endpoint"), region: flags.text("region"), profile: flags.text("profile") };
}

/** The same as it is typed. */
export function reachFlags({ endpoint, region, profile }: Reach): readonly string[] {
  return Object.entries({ endpoint, region, profile }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name} ${shellWord(value)}`],
  );
}
