// Every decision about a way out, and every connection that is made of one.
import type { Socket } from "node:net";
import type { AddressCheck } from "./address.ts";
import { Decisions } from "./decisions.ts";
import { dial } from "./dial.ts";
import { permittedAddresses, type Resolver } from "./resolve.ts";
import { Refused, type Target } from "./target.ts";

/** A target that is allowed, with the addresses that were checked. */
export interface Destination extends Target {
  /** The entry of the list that covers it. */
  readonly under: string;
  readonly addresses: readonly string[];
}

export interface GateOptions {
  /** The entry of the workspace's list that covers a target, if one does. */
  readonly covering: (target: Target) => string | undefined;
  readonly resolver: Resolver;
  readonly permitted: AddressCheck;
}

export class Gate {
  readonly decisions = new Decisions();
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Names that are not allowed are not even looked up: a lookup tells the name's owner something. @throws Refused */
  async destination(target: Target): Promise<Destination> {
    const { covering, resolver, permitted } = this.#options;
    const under = covering(target);
    if (under === undefined) throw new Refused("it is not on this workspace's network list", target);
    return { ...target, under, addresses: await permittedAddresses(target, resolver, permitted) };
  }

  /** @throws Error where it does not answer */
  async connect(destination: Destination): Promise<Socket> {
    try {
      const socket = await dial(destination.addresses, destination.port);
      this.decisions.allowed(destination, destination.under, socket);
      return socket;
    } catch (error) {
      this.decisions.allowed(destination, destination.under);
      throw error;
    }
  }

  /** Keeps a refusal; anything else that went wrong is a fault of ours and is not for the client. */
  refused(error: unknown): Refused {
    const refusal = error instanceof Refused ? error : new Refused("something went wrong", undefined, 502);
    this.decisions.refused(refusal.target, refusal.message);
    return refusal;
  }
}
