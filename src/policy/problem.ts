// What the reader has to say about a policy file, and where.

/** A place in the file, both numbers 1-based; columns count UTF-16 units, as editors do. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong (`error`: the file is refused) or that deserves a look (`warning`). */
export interface Problem extends Place {
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly hint: string | undefined;
}

/** A file with more errors than this is not worth listing further. */
const PROBLEMS_MAX = 100;

/** Collects problems while a file is read, so that one pass tells them all. */
export class Problems {
  readonly #all: Problem[] = [];

  error(place: Place, message: string, hint?: string): void {
    this.#add(place, "error", message, hint);
  }

  warning(place: Place, message: string, hint?: string): void {
    this.#add(place, "warning", message, hint);
  }

  get failed(): boolean {
    return this.#all.some((problem) => problem.severity === "error");
  }

  /** Whether further errors are dropped: no need to work out hints for them. */
  get full(): boolean {
    return this.#all.length >= PROBLEMS_MAX && this.failed;
  }

  /** In the order of the file. */
  list(): Problem[] {
    return [...this.#all].sort((a, b) => a.line - b.line || a.column - b.column);
  }

  #add(place: Place, severity: Problem["severity"], message: string, hint: string | undefined): void {
    // Errors always get in: a flood of warnings must not make a wrong file look right.
    if (this.full || (severity === "warning" && this.#all.length >= PROBLEMS_MAX)) return;
    this.#all.push({ line: place.line, column: place.column, severity, message, hint });
  }
}
