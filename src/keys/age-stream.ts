// age files of any size, as streams. The library is loaded on use.
import { integrity } from "../base/errors.ts";

/** The bytes of an age file to one recipient. */
export async function encryptStream(
  recipient: string,
  plain: AsyncIterable<Uint8Array>,
): Promise<AsyncIterable<Uint8Array>> {
  const { Encrypter } = await import("age-encryption");
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  return encrypter.encrypt(ReadableStream.from(plain));
}

/** Every age file begins with this line. */
export const AGE_START = Buffer.from("age-encryption.org/v1\n");
/** A header with one recipient has 200 bytes; the library would read one without an end into memory. */
const HEADER_BYTES_MAX = 16 * 1024;
const HEADER_END = Buffer.from("\n--- ");

/**
 * Decrypts an age file. Every piece is authentic when it comes out; that the file was cut short shows at its end.
 *
 * @returns undefined where the file is not encrypted to this key, which a damaged recipient stanza looks like, too
 * @throws {@link CloisterError} INTEGRITY where it is no age file or was changed, also while it is read; whatever `file` throws
 */
export async function decryptStream(
  ageSecret: string,
  file: AsyncIterable<Uint8Array>,
  what: string,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  const age = await import("age-encryption");
  const decrypter = new age.Decrypter();
  decrypter.addIdentity(ageSecret);
  let unmatched = false;
  // Identities are tried in turn, so this one is asked only where ours opens nothing in the header.
  decrypter.addIdentity({
    unwrapFileKey: () => {
      unmatched = true;
      return null;
    },
  });
  const source = new Source(file, what);
  try {
    return source.naming(await decrypter.decrypt(ReadableStream.from(source.checked())));
  } catch (cause) {
    if (unmatched) return undefined;
    throw source.blame(cause);
  }
}

/** What is read, and whose fault it is where that fails: the file's, or its content's. */
class Source {
  readonly #file: AsyncIterable<Uint8Array>;
  readonly #what: string;
  #failure: { readonly error: unknown } | undefined;

  constructor(file: AsyncIterable<Uint8Array>, what: string) {
    this.#file = file;
    this.#what = what;
  }

  /** The bytes of the file, once its header was found to have an end. */
  async *checked(): AsyncIterable<Uint8Array> {
    let head = Buffer.alloc(0);
    let ended = false;
    try {
      for await (const piece of this.#file) {
        if (ended) {
          yield piece;
          continue;
        }
        head = Buffer.concat([head, piece]);
        ended = head.subarray(0, HEADER_BYTES_MAX).includes(HEADER_END);
        if (ended) yield head;
        else if (head.length > HEADER_BYTES_MAX) throw integrity(`${this.#what} is no age file of ours`);
      }
      if (!ended) yield head;
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  async *naming(plain: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    try {
      yield* plain;
    } catch (cause) {
      throw this.blame(cause);
    }
  }

  blame(cause: unknown): unknown {
    if (this.#failure) return this.#failure.error;
    return integrity(`${this.#what} cannot be decrypted`, {
      why: "it is no age file, was changed, or was cut short",
      next: "ask for it to be sent again",
      cause,
    });
  }
}
