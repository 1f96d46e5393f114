// The part of the public library that is about what becomes of a version after its push.
import type { Session } from "../operations/session.ts";
import type * as T from "../operations/types.ts";

/** Statements about a version, and the stages it goes through. */
export interface Stages {
  /** Signs a statement about a version, and stores it with the document behind it. */
  attest(options: T.AttestOptions): Promise<T.Attested>;
  /** The document behind a statement, by the statement's digest or the beginning of it. */
  statementDocument(reference: string, digest: string): Promise<Uint8Array>;
  /** Moves a version one stage on, through the policy's gate. */
  promote(options: T.PromoteOptions): Promise<T.Promoted>;
  /** Points a tag at a version. */
  tag(options: T.TagOptions): Promise<T.TagSet>;
  /** Writes a version anew in a lower class. */
  declassify(options: T.DeclassifyOptions): Promise<T.Declassified>;
}

/** Each operation is loaded when it is called. */
export function stagesOf(session: Session): Stages {
  return {
    attest: async (options) => (await import("../operations/stage/attest.ts")).attest(session, options),
    statementDocument: async (reference, digest) =>
      (await import("../operations/stage/statements.ts")).documentOf(session, reference, digest),
    promote: async (options) => (await import("../operations/stage/promote.ts")).promote(session, options),
    tag: async (options) => (await import("../operations/stage/tag.ts")).tag(session, options),
    declassify: async (options) => (await import("../operations/stage/declassify.ts")).declassify(session, options),
  };
}
