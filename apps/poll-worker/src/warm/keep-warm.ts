import { type FolderState, type Login, type MailConnection, OperationalError } from "@mailfleet/domain";
import type { PollBounds } from "@mailfleet/scheduling";
import type { Kept, WarmConnection, WarmConnections } from "./create-warm-connections.ts";

/** The connections this worker keeps between passes, and the name they are kept under. */
export type Warm = {
  readonly workerId: string;
  readonly connections: Pick<WarmConnections, "close" | "keep" | "take" | "takesMore">;
  readonly ageMsMax: number;
};

/** What became of a pass's connection. */
export type Keeping = {
  /** It waits for news from now on. */
  readonly kept: Kept | null;
  /** This worker has more than its share: the mailbox is for someone else, soon. */
  readonly passedOn: boolean;
};

/** Keeps the connection where it can be kept, and closes it otherwise. */
export async function keepWarm(
  { connections }: Warm,
  warm: WarmConnection,
  terms: { readonly wasHeld: boolean; readonly authorizedAt: Date },
): Promise<Keeping> {
  const kept = connections.keep(warm, terms);
  if (kept === null) await warm.connection.close();
  const passedOn = kept === null && !connections.takesMore && warm.connection.watch !== null;
  return { kept, passedOn };
}

type Opening = Pick<WarmConnection, "epoch" | "folder" | "mailboxId" | "opened" | "tenantId"> & {
  readonly login: Login;
  readonly connection: MailConnection;
};

/** A connection that was just opened; the folder's state is that of before its first pass. */
export function justOpened(
  { ageMsMax }: Warm,
  opening: Opening,
  at: { now: Date; state: FolderState },
): WarmConnection {
  const { login, ...rest } = opening;
  const agedAt = new Date(at.now.getTime() + ageMsMax);
  const endsAt = login.kind === "bearer" ? new Date(login.expiresAt.getTime() - beforeTokenEndsMs) : agedAt;
  return { ...rest, settled: at.state, examinedAt: at.now, retireAt: endsAt < agedAt ? endsAt : agedAt };
}

/** Some servers drop a session when its token ends (RFC 6749 §5.1 names the lifetime); we are gone before. */
const beforeTokenEndsMs = 60_000;

/**
 * A dead connection must be found, and replaced, with time left in the bound. A folder is examined anew at half the bound;
 * looks that come sooner, within a quarter of it, may ask for less. Where more folders are read, all of them are examined.
 */
export function lookTerms({ freshnessMs }: PollBounds, { readsMore }: { readonly readsMore: boolean }) {
  return { answerMsMax: Math.min(10_000, freshnessMs / 4), examinedMsMax: readsMore ? 0 : freshnessMs / 4 };
}

/** Who may not poll the mailbox any more may not listen to it either. */
export async function authorizeOrClose<Grant>(
  { connections }: Warm,
  mailbox: Pick<WarmConnection, "mailboxId" | "tenantId">,
  authorize: () => Promise<Grant>,
): Promise<Grant> {
  try {
    return await authorize();
  } catch (error) {
    if (error instanceof OperationalError && error.code === "gate.denied") connections.close(mailbox);
    throw error;
  }
}
