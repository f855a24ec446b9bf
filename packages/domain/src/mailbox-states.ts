import type { ErrorCode } from "./errors.ts";

/** Where a mailbox stands. Only an `active` one is sent from, and polled; see also `retriedReasons`. */
export const mailboxStates = ["pending", "active", "paused", "needs-attention", "disconnected"] as const;
export type MailboxState = (typeof mailboxStates)[number];

type Move = { readonly from: readonly MailboxState[]; readonly to: MailboxState; readonly when: string };

/**
 * Every move a mailbox can make; there is no other. `docs/mailbox-states.md` draws it, and the database refuses what is
 * not here.
 */
export const mailboxMoves = {
  prove: {
    from: ["pending", "needs-attention", "disconnected"],
    to: "active",
    when: "its binding is proven and a login succeeded",
  },
  pause: { from: ["pending", "active", "needs-attention"], to: "paused", when: "an operator paused it" },
  resume: { from: ["paused", "needs-attention"], to: "active", when: "an operator resumed it, and it is proven" },
  ask: {
    from: ["active"],
    to: "needs-attention",
    when: "only its owner or their administrator can help, or its credential was revoked",
  },
  recover: {
    from: ["needs-attention"],
    to: "active",
    when: "what only its administrator could repair was repaired, and a pass succeeded",
  },
  rename: {
    from: ["active", "paused", "needs-attention", "disconnected"],
    to: "pending",
    when: "its settings name another login, which nobody has proven",
  },
  disconnect: {
    from: ["pending", "active", "paused", "needs-attention"],
    to: "disconnected",
    when: "it was disconnected, or its tenant offboarded: no credential is left and its address is free again",
  },
} as const satisfies Record<string, Move>;

export type MailboxMove = keyof typeof mailboxMoves;

/**
 * What somebody repairs at the provider without telling us. A mailbox that needs attention for one of these is tried again
 * about every hour; never one whose login was refused, since that locks its owner out. `states.cedar` names them too.
 */
export const retriedReasons = [
  "connection.insecure",
  "consent.missing",
  "folder.missing",
] as const satisfies readonly ErrorCode[];

export function isRetried(reason: string): boolean {
  return (retriedReasons as readonly string[]).includes(reason);
}

/** The states from which a move leads to this one. */
export function statesBefore(to: MailboxState): readonly MailboxState[] {
  const moves: readonly Move[] = Object.values(mailboxMoves);
  return [...new Set(moves.filter((move) => move.to === to).flatMap(({ from }) => from))];
}
