// What the actions of a policy are called in a sentence: `bo may not <pull artifacts>`.

const WORDS: Readonly<Record<string, string>> = {
  "workspace.create": "create workspaces",
  "workspace.mount": "mount artifacts in workspaces",
  "workspace.run": "run commands in workspaces",
  "workspace.destroy": "end workspaces",
  "artifact.push": "push artifacts",
  "artifact.pull": "pull artifacts",
  "artifact.read-metadata": "see which artifacts there are",
  "artifact.export": "export artifacts",
  "artifact.promote": "promote artifacts",
  "artifact.declassify": "lower the class of artifacts",
  "artifact.attest": "attest artifacts",
  "artifact.tag": "tag artifacts",
  "artifact.retire": "retire artifacts",
  "artifact.restore": "restore artifacts",
  "share.create": "share artifacts",
  "creds.issue": "get credentials",
  "secret.read": "read secrets",
  "secret.write": "write secrets",
  "request.create": "make requests",
  "request.approve": "approve requests",
  "policy.change": "change the policy",
  "share.revoke": "revoke shares",
  "policy.read": "read the policy",
  "member.add": "add members",
  "member.review": "review members",
  "key.rotate": "rotate keys",
  "audit.read": "read the log",
  "store.copy": "copy the store to another place",
  "store.gc": "clean the store up",
  "break-glass.invoke": "break the glass",
  "break-glass.consent": "consent to break-glass",
  "break-glass.review": "review break-glass",
};

/** `pull artifacts (artifact.pull)`; an action without words is its own name. */
export function actionInWords(action: string): string {
  const words = Object.hasOwn(WORDS, action) ? WORDS[action] : undefined;
  return words === undefined ? action : `${words} (${action})`;
}
