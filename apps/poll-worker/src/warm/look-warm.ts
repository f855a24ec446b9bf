import { type FolderState, OperationalError } from "@mailfleet/domain";
import type { Run } from "../hold-run.ts";
import type { WarmConnection, WarmConnections } from "./create-warm-connections.ts";

export type WarmLook = {
  /** With what was seen just now, where the folder was examined. */
  readonly warm: WarmConnection;
  /** The server has opened the folder anew for this look. */
  readonly examined: boolean;
  /** Exactly as it was when everything in it was stored. */
  readonly nothingNew: boolean;
};

export type WarmLookRequest = {
  readonly mailboxId: WarmConnection["mailboxId"];
  readonly opened: string;
  readonly run: Pick<Run, "signal">;
  /** After this long without an answer the connection is dead. */
  readonly answerMsMax: number;
  /** A folder examined less long ago is only asked whether it has changed. */
  readonly examinedMsMax: number;
  readonly now: Date;
};

/**
 * Looks at the watched folder on the connection that waits there: the server is asked, whatever it has told or not told. Null
 * where there is no such connection, or where it turns out to be dead: that costs one login.
 */
export async function lookWarm(
  connections: Pick<WarmConnections, "take">,
  { mailboxId, opened, run, answerMsMax, examinedMsMax, now }: WarmLookRequest,
): Promise<WarmLook | null> {
  const warm = connections.take(mailboxId, opened);
  if (warm === null) return null;
  const { connection, folder, settled, examinedAt } = warm;
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new OperationalError("provider.unavailable", silence)), answerMsMax);
  try {
    const signal = AbortSignal.any([run.signal, late.signal]);
    const isRecent = now.getTime() - examinedAt.getTime() < examinedMsMax;
    if (isRecent && (await connection.watch?.hasChanged({ signal })) === false) {
      return { warm, examined: false, nothingNew: true };
    }
    const state = await connection.examine(folder, { signal });
    return { warm: { ...warm, settled: state, examinedAt: now }, examined: true, nothingNew: isSame(state, settled) };
  } catch (error) {
    await connection.close();
    if (error instanceof OperationalError && isOfSession(error) && !run.signal.aborted) return null;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** It may be the session's end and nothing else: what the server is like, only a fresh login can tell. */
export function isOfSession({ code }: OperationalError): boolean {
  return code === "provider.unavailable" || code === "session.ended";
}

const silence = "the connection that was held open does not answer";

/** A message that becomes visible late has an older UID, and still makes the count grow. */
export function isSame(a: FolderState, b: FolderState): boolean {
  return (
    a.uidValidity === b.uidValidity &&
    a.uidNext === b.uidNext &&
    a.messagesCount === b.messagesCount &&
    a.highestModseq === b.highestModseq
  );
}
