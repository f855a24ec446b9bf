/** Whose Authentication-Results can be believed: those of the mailbox's own server, and how they are told from others. */
export type TrustedHop =
  /** The server names itself so, and puts its field on top of every message it takes in (RFC 8601 §2.5, §5). */
  | { readonly kind: "authserv-id"; readonly id: string }
  /** Exchange Online: the topmost field, without a name, written by its own host. */
  | { readonly kind: "microsoft-365" }
  | { readonly kind: "none" };

/** What a tenant's operator said about a mailbox. Nothing of it comes from mail. */
export type SenderSettings = {
  readonly trustedHop: TrustedHop;
  /** The domains of the mailbox's own organisation at its provider, whose members the provider proves. */
  readonly internalDomains: readonly string[];
  /** Forwarders and lists whose word about a message is taken, by the domain that seals (RFC 8617). Empty: nobody's. */
  readonly trustedSealers: readonly string[];
  /** Whom to attribute mail to once proven: addresses, and `@example.org` for everybody there. */
  readonly allowList: readonly string[];
};

/** Nobody is believed and nobody attributed. */
export const noTrust: SenderSettings = {
  trustedHop: { kind: "none" },
  internalDomains: [],
  trustedSealers: [],
  allowList: [],
};
