// What a workspace reached, or was refused: the proxy counts it, and the signed statement has it.

/** Connections and requests to one host that ended the same way. */
export interface NetworkDecision {
  /** Its name, or the star it is allowed by; `?` where what was asked for is none, `*` for refused ones beyond the listed. */
  readonly host: string;
  /** 0 where there is none. */
  readonly port: number;
  readonly allowed: boolean;
  /** Why it was refused. */
  readonly why?: string | undefined;
  readonly count: number;
  /** Bytes that went out to the host, and that came back. */
  readonly sent: number;
  readonly received: number;
}
