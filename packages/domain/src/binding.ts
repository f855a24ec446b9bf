/** Whose a mailbox is at its provider, as somebody has proven. Directory and subject of a token are taken from here. */
export type Binding = {
  readonly provider: "microsoft" | "google" | "oidc";
  /** Entra's directory id, or a domain of the directory; null where the provider knows none. */
  readonly directory: string | null;
  /** The mailbox's address there, in lower case. */
  readonly subject: string;
};
