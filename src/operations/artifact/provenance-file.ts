/** Where `pull` writes the signed manifest, beside the files; a push leaves it out at the top of a folder. */
export const PROVENANCE_FILE = "provenance.sigstore.json";
