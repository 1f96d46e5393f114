// A pseudo-terminal that a test types into and reads: tmux, on a server of its own.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BIN, type Member, until } from "./harness.ts";

const COLUMNS = 300;

/** One command of `cloister` in a terminal of its own. */
export class Terminal {
  readonly #socket: string;
  readonly #ended: string;
  #last = "";
  #closed = false;

  private constructor(socket: string, ended: string) {
    this.#socket = socket;
    this.#ended = ended;
  }

  static async open(member: Member, ...args: readonly string[]): Promise<Terminal> {
    return await Terminal.openWith(member, member.env, ...args);
  }

  /** Starts a command with this environment; the terminal lives until {@link Terminal.exit}. */
  static async openWith(member: Member, env: Member["env"], ...args: readonly string[]): Promise<Terminal> {
    return await Terminal.#start(member, env, [process.execPath, BIN, ...args]);
  }

  /** Starts another program of the member's. */
  static async command(member: Member, ...argv: readonly string[]): Promise<Terminal> {
    return await Terminal.#start(member, member.env, argv);
  }

  static async #start(member: Member, env: Member["env"], argv: readonly string[]): Promise<Terminal> {
    const ended = join(member.env["TMPDIR"] ?? "", `ended-${String(Date.now())}`);
    const terminal = new Terminal(`${ended}.socket`, ended);
    // The status is renamed into place, so that whoever sees the file sees all of it. Ctrl-C is the command's alone.
    const script = 'trap : INT; "$@"; echo $? > "$ENDED.part"; mv "$ENDED.part" "$ENDED"; sleep 60';
    const command = ["env", "-i", ...pairs(env), "TERM=xterm-256color", `ENDED=${ended}`, "sh", "-c", script, "sh"];
    const size = ["-x", String(COLUMNS), "-y", "120"];
    const where = ["-c", member.folder];
    terminal.#tmux("new-session", "-d", ...size, ...where, "--", ...command, ...argv);
    return terminal;
  }

  /** Presses keys by tmux's names, e.g. `Enter`, `C-c`. */
  keys(...names: readonly string[]): void {
    this.#tmux("send-keys", ...names);
  }

  /** Types a text and Enter. */
  type(text: string): void {
    this.#tmux("send-keys", "-l", text);
    this.keys("Enter");
  }

  resize(columns: number, rows: number): void {
    this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  /** Process id of the command. */
  pid(): number {
    const shell = this.#tmux("list-panes", "-F", "#{pane_pid}").trim();
    const [first] = readFileSync(`/proc/${shell}/task/${shell}/children`, "utf8").trim().split(" ");
    return Number(first);
  }

  /** Whether the terminal is set as a shell needs it. */
  isSane(): boolean {
    const tty = this.#tmux("list-panes", "-F", "#{pane_tty}").trim();
    const settings = execFileSync("stty", ["-F", tty, "-a"], { encoding: "utf8" }).split(/[\s;]+/);
    return ["icanon", "echo", "isig", "opost"].every((name) => settings.includes(name));
  }

  /** What the terminal shows, colours left out. */
  screen(): string {
    if (!this.#closed) this.#last = this.#tmux("capture-pane", "-p", "-J");
    return this.#last;
  }

  async expect(text: string): Promise<void> {
    try {
      await until(`a terminal that shows ${JSON.stringify(text)}`, 20_000, () => this.screen().includes(text));
    } catch (error) {
      throw new Error(`${String(error)}\n${this.screen().trimEnd()}`);
    }
  }

  /**
   * Waits for the command's end and closes the terminal.
   * @param saneMs time within which the terminal must be set as a shell needs it; not looked at without
   */
  async exit(saneMs?: number): Promise<number> {
    try {
      await until("the end of the command", 20_000, () => existsSync(this.#ended));
      if (saneMs !== undefined) await until("a terminal that works", saneMs, () => this.isSane());
      this.screen();
      return Number(readFileSync(this.#ended, "utf8"));
    } finally {
      this.kill();
    }
  }

  /** Closes the terminal with whatever runs in it. */
  kill(): void {
    if (this.#closed) return;
    this.#tmux("kill-server");
    this.#closed = true;
  }

  #tmux(...args: readonly string[]): string {
    return execFileSync("tmux", ["-S", this.#socket, "-f", "/dev/null", ...args], { encoding: "utf8", stdio: "pipe" });
  }
}

function pairs(env: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}
