// What lies where in the archive of a share: the statement, the manifest under its usual name, and the files.

export const STATEMENT_FILE = "share.json";
export const FILES_FOLDER = "files/";
