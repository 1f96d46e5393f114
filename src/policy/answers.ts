// Answers of Cedar, remembered. The same question to the same policy has the same answer, and 4 MB of WebAssembly take
// longer to start than everything else that an explanation needs. Only explanations rest on them, never an act.
import { sha256Hex } from "../base/digest.ts";
import { SHA256 } from "../base/record.ts";
import type { CedarAnswer, CedarRequest, Evaluator, PolicySetName } from "./cedar.ts";
import type { CompiledPolicy } from "./compiled.ts";
import { sameTime } from "./instants.ts";

const FORMAT = "cloister/answers@1";
/** Of the package, whose answers these are; `test/policy/answers.test.ts` holds the two together. */
export const CEDAR_VERSION = "4.13.0";
const ANSWERS_MAX = 1000;
/** Limit for {@link Answers.bytes}. */
export const ANSWERS_BYTES_MAX = 1_000_000;

/** More than what stands around the answers in their file. */
const FRAME_BYTES = 256;

/** An answer without errors, in the form it is kept in: its key, whether Cedar allows, and by which policies. */
type Kept = readonly [key: string, allow: boolean, reasons: readonly string[]];

/** Cedar has to be asked. */
class NotRemembered extends Error {}

export class Answers {
  readonly #kept = new Map<string, CedarAnswer>();
  #grown = false;

  /**
   * Answers from a cache; none where it is damaged or of another version. The checksum notices damage and edits, not a
   * forger, as that of compiled policies.
   */
  static parse(bytes: Uint8Array): Answers {
    const answers = new Answers();
    for (const [key, allow, reasons] of parseKept(bytes)) answers.#kept.set(key, { allow, reasons, errors: [] });
    return answers;
  }

  /** Whether there is something new to keep. */
  get grown(): boolean {
    return this.#grown;
  }

  /** The newest answers, as far as there is room for them. */
  bytes(): Uint8Array {
    const kept: Kept[] = [];
    let room = ANSWERS_BYTES_MAX - FRAME_BYTES;
    for (const [key, { allow, reasons }] of [...this.#kept].reverse().slice(0, ANSWERS_MAX)) {
      const item: Kept = [key, allow, reasons];
      room -= Buffer.byteLength(JSON.stringify(item)) + 1;
      if (room < 0) break;
      kept.unshift(item);
    }
    return Buffer.from(JSON.stringify({ format: FORMAT, kept, sum: checksum(kept) }));
  }

  /** Lets `decide` ask by what is remembered, and where that does not suffice, once more with Cedar. */
  async through<T>(decide: (evaluator: Evaluator) => T): Promise<T> {
    try {
      return decide(this.#evaluator());
    } catch (error) {
      if (!(error instanceof NotRemembered)) throw error;
      const { loadCedar } = await import("./cedar.ts");
      return decide(this.#evaluator(await loadCedar()));
    }
  }

  #evaluator(cedar?: Evaluator): Evaluator {
    return {
      ask: (compiled, set, request) => {
        const key = keyOf(compiled, set, request);
        const known = this.#kept.get(key);
        if (known) return known;
        if (!cedar) throw new NotRemembered();
        const answer = cedar.ask(compiled, set, request);
        if (answer.errors.length === 0) {
          this.#kept.set(key, answer);
          this.#grown = true;
        }
        return answer;
      },
    };
  }
}

/** Everything that an answer depends on. What the policy cannot tell from now counts as the same time. */
function keyOf(compiled: CompiledPolicy, set: PolicySetName, request: CedarRequest): string {
  const now = request.context["now"];
  const same = typeof now === "number" ? sameTime(compiled.cedar[set], now) : undefined;
  const asked = same === undefined ? request : { ...request, context: { ...request.context, now: same } };
  return sha256Hex(JSON.stringify([CEDAR_VERSION, compiled.sum, set, asked]));
}

function parseKept(bytes: Uint8Array): readonly Kept[] {
  try {
    const { format, kept, sum } = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as {
      readonly format: unknown;
      readonly kept: readonly Kept[];
      readonly sum: unknown;
    };
    return format === FORMAT && sum === checksum(kept) && kept.every(isKept) ? kept : [];
  } catch {
    return [];
  }
}

function isKept([key, allow, reasons]: Kept): boolean {
  return SHA256.test(key) && typeof allow === "boolean" && reasons.every((reason) => typeof reason === "string");
}

function checksum(kept: readonly Kept[]): string {
  return sha256Hex(JSON.stringify([FORMAT, kept]));
}
