// A shell in a workspace, on the person's terminal: a run like any other, decided and recorded.
import { CloisterError } from "../../base/errors.ts";
import type { Streams } from "../../base/streams.ts";
import type { Session } from "../session.ts";
import type { RunResult, ShellOptions } from "../types.ts";
import { requireRunning } from "./look.ts";
import { run } from "./run.ts";
import { sandboxOf } from "./sandbox.ts";
import { labelWithSource } from "./source.ts";

/**
 * What the workspace's own settings say comes last. The history lies in its home, is written line by line, and goes with it.
 * They end well: a shell that is left at once ends with the code of its last command, and that would be theirs.
 */
const SETTINGS = `exec 3<&-
[ -r /etc/bash.bashrc ] && . /etc/bash.bashrc
HISTFILE=~/.bash_history HISTSIZE=10000 HISTFILESIZE=20000 HISTCONTROL=ignoreboth
PROMPT_COMMAND="history -a"
shopt -s histappend checkwinsize
PS1='\${CLOISTER_WORKSPACE}:\${CLOISTER_LABEL} \\w \\$ '
case \${NO_COLOR:+none}$TERM in
  none*|dumb) ;;
  *) PS1='\\[\\e[1;32m\\]\${CLOISTER_WORKSPACE}\\[\\e[0m\\]:\\[\\e[33m\\]\${CLOISTER_LABEL}\\[\\e[0m\\] \\w \\$ '
     alias ls='ls --color=auto' grep='grep --color=auto' ;;
esac
[ -r ~/.bashrc ] && . ~/.bashrc
:`;

/** bash where it is there; else what sh is, without a history. */
const SHELL = `command -v bash >/dev/null || exec sh -i
SHELL=$(command -v bash) exec bash --rcfile /dev/fd/3 -i 3<<'END'
${SETTINGS}
END
`;

/**
 * Opens a shell on the terminal and waits for its end.
 * @throws CloisterError USAGE off a terminal; otherwise as {@link run}
 */
export async function shell(session: Session, options: ShellOptions, streams: Streams): Promise<RunResult> {
  const { workspace } = options;
  if (![streams.stdin, streams.stdout, streams.stderr].every((stream) => stream.isTTY === true)) {
    throw new CloisterError("USAGE", "a shell needs a terminal", {
      why: "standard input, output or error goes elsewhere",
      next: `cloister run ${workspace} -- sh`,
    });
  }
  await session.sync();
  const sandbox = await sandboxOf(session.host);
  const state = await requireRunning(session, sandbox, workspace);
  const { classifications } = (await session.policy()).compiled.policy;
  const label = labelWithSource(session, state, classifications)?.class ?? "no-data";
  const env = { CLOISTER_WORKSPACE: state.name, CLOISTER_LABEL: label, PS1: `${state.name}:${label} $ ` };
  return await run(session, { ...options, argv: ["/bin/sh", "-c", SHELL] }, streams, {
    ...{ env, recordedAs: ["shell"], endsBy: "SIGHUP" },
  });
}
