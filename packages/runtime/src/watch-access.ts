import {
  type AccessChange,
  type ActorId,
  endsWork,
  type MailboxId,
  OperationalError,
  type TenantId,
} from "@mailfleet/domain";
import { startLoop } from "./start-loop.ts";

export type AccessWatchOptions = {
  /** What has changed since the last call. */
  readonly read: () => Promise<readonly AccessChange[]>;
  /** Calls back when there is something to read. It only makes this faster, and may be lost. */
  readonly onChange: (listener: () => void) => Promise<{ close(): Promise<void> }>;
  readonly onError: (error: unknown) => void;
};

/** What a piece of work stands on. */
export type Access = { readonly tenantId: TenantId; readonly mailboxId: MailboxId; readonly actorId?: ActorId };

export type HeldAccess = {
  /** Aborts with `gate.denied` once any of it was taken away. */
  readonly signal: AbortSignal;
  release(): void;
};

export type AccessWatch = {
  /**
   * To be called before the gate is asked: what was taken away before that the gate knows, what comes after it the signal
   * tells, and nothing falls between.
   */
  hold(access: Access): HeldAccess;
  /** For everything that is kept beyond one piece of work: warm connections, tokens, keys. Listeners must not throw. */
  onAccessChange(listener: (change: AccessChange) => void): void;
  close(): Promise<void>;
};

/** Far below the 5 s within which access that was taken away has ended. */
const intervalMs = 1_000;

/** Reads once and then each second. Returns when the first reading is done, so that no work begins unwatched. */
export async function watchAccess({ read, onChange, onError }: AccessWatchOptions): Promise<AccessWatch> {
  const held = new Set<{ readonly access: Access; readonly end: AbortController }>();
  const listeners: ((change: AccessChange) => void)[] = [];

  const tell = (change: AccessChange) => {
    for (const { access, end } of held) {
      if (!endsWork(change) || !concerns(change, access)) continue;
      end.abort(new OperationalError("gate.denied", `access was taken away while it was used (${change.cause})`));
    }
    for (const listener of listeners) listener(change);
  };
  const pass = async () => {
    for (const change of await read()) tell(change);
    return intervalMs;
  };
  await pass();
  const loop = startLoop(pass, { onError, backoff: { firstMs: 100, maxMs: intervalMs } });
  const listening = await onChange(() => loop.wake());

  return {
    hold(access) {
      const entry = { access, end: new AbortController() };
      held.add(entry);
      return { signal: entry.end.signal, release: () => void held.delete(entry) };
    },
    onAccessChange: (listener) => void listeners.push(listener),
    async close() {
      await listening.close();
      await loop.close();
    },
  };
}

function concerns(change: AccessChange, access: Access): boolean {
  if (change.tenantId !== access.tenantId) return false;
  if (change.actorId !== null) return change.actorId === access.actorId;
  return change.mailboxId === null || change.mailboxId === access.mailboxId;
}
